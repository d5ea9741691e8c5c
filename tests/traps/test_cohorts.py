"""Where figures of cohorts and of the money in them go wrong elsewhere, by name: each counted by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from wellheard.base.errors import BadCall

pytestmark = pytest.mark.slow
MARCH = {"start": "2026-03-01", "end": "2026-04-01"}
PARTS = ("new", "expansion", "contraction", "churn", "reactivation", "exchange_rates")
LATER = {"source_id": "later", "customer_id": "later", "started_at": "2026-05-10", "mrr": 1, "currency": "EUR"}


def plan(number: object, who: str, start: str, end: str | None, mrr: float = 100, **more: Any) -> dict[str, Any]:
    row = {"source_id": str(number), "customer_id": who, "started_at": start, "ended_at": end, "mrr": mrr}
    return {**row, "currency": "EUR", **more}


def held(desk: Any, *rows: dict[str, Any], **more: Any) -> Any:
    """The desk with these subscriptions, and one that starts later, so that March is over."""
    desk.deliver({"subscriptions": [*rows, LATER], **more})
    return lambda name, **how: desk.one(name, **{**MARCH, **how})


def test_the_parts_of_the_bridge_add_up_to_the_change_in_every_month_and_segment(company: Any) -> None:
    """To the last cent, with three currencies whose rates move every day, and leavers who come back."""
    span = {"start": "2026-02-01", "end": "2026-08-01", "grain": "month"}
    for by in ([], ["segment"]):
        change = {(r["period_start"], r.get("segment")): r["value"] for r in company.kpi("mrr:change", by=by, **span)}
        sums = dict.fromkeys(change, 0.0)
        for part in PARTS:
            for row in company.kpi(f"mrr:{part}", by=by, **span):
                sums[row["period_start"], row.get("segment")] += row["value"]
        assert sums == pytest.approx(change, rel=1e-9)
    months = company.kpi("mrr", **span)
    for before, now in pairwise(months):
        assert now["value"] - before["value"] == pytest.approx(change_of(company, now), rel=1e-9)


def change_of(company: Any, row: dict[str, Any]) -> float:
    return float(company.one("mrr:change", start=row["period_start"], end=row["period_end"])["value"])


def test_annual_and_monthly_plans_count_by_the_month(desk: Any) -> None:
    """From 10 a month to 96 a year: MRR 8, a contraction of 2 and nobody lost."""
    one = held(
        desk,
        plan(1, "a", "2026-01-01", "2026-03-10", 10, interval="month"),
        plan(2, "a", "2026-03-10", "2027-03-10", 8, interval="year"),
    )
    assert one("churn_rate")["value"] == 0
    assert one("mrr")["value"] == 8
    assert one("mrr:contraction")["value"] == -2
    assert one("gross_revenue_retention:monthly")["value"] == 80


def test_one_of_two_products_given_up_is_no_lost_customer(desk: Any) -> None:
    one = held(
        desk,
        plan(1, "a", "2026-01-01", None, 70, product="x"),
        plan(2, "a", "2026-01-01", "2026-03-10", 30, product="y"),
    )
    assert (one("churn_rate")["value"], one("churn_rate:by_subscription")["value"]) == (0, 50)
    assert one("retention_rate:by_subscription")["value"] == 50
    assert one("gross_revenue_retention:monthly")["value"] == 70
    assert (one("mrr:contraction")["value"], one("mrr:churn")["value"]) == (-30, 0)
    assert one("churn_rate:revenue+by_subscription")["value"] == 30


def test_two_products_swapped_the_same_day_are_no_growth(desk: Any) -> None:
    one = held(
        desk,
        plan(1, "a", "2026-01-01", "2026-03-10T12:00:00Z", 70, product="x"),
        plan(2, "a", "2026-03-10T12:00:00Z", None, 70, product="y"),
    )
    assert {part: one(f"mrr:{part}")["value"] for part in PARTS} == dict.fromkeys(PARTS, 0)
    assert one("net_revenue_retention:monthly+by_subscription")["value"] == 0
    assert one("net_revenue_retention:monthly")["value"] == 100


def test_a_rise_of_the_dollar_is_no_expansion(desk: Any) -> None:
    rates = [("2026-01-01", 0.5), ("2026-03-15", 1.0)]
    one = held(
        desk,
        plan(1, "a", "2026-01-01", None, 100),
        plan(2, "b", "2026-01-01", None, 100),
        plan(3, "c", "2026-01-01", None, 100, currency="USD"),
        fx_rates=[
            {"source_id": d, "from_currency": "USD", "to_currency": "EUR", "on_date": d, "rate": r} for d, r in rates
        ],
    )
    assert one("net_revenue_retention:monthly")["value"] == 100
    assert one("net_revenue_retention:monthly+exchange_rates")["value"] == 20  # 50 more on 250
    assert (one("mrr")["value"], one("mrr:expansion")["value"], one("mrr:exchange_rates")["value"]) == (300, 0, 50)


def test_a_pause_is_no_paid_time(desk: Any) -> None:
    """B pauses on 10 March and is back on 5 April; C's pause is a period of its own."""
    pausing = plan(2, "b", "2026-01-01", None)
    desk.deliver({"subscriptions": [
        plan(1, "a", "2026-01-01", None),
        {**pausing, "status": "active", "updated_at": "2026-01-01"},
        {**pausing, "status": "paused", "updated_at": "2026-03-10"},
        {**pausing, "status": "active", "updated_at": "2026-04-05"},
        plan(3, "c", "2026-01-01", "2026-03-20"), plan(4, "c", "2026-03-20", None, status="paused"), LATER,
    ]})  # fmt: skip
    assert (desk.one("churn_rate", **MARCH)["value"], desk.one("churn_rate", **MARCH)["n"]) == (
        pytest.approx(200 / 3),
        3,
    )
    assert desk.one("mrr", **MARCH)["value"] == 100
    april = {"start": "2026-04-01", "end": "2026-05-01"}
    assert (desk.one("mrr", **april)["value"], desk.one("mrr:reactivation", **april)["value"]) == (200, 100)


