"""The bounded set of KPIs in SQL that PostgreSQL and ClickHouse both take, but for what `Dialect` says otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.data import END, START


@dataclass(frozen=True)
class Dialect:
    """How an engine writes what others write otherwise; `{}` stands for the column."""

    median: str  # interpolated between order statistics
    segment_of_largest: str  # the segment of the row with at_start and the highest mrr
    month: str
    day: str


SEGMENT = """
    left join people c on c.key = t.customer_id and c.begin <= {at} and {at} < c.finish
    left join companies a on a.key = {account} and a.begin <= {at} and {at} < a.finish"""
FIRM = "coalesce(t.account_id, c.account_id)"
HELD = """
    select w.period as period, w.{begin} as at, w.finish as finish, coalesce(s.customer_id, s.account_id) as unit,
        s.customer_id as customer_id, s.account_id as account_id, s.mrr as mrr, s.currency as currency,
        s.started_at as started_at, s.until as until, s.started_at <= w.{begin} as at_start,
        s.until > w.finish as at_end
    from windows w join subscriptions s on s.started_at <= w.finish and s.until > w.{begin}"""


def statements(dialect: Dialect) -> dict[str, str]:
    """A statement a KPI, which gives period, segment, value and n."""
    scored = {
        kind: _scored(dialect, kind, low, high, value)
        for kind, low, high, value in (
            ("nps", 0, 10, "case when score >= 9 then 1.0 when score <= 6 then -1.0 else 0.0 end"),
            ("csat", 1, 5, "case when score >= 4 then 1.0 else 0.0 end"),
        )
    }
    return scored | {
        "first_response_time": _first_response_time(dialect),
        "response_rate": _response_rate(dialect),
        "churn_rate": _churn_rate(dialect),
        "net_revenue_retention": _net_revenue_retention(dialect),
        "revenue_per_user": _revenue_per_user(dialect),
        "conversion_rate": _conversion_rate(dialect),
        "backlog": f"""
            with still as (
                select w.period as period, w.finish as at, t.customer_id as customer_id, t.account_id as account_id
                from conversations t cross join windows w
                where t.opened_at < w.finish
                    and (t.first_end >= w.finish or (t.reopened_at < w.finish and t.last_end >= w.finish)))
            select t.period, coalesce(c.segment, a.segment) as segment, count(*) as value, count(*) as n
            from still t {_segment("t.at")} group by 1, 2""",
    }


def _segment(at: str, account: str = FIRM) -> str:
    return SEGMENT.format(at=at, account=account)


def _asked(at: str) -> str:
    return f"{at} >= timestamp '{START} 00:00:00' and {at} < timestamp '{END} 00:00:00'"


def _scored(dialect: Dialect, kind: str, low: int, high: int, value: str) -> str:
    return f"""
        select {dialect.month.format("t.answered_at")} as period, coalesce(c.segment, a.segment) as segment,
            100.0 * avg({value}) as value, count(*) as n
        from answers t {_segment("t.answered_at")}
        where t.kind = '{kind}' and t.main and t.score is not null and t.scale_min = {low} and t.scale_max = {high}
            and {_asked("t.answered_at")}
        group by 1, 2"""


def _first_response_time(dialect: Dialect) -> str:
    return f"""
        select {dialect.month.format("t.asked_at")} as period, coalesce(c.segment, a.segment) as segment,
            {dialect.median.format("t.waited")} as value, count(*) as n
        from conversations t {_segment("t.asked_at")}
        where not t.ours and t.waited is not null and {_asked("t.asked_at")}
        group by 1, 2"""


def _response_rate(dialect: Dialect) -> str:
    return f"""
        with came as (
            select distinct source, invitation_id from answers
            where invitation_id is not null and coalesce(complete, true)),
        ended as (
            select max(at) as finish from (
                select max(answered_at) as at from answers union all select max(sent_at) from invitations) e),
        judged as (
            select t.sent_at as sent_at, t.customer_id as customer_id, t.account_id as account_id,
                r.invitation_id is not null or t.said_so as answered, t.sent_at + interval '14 day' > e.finish as fresh,
                t.delivered and not t.bounced as arrived
            from invitations t cross join ended e
            left join came r on r.source = t.source and r.invitation_id = t.source_id
            where {_asked("t.sent_at")})
        select {dialect.month.format("t.sent_at")} as period, coalesce(c.segment, a.segment) as segment,
            100.0 * avg(case when t.answered then 1.0 else 0.0 end) as value, count(*) as n
        from judged t {_segment("t.sent_at")}
        where (t.answered or t.arrived) and (t.answered or not t.fresh)
        group by 1, 2"""


def _churn_rate(dialect: Dialect) -> str:
    return f"""
        with held as ({HELD.format(begin="begin")}),
        placed as (select t.*, coalesce(c.segment, a.segment) as segment from held t {_segment("t.at")}),
        lives as (
            select period, unit, {dialect.segment_of_largest} as segment,
                max(case when at_start then 1 else 0 end) as there, max(case when at_end then 1 else 0 end) as stays
            from placed group by 1, 2)
        select period, segment, 100.0 * avg(1.0 - stays) as value, count(*) as n
        from lives where there = 1 group by 1, 2"""


def _net_revenue_retention(dialect: Dialect) -> str:
    span = "over (partition by period, unit order by started_at, until"
    return f"""
        with held as ({HELD.format(begin="year_before")}),
        placed as (
            select t.period as period, t.unit as unit, t.at as at, t.started_at as started_at, t.until as until,
                t.at_start as at_start, t.at_end as at_end, t.mrr * r.rate as mrr,
                coalesce(c.segment, a.segment) as segment
            from held t left join rates r on r.base = t.currency and r.day = {dialect.day.format("t.at")}
            {_segment("t.at")}),
        gaps as (
            select *, row_number() {span}) as turn,
                max(until) {span} rows between unbounded preceding and 1 preceding) as before
            from placed),
        lives as (
            select period, unit, {dialect.segment_of_largest} as segment,
                max(case when at_start then 1 else 0 end) as there,
                sum(case when at_start then mrr else 0 end) as was, sum(case when at_end then mrr else 0 end) as now,
                max(case when turn > 1 and started_at > at and started_at > before then 1 else 0 end) as back
            from gaps group by 1, 2)
        select period, segment, 100.0 * sum(case when back = 1 then 0 else now end) / sum(was) as value, count(*) as n
        from lives where there = 1 group by 1, 2"""


def _revenue_per_user(dialect: Dialect) -> str:
    gone = "t.status in ('cancelled', 'canceled')"
    return f"""
        with units as (
            select {dialect.month.format("t.ordered_at")} as period, coalesce(c.segment, a.segment) as segment,
                coalesce(t.customer_id, t.account_id) as unit,
                sum(case when {gone} then 0 else (t.revenue - t.refunded) * r.rate end) as money,
                max(case when {gone} or t.status in ('refund', 'refunded_only') then 0 else 1 end) as stands
            from orders t left join rates r on r.base = t.currency and r.day = {dialect.day.format("t.ordered_at")}
            {_segment("t.ordered_at")}
            where {_asked("t.ordered_at")} and coalesce(t.customer_id, t.account_id) is not null
                and t.status not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
            group by 1, 2, 3)
        select period, segment, sum(money) / sum(stands) as value, sum(stands) as n from units group by 1, 2"""


def _conversion_rate(dialect: Dialect) -> str:
    return f"""
        with visitors as (
            select {dialect.month.format("t.started_at")} as period, coalesce(c.segment, a.segment) as segment,
                t.visitor_id,
                max(case when t.converted then 1.0 else 0.0 end) as bought
            from visits t {_segment("t.started_at", "c.account_id")}
            where {_asked("t.started_at")} group by 1, 2, 3)
        select period, segment, 100.0 * avg(bought) as value, count(*) as n from visitors group by 1, 2"""


def rows(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of period, segment, value and n as they are compared."""
    return [
        {"period_start": str(period)[:10], "segment": segment, "value": float(value), "n": int(n)}
        for period, segment, value, n in found
    ]
