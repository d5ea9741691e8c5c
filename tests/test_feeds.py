"""What a workspace is said to be able to feed is what it feeds."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow  # everyday checks leave it out

CUSTOMERS = {
    "customers": [
        {"source_id": "c0", "created_at": "2025-01-05", "ended_at": "2025-03-20"},
        {"source_id": "c1", "created_at": "2025-01-05"},
        {"source_id": "c2", "created_at": "2025-01-05"},
    ]
}
ORDERS = {
    "orders": [
        {"source_id": f"o{i}", "customer_id": f"c{i}", "ordered_at": "2025-01-05", "revenue": 10, "currency": "EUR"}
        for i in range(3)
    ]
    + [{"source_id": "later", "customer_id": "c1", "ordered_at": "2025-05-05", "revenue": 10, "currency": "EUR"}]
}
PLANS = {
    "subscriptions": [
        {"source_id": "s", "account_id": "a", "started_at": "2025-01-05", "mrr": 10, "currency": "EUR"},
        {"source_id": "t", "account_id": "b", "started_at": "2025-03-05", "mrr": 10, "currency": "EUR"},
    ],
    "usage": [{"source_id": "u", "account_id": "a", "used_at": "2025-02-05", "feature": "map"}],
}


@pytest.mark.parametrize(
    ("rows", "fed", "not_fed"),
    [
        (CUSTOMERS, {"churn_rate", "retention_rate"}, {"mrr", "revenue_per_user"}),
        (
            CUSTOMERS | ORDERS,
            {"churn_rate", "retention_rate", "active_customers", "revenue_per_user", "customer_profitability"},
            {"mrr", "upsell_rate"},
        ),
        (PLANS, {"mrr", "active_customers", "feature_adoption", "revenue_per_user"}, {"sentiment"}),
    ],
    ids=["customers alone", "a shop", "companies"],
)
def test_what_feeds_a_kpi_is_what_gives_it_a_value(
    desk: Any, rows: dict[str, Any], fed: set[str], not_fed: set[str]
) -> None:
    desk.deliver(rows)
    feeds = {feed.kpi: feed for feed in desk.workspace.feeds()}
    for name in fed | not_fed:
        valued = any(row["value"] is not None for row in desk.kpi(name, grain="month"))
        assert (name in fed) == valued == bool(feeds[name].rows) == (not feeds[name].missing), name


def test_what_is_missing_names_every_way_to_fill_it(desk: Any) -> None:
    missing = {feed.kpi: feed.missing for feed in desk.workspace.feeds()}
    assert missing["churn_rate"] == "no rows in subscriptions and no rows in customers"
    assert missing["customer_profitability"] == "no rows in orders and no rows in subscriptions"
    assert missing["nps"] == "no rows in survey_responses with kind = nps"


def test_without_subscriptions_recurring_revenue_is_not_known_rather_than_zero(desk: Any) -> None:
    desk.deliver(CUSTOMERS)
    for name in ("mrr", "mrr:new", "mrr:change"):
        row = desk.one(name, start="2025-01-01", end="2025-02-01")
        assert (row["value"], row["n"], row["state"]) == (None, 0, "none")