def test_companies_that_merge_lose_nobody(desk: Any) -> None:
    """The contract of one ends on the day on which the other's grows, and both are linked as one company."""
    rows = [
        plan(1, "a", "2026-01-01", "2026-03-10", 40, account_id="small"),
        plan(2, "b", "2026-01-01", "2026-03-10", 60, account_id="large"),
        plan(3, "b", "2026-03-10", None, 110, account_id="large"),
    ]
    accounts = [{"source_id": name, "created_at": "2026-01-01"} for name in ("small", "large")]
    one = held(desk, *rows, accounts=accounts)
    assert one("churn_rate:by_account")["value"] == 50
    links = [
        {"source_id": name, "company_id": "whole", "account_source": "example", "account_id": name,
         "reason": "source_link"} for name in ("small", "large")
    ]  # fmt: skip
    desk.deliver({"company_links": links})
    assert (one("churn_rate:by_account")["value"], one("churn_rate:by_account")["n"]) == (0, 1)
    assert one("net_revenue_retention:monthly+by_account")["value"] == pytest.approx(110)


def test_levels_exclude_each_other_and_join_with_everything_else(desk: Any) -> None:
    one = held(
        desk,
        plan(1, "a", "2026-01-01", "2026-03-10", account_id="f"),
        plan(2, "b", "2026-01-01", None, account_id="f"),
    )
    assert (one("churn_rate:by_account+over_average")["value"], one("churn_rate:annualised+by_account")["value"]) == (
        0,
        0,
    )
    assert one("gross_revenue_retention:monthly+by_account")["value"] == 50
    with pytest.raises(BadCall):
        one("churn_rate:by_account+by_customer")
    with pytest.raises(BadCall):
        one("churn_rate:inactive+by_subscription")


def test_the_formula_warns_where_it_is_wrong(desk: Any) -> None:
    def notes(name: str) -> tuple[str, ...]:
        return tuple(desk.workspace.kpi(name, **MARCH).notes)

    held(desk, plan(1, "a", "2026-01-01", None), plan(2, "b", "2026-03-05", None))
    assert notes("retention_rate:formula") == ()
    desk.deliver({"subscriptions": [plan(3, "c", "2026-03-05", "2026-03-20")]})
    (note,) = notes("retention_rate:formula")
    assert note.startswith("1 of the new customers had left again")
    assert notes("retention_rate") == ()


