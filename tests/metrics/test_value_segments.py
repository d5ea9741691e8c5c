"""Fifths of customers by their orders, held against pandas, and KPIs grouped by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow
END = "2026-07-01"


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """Orders of 23 people; three more ordered once on one day for the same price, and one after the range's end."""
    rng = np.random.default_rng(3)
    who = rng.integers(0, 23, 160)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 181, 160), "D")
    rows = pd.DataFrame(
        {"customer_id": [f"p{w}" for w in who], "ordered_at": days, "revenue": rng.integers(5, 90, 160)}
    )
    same = pd.DataFrame({"customer_id": ["x", "y", "z"], "ordered_at": pd.Timestamp("2026-04-01"), "revenue": 40})
    late = pd.DataFrame({"customer_id": ["x"] * 9, "ordered_at": pd.Timestamp("2026-08-01"), "revenue": 900})
    return pd.concat([rows, same, late], ignore_index=True)


@pytest.fixture(scope="module")
def asked(new_desk: Any, orders: pd.DataFrame) -> Any:
    desk = new_desk()
    rows = [
        {**row, "source_id": str(i), "ordered_at": str(row["ordered_at"]), "currency": "EUR"}
        for i, row in enumerate(orders.to_dict("records"))
    ]
    answers = [
        {
            "source_id": who,
            "customer_id": who,
            "kind": "nps",
            "score": 9 if who < "p2" else 3,
            "answered_at": "2026-05-05",
        }
        for who in [*orders["customer_id"].unique(), "stranger"]
    ]
    desk.deliver({"orders": rows, "survey_responses": answers})
    return desk


def fifths(values: pd.Series) -> pd.Series:
    """1 + the whole part of five times the share of customers strictly below."""
    return (5 * (values.rank(method="min") - 1) // len(values) + 1).astype(int).astype(str)


@pytest.fixture(scope="module")
def by_hand(orders: pd.DataFrame) -> pd.DataFrame:
    before = orders[orders["ordered_at"] < END].groupby("customer_id")
    return pd.DataFrame({
        "rfm_recency": fifths(before["ordered_at"].max()),
        "rfm_frequency": fifths(before.size()),
        "rfm_money": fifths(before["revenue"].sum()),
    })  # fmt: skip


@pytest.mark.parametrize("name", ["rfm_recency", "rfm_frequency", "rfm_money"])
def test_fifths_are_those_of_pandas(asked: Any, by_hand: pd.DataFrame, orders: pd.DataFrame, name: str) -> None:
    rows = {r[name]: r for r in asked.kpi("revenue_per_user", by=[name], end=END)}
    assert {k: r["n"] for k, r in rows.items()} == by_hand[name].value_counts().to_dict()
    spent = orders[orders["ordered_at"] < END].groupby("customer_id")["revenue"].sum()
    for fifth, mean in spent.groupby(by_hand[name]).mean().items():
        assert rows[fifth]["value"] == pytest.approx(mean)


def test_any_kpi_of_customers_takes_them(asked: Any, by_hand: pd.DataFrame) -> None:
    rows = {r["rfm_money"]: r for r in asked.kpi("nps", by=["rfm_money"], end=END)}
    assert rows[None]["n"] == 1  # who never ordered stands in no fifth
    assert {k: r["n"] for k, r in rows.items() if k} == by_hand["rfm_money"].value_counts().to_dict()
    best = by_hand.index[by_hand["rfm_money"] == "5"]
    assert rows["5"]["value"] == pytest.approx(100 * np.mean([1 if who < "p2" else -1 for who in best]))


def test_they_filter_as_they_group(asked: Any) -> None:
    whole = {r["rfm_recency"]: r["n"] for r in asked.kpi("nps", by=["rfm_recency"], end=END)}
    top = asked.one("nps", where="rfm_recency in ('4', '5')", end=END)
    assert top["n"] == whole["4"] + whole["5"]


def test_equals_stand_together_and_later_orders_do_not_count(asked: Any, by_hand: pd.DataFrame) -> None:
    assert by_hand.loc[["x", "y", "z"]].nunique().tolist() == [1, 1, 1]
    (row,) = asked.kpi("nps", by=["rfm_money"], where="customer_id = 'x'", end=END)
    assert row["rfm_money"] == by_hand.loc["x", "rfm_money"]
    (later,) = asked.kpi("nps", by=["rfm_money"], where="customer_id = 'x'")
    assert later["rfm_money"] == "5"
