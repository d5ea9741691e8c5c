"""Where figures of money, cohorts, carts and visits go wrong elsewhere, by name."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow
MARCH = {"start": "2026-03-01", "end": "2026-04-01"}


def spans(
    *given: tuple[str, str, str | None] | tuple[str, str, str | None, float], **more: Any
) -> list[dict[str, Any]]:
    """Subscriptions: whose, from, until, and its MRR."""
    return [
        {"source_id": str(i), "customer_id": who, "mrr": rest[0] if rest else 10, "currency": "EUR",
         "started_at": a, "ended_at": b, **more}
        for i, (who, a, b, *rest) in enumerate(given)
    ]  # fmt: skip


def test_who_comes_and_leaves_inside_a_period_is_in_no_cohort(desk: Any) -> None:
    desk.deliver({"subscriptions": spans(("a", "2026-01-01", None), ("b", "2026-03-05", "2026-03-20"))})
    for name in ("churn_rate", "retention_rate"):
        assert desk.one(name, **MARCH)["n"] == 1
        why = {row["id"] for row in desk.kpi(name, rows=True, **MARCH) if not row["counted"]}
        assert len(why) == 1
    assert desk.one("churn_rate", **MARCH)["value"] == 0


def test_who_leaves_and_returns_within_the_period_is_no_churn(desk: Any) -> None:
    desk.deliver(
        {
            "subscriptions": spans(
                ("a", "2026-01-01", "2026-03-10"), ("a", "2026-03-20", None), ("b", "2026-01-01", None)
            )
        }
    )
    assert (desk.one("churn_rate", **MARCH)["value"], desk.one("churn_rate", **MARCH)["n"]) == (0, 2)
    assert desk.one("churn_rate:by_subscription", **MARCH)["value"] == 50
    assert desk.one("net_revenue_retention:monthly", **MARCH)["value"] == 50
    assert desk.one("net_revenue_retention:monthly+with_reactivation", **MARCH)["value"] == 100


def test_a_change_of_plan_on_the_same_day_is_no_churn_and_no_return(desk: Any) -> None:
    desk.deliver({"subscriptions": spans(("a", "2026-01-01", "2026-03-10", 100), ("a", "2026-03-10", None, 150))})
    assert desk.one("churn_rate", **MARCH)["value"] == 0
    assert desk.one("net_revenue_retention:monthly", **MARCH)["value"] == 150
    assert desk.one("gross_revenue_retention:monthly", **MARCH)["value"] == 100


def test_growth_of_one_does_not_make_up_for_the_loss_of_another(desk: Any) -> None:
    desk.deliver({"subscriptions": spans(
        ("a", "2026-01-01", "2026-03-10", 100), ("a", "2026-03-10", None, 200), ("b", "2026-01-01", "2026-03-15", 100)
    )})  # fmt: skip
    assert desk.one("gross_revenue_retention:monthly", **MARCH)["value"] == 50
    assert desk.one("net_revenue_retention:monthly", **MARCH)["value"] == 100


def test_down_then_up_within_a_month_is_as_it_ends(desk: Any) -> None:
    desk.deliver({"subscriptions": spans(
        ("a", "2026-01-01", "2026-03-05", 100), ("a", "2026-03-05", "2026-03-20", 40), ("a", "2026-03-20", None, 100)
    )})  # fmt: skip
    assert desk.one("gross_revenue_retention:monthly", **MARCH)["value"] == 100
    assert desk.one("churn_rate:revenue", **MARCH)["value"] == 0


def test_trials_and_free_plans_are_no_customers(desk: Any) -> None:
    trial = {
        "source_id": "t",
        "customer_id": "t",
        "started_at": "2026-01-01",
        "ended_at": "2026-03-10",
        "mrr": 10,
        "currency": "EUR",
        "trial": True,
    }
    free = {**trial, "source_id": "f", "customer_id": "f", "trial": False, "mrr": 0}
    desk.deliver({"subscriptions": [*spans(("a", "2026-01-01", None)), trial, free]})
    assert (desk.one("churn_rate", **MARCH)["value"], desk.one("churn_rate", **MARCH)["n"]) == (0, 1)


def test_without_subscriptions_the_customers_own_dates_count(desk: Any) -> None:
    desk.deliver({"customers": [
        {"source_id": "a", "created_at": "2026-01-01", "region": "north", "updated_at": "2026-01-01"},
        {"source_id": "a", "created_at": "2026-01-01", "region": "south", "updated_at": "2026-03-20"},
        {"source_id": "b", "created_at": "2026-01-01", "ended_at": "2026-03-10", "region": "north",
         "updated_at": "2026-03-10"},
    ]})  # fmt: skip
    assert (desk.one("churn_rate", **MARCH)["value"], desk.one("churn_rate", **MARCH)["n"]) == (50, 2)
    assert [(r["region"], r["n"]) for r in desk.kpi("churn_rate", by=["region"], **MARCH)] == [("north", 2)]


def test_a_month_that_is_not_over_is_judged_by_where_the_data_end(desk: Any) -> None:
    desk.deliver({"subscriptions": spans(("a", "2026-01-01", None), ("b", "2026-03-10", None))})
    march = desk.kpi("churn_rate", grain="month")[-1]
    assert (march["period_start"], march["partial"], march["value"], march["n"]) == ("2026-03-01", True, 0, 1)


def test_a_price_in_three_currencies_is_brought_to_one_at_the_days_rate(desk: Any) -> None:
    def order(i: int, currency: str, day: str, revenue: float) -> dict[str, Any]:
        return {"source_id": str(i), "customer_id": "a", "ordered_at": day, "revenue": revenue, "currency": currency}

    rates = [("USD", "EUR", "2026-01-01", 0.9), ("USD", "EUR", "2026-02-01", 0.8), ("EUR", "GBP", "2026-01-01", 0.5)]
    orders = [
        order(1, "EUR", "2026-01-10", 100), order(2, "EUR", "2026-02-10", 1),
        order(3, "USD", "2026-01-31T23:00:00Z", 100),
        order(4, "USD", "2026-02-01", 100), order(5, "GBP", "2026-02-10", 100), order(6, "CHF", "2026-02-10", 100),
    ]  # fmt: skip
    desk.deliver({
        "orders": orders,
        "fx_rates": [
            {"source_id": str(i), "from_currency": a, "to_currency": b, "on_date": d, "rate": r}
            for i, (a, b, d, r) in enumerate(rates)
        ],
    })  # fmt: skip
    row = desk.one("revenue_per_user")
    assert (row["value"], row["currency"]) == (pytest.approx(100 + 1 + 90 + 80 + 200), "EUR")
    (lost,) = [r for r in desk.kpi("revenue_per_user", rows=True) if not r["counted"]]
    assert (lost["source_id"], "exchange rate" in lost["why"]) == ("6", True)
    assert desk.one("revenue_per_user", where="currency = 'USD'")["currency"] == "EUR"  # no filter changes the money
    assert desk.one("revenue_per_user", where="currency = 'USD'")["value"] == pytest.approx(170)


def test_a_rate_of_two_sources_or_both_directions_pays_once(desk: Any) -> None:
    orders = {"orders": [
        {"source_id": "1", "customer_id": "a", "ordered_at": "2026-01-10", "revenue": 100, "currency": "EUR"},
        {"source_id": "2", "customer_id": "a", "ordered_at": "2026-01-11", "revenue": 50, "currency": "EUR"},
        {"source_id": "3", "customer_id": "a", "ordered_at": "2026-01-12", "revenue": 100, "currency": "USD"},
    ]}  # fmt: skip
    there = {"from_currency": "USD", "to_currency": "EUR", "on_date": "2026-01-01", "rate": 0.9}
    back = {"from_currency": "EUR", "to_currency": "USD", "on_date": "2026-01-01", "rate": 1.0}
    rates = {"fx_rates": [{"source_id": "1", **there}, {"source_id": "2", **back}]}
    desk.deliver(orders)
    desk.deliver(rates, source="bank")
    desk.deliver(rates, source="other")
    assert desk.one("revenue_per_user")["value"] == pytest.approx(240)  # the rate given, not the other one turned round


def test_cohort_money_is_at_the_rate_of_the_start(desk: Any) -> None:
    rates = [("2026-01-01", 0.5), ("2026-03-15", 1.0)]
    desk.deliver({
        "subscriptions": [*spans(("a", "2026-01-01", None, 100), ("b", "2026-01-01", None, 100)),
                          *spans(("c", "2026-01-01", None, 100), currency="USD")[:1]],
        "fx_rates": [{"source_id": d, "from_currency": "USD", "to_currency": "EUR", "on_date": d, "rate": r}
                     for d, r in rates],
    })  # fmt: skip
    assert desk.one("net_revenue_retention:monthly", **MARCH)["value"] == 100  # the dollar's rise is no growth


def test_a_cart_still_being_filled_is_pending(desk: Any) -> None:
    cart = {"visitor_id": "v", "opened_at": "2026-03-05T10:00:00Z"}
    desk.deliver({"carts": [
        {**cart, "source_id": "1", "bought_at": "2026-03-05T10:05:00Z"},
        {**cart, "source_id": "2"},
        {**cart, "source_id": "3", "opened_at": "2026-03-05T11:45:00Z", "visitor_id": "w"},
        {**cart, "source_id": "4", "last_event_at": "2026-03-05T12:00:00Z"},
    ]})  # fmt: skip
    row = desk.one("cart_abandonment_rate")
    assert (row["value"], row["n"], row["pending"]) == (50, 2, 2)


def test_a_checkout_after_midnight_of_the_month_stands_in_its_own_month(desk: Any) -> None:
    cart = {"visitor_id": "v", "opened_at": "2026-03-31T23:50:00Z", "checkout_at": "2026-04-01T00:10:00Z"}
    later = {"source_id": "1", "visitor_id": "x", "started_at": "2026-04-01T10:00:00Z"}
    desk.deliver({"carts": [{**cart, "source_id": "1", "bought_at": "2026-04-01T00:12:00Z"}], "visits": [later]})
    months = desk.kpi("cart_abandonment_rate:checkout", grain="month")
    assert [(row["period_start"], row["n"]) for row in months] == [("2026-03-01", 0), ("2026-04-01", 1)]


def test_visitors_and_visits_are_different_figures(desk: Any) -> None:
    visits = [("a", False), ("a", True), ("a", False), ("b", False)]
    desk.deliver({"visits": [
        {"source_id": str(i), "visitor_id": who, "started_at": f"2026-03-0{i + 1}T10:00:00Z",
         "converted_at": f"2026-03-0{i + 1}T10:05:00Z" if bought else None}
        for i, (who, bought) in enumerate(visits)
    ]})  # fmt: skip
    assert (desk.one("conversion_rate")["value"], desk.one("conversion_rate:by_visit")["value"]) == (50, 25)


def test_lines_of_one_order_are_no_repeat_purchase(desk: Any) -> None:
    line = {"customer_id": "a", "ordered_at": "2026-01-05", "revenue": 10, "currency": "EUR"}
    desk.deliver({"orders": [
        {**line, "source_id": "1", "order_id": "A"}, {**line, "source_id": "2", "order_id": "A"},
        {**line, "source_id": "3", "order_id": "B", "customer_id": "b"},
        {**line, "source_id": "4", "order_id": "C", "customer_id": "b", "ordered_at": "2026-06-30"},
        {**line, "source_id": "5", "order_id": "D", "customer_id": "c"},
        {**line, "source_id": "6", "order_id": "E", "customer_id": "c", "ordered_at": "2026-01-06",
         "status": "cancelled"},
    ]})  # fmt: skip
    row = desk.one("retention_rate:repeat_purchase")
    assert (row["value"], row["n"]) == (0, 3)
    assert desk.one("retention_rate:repeat_purchase_ever")["value"] == pytest.approx(100 / 3)


def test_revenue_without_a_customer_is_left_out_and_counted(desk: Any) -> None:
    order = {"ordered_at": "2026-03-05", "revenue": 100, "currency": "EUR"}
    desk.deliver({"orders": [
        {**order, "source_id": "1", "customer_id": "a"}, {**order, "source_id": "2"},
        {**order, "source_id": "3", "customer_id": "b", "refunded": 40},
        {**order, "source_id": "4", "customer_id": "c", "status": "cancelled"},
    ]})  # fmt: skip
    assert (desk.one("revenue_per_user")["value"], desk.one("revenue_per_user")["n"]) == (80, 2)
    (left,) = [row for row in desk.kpi("revenue_per_user", rows=True) if not row["counted"]]
    assert "no customer" in left["why"]
