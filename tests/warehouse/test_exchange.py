"""Money at the rate of its day, beside the rates looked up by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import pytest

from wellheard.warehouse.exchange import converted

RATES = (
    ("USD", "EUR", "2026-01-10", 0.9),
    ("USD", "EUR", "2026-01-20", 0.8),
    ("EUR", "GBP", "2026-01-05", 0.5),  # turned round: a pound is two euros
    ("USD", "EUR", "2026-02-01", 0.0),  # no rate at all
)


def _asked(currency: str | None, day: str) -> tuple[float | None, bool]:
    fx = ibis.memtable([(a, b, date.fromisoformat(on), r) for a, b, on, r in RATES], schema=_fx())
    rows = [(currency, datetime.fromisoformat(f"{day}T23:59:59"), 100.0)]
    money = ibis.memtable(
        rows, schema=ibis.schema({"currency": "string", "at": "timestamp('UTC', 6)", "amount": "float64"})
    )
    (found,) = ibis.duckdb.connect().to_pyarrow(converted(money, fx, "EUR", ["amount"], "at")).to_pylist()
    amount: Any = found["amount"]
    return None if amount is None else float(amount), found["no_rate"]


def _fx() -> ibis.Schema:
    return ibis.schema({"from_currency": "string", "to_currency": "string", "on_date": "date", "rate": "float64"})


@pytest.mark.parametrize(
    ("currency", "day", "amount"),
    [
        ("USD", "2026-01-09", None),  # before the first rate
        ("USD", "2026-01-10", 90),
        ("USD", "2026-01-19", 90),
        ("USD", "2026-01-20", 80),
        ("USD", "2031-06-01", 80),  # the last one holds
        ("GBP", "2026-01-04", None),
        ("GBP", "2026-01-12", 200),  # though another currency has newer rates
        ("GBP", "2031-06-01", 200),
        ("CHF", "2026-01-12", None),
        ("EUR", "2026-01-12", 100),
        (None, "2026-01-12", 100),  # taken for the reporting currency
    ],
)
def test_money_is_taken_at_the_last_rate_up_to_its_day(currency: str | None, day: str, amount: float | None) -> None:
    assert _asked(currency, day) == (amount, amount is None)