def test_daily_rates_count_who_came_and_left_inside_a_month_but_not_inside_a_day(desk: Any) -> None:
    """One of two leaves on the 10th; one who came on the 5th leaves on the 20th; one stays for some hours."""
    one = held(
        desk,
        plan(1, "a", "2026-01-01", None),
        plan(2, "b", "2026-01-01", "2026-03-10T15:00:00Z"),
        plan(3, "c", "2026-03-05T10:00:00Z", "2026-03-20T10:00:00Z"),
        plan(4, "d", "2026-03-12T10:00:00Z", "2026-03-12T20:00:00Z"),
    )
    row = one("churn_rate:shopify")
    assert (row["value"], row["n"]) == (pytest.approx(100 / 3 + 100 / 2), 3)


def test_costs_that_name_nobody_are_said_and_not_shared_out(desk: Any) -> None:
    order = {"ordered_at": "2026-03-05", "currency": "EUR"}
    desk.deliver({
        "orders": [
            {**order, "source_id": "1", "customer_id": "a", "revenue": 100, "goods_cost": 40},
            {**order, "source_id": "2", "customer_id": "b", "revenue": 50},
        ],
        "costs": [
            {"source_id": "1", "incurred_at": "2026-03-05", "kind": "service", "amount": 25, "currency": "EUR"},
            {"source_id": "2", "incurred_at": "2026-03-05", "kind": "service", "amount": 75, "currency": "EUR",
             "customer_id": "a"},
        ],
    })  # fmt: skip
    answer = desk.workspace.kpi("customer_profitability")
    assert answer.to_list()[0]["value"] == (100 - 40 - 75 + 50) / 2
    assert [note.split(" ")[0] for note in answer.notes] == ["1", "25.00"]
    whole = desk.one("customer_profitability:total")
    assert (whole["value"], whole["low"], whole["high"], whole["state"]) == (35, None, None, "ok")


def test_a_margin_that_is_set_stands_for_goods_that_are_not_recorded(new_desk: Any) -> None:
    desk = new_desk(margin_percent=40)
    desk.deliver({"orders": [
        {"source_id": "1", "customer_id": "a", "ordered_at": "2026-03-05", "revenue": 100, "currency": "EUR"},
        {"source_id": "2", "customer_id": "b", "ordered_at": "2026-03-05", "revenue": 50, "goods_cost": 10,
         "currency": "EUR"},
    ]})  # fmt: skip
    assert desk.one("lifetime_value:historic")["value"] == 40
    assert desk.one("customer_profitability")["value"] == 40


def test_adoption_of_one_feature_is_divided_by_all_who_are_active(desk: Any) -> None:
    use = {"used_at": "2026-03-05"}
    desk.deliver({"usage": [
        {**use, "source_id": "1", "customer_id": "a", "feature": "boards"},
        {**use, "source_id": "2", "customer_id": "b", "feature": "reports"},
        {**use, "source_id": "3", "customer_id": "c", "feature": "boards"},
        {**use, "source_id": "4", "customer_id": "c", "feature": "boards"},
        {"source_id": "5", "customer_id": "c", "feature": "maps", "used_at": "2026-04-05"},
    ]})  # fmt: skip
    only = desk.one("feature_adoption", where="feature = 'boards'", **MARCH)
    assert (only["value"], only["n"]) == (pytest.approx(200 / 3), 3)
    rows = {r["feature"]: (r["value"], r["n"]) for r in desk.kpi("feature_adoption", by=["feature"], **MARCH)}
    assert rows == {"boards": (pytest.approx(200 / 3), 3), "reports": (pytest.approx(100 / 3), 3)}


def test_a_faithful_referrer_is_one_customer(desk: Any) -> None:
    """Ten referrals by one of forty: 2.5 % refer, and the referrals have an interval as wide as one person's whim."""
    desk.deliver({
        "customers": [{"source_id": str(i), "created_at": "2026-01-01"} for i in range(40)],
        "referrals": [{"source_id": str(i), "referrer_id": "7", "referred_at": "2026-03-05"} for i in range(10)],
    })  # fmt: skip
    assert desk.one("referral_rate", **MARCH)["value"] == 2.5
    row = desk.one("referral_rate:referrals", **MARCH)
    assert (row["value"], row["n"], row["units"], row["state"]) == (25, 40, 40, "few")
    assert row["high"] > 70
