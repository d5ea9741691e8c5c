"""Who has left: a customer and a company of one system may bear the same number, and only one of them is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from wellheard.enrich.past import Past
from wellheard.enrich.purchase_histories import Purchases, ended, staying

ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {"source_id": "17", "created_at": "2025-01-01", "ended_at": "2026-03-01"},
        {"source_id": "20", "created_at": "2025-01-01", "ended_at": "2026-03-01"},
        {"source_id": "30", "created_at": "2025-01-01"},
    ],
    "customers": [
        {"source_id": "17", "created_at": "2025-01-01"},
        {"source_id": "18", "account_id": "17", "created_at": "2025-01-01"},
        {"source_id": "20", "account_id": "20", "created_at": "2025-01-01"},
        {"source_id": "30", "created_at": "2025-01-01", "ended_at": "2026-03-01"},
    ],
    "orders": [
        {"source_id": "1", "customer_id": "17", "ordered_at": "2026-04-01", "revenue": 9, "currency": "EUR"},
        {"source_id": "2", "account_id": "30", "ordered_at": "2026-04-01", "revenue": 9, "currency": "EUR"},
    ],
}


def test_an_end_is_of_the_customer_or_of_the_company_that_it_names(desk: Any) -> None:
    desk.deliver(ROWS)
    with Past(desk.workspace.lake, desk.workspace.settings, datetime(2026, 6, 1, tzinfo=UTC)) as past:
        gone = ended(past)
    assert {(row["who"], row["is_person"]) for row in gone.to_pylist()} == {
        ("example:17", False), ("example:18", True), ("example:20", True), ("example:20", False), ("example:30", True),
    }  # fmt: skip


def test_who_stays_is_matched_by_name_and_kind() -> None:
    none = np.zeros(3)
    bought = Purchases(pa.array(["s:1", "s:1", "s:2"]), pa.array([True, False, True]), none, none, none, none, none)
    gone = pa.table({"who": ["s:1", "s:2"], "is_person": [False, True]})
    assert staying(bought, gone).tolist() == [1, 0, 0]
