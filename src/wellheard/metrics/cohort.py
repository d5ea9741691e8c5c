"""Who was a customer at the start of a window, who at its end, and what each paid: one row a window and customer."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, FAR, Ask
from wellheard.metrics.reader import instant_literal

SPANS = (("subscriptions", ("started_at", "ended_at")), ("customers", ("created_at", "ended_at")))
LEVELS = ("by_customer", "by_account", "by_subscription")


def cohort(ask: Ask, months_back: int = 0) -> ir.Table:
    """One row a window and customer: `period, id, unit, started, stays, came, mrr_start, mrr_end, reactivated`.

    A customer is active at an instant where a paid, non-trial subscription `[started_at, ended_at)` covers it; without
    subscriptions, where their own `[created_at, ended_at)` does. The reactivated had none in between. Dimensions are
    as of the window's start; where a customer has several subscriptions, those of the one that pays most.
    """
    spans, fact = _spans(ask)
    windows = ask.windows(months_back)
    spans = spans.mutate(until=spans.ended_at.coalesce(instant_literal(FAR)))
    over = spans.join(windows, [spans.started_at <= windows.finish, spans.until > windows.begin])
    over = ask.belonging(over.mutate(instant=over.begin), fact)
    over = ask.money(over, fact, ["mrr"]) if fact == "subscriptions" else over.mutate(no_rate=ibis.literal(False))
    over = over.mutate(key=_key(ask, over), mrr=over.mrr.fill_null(0))
    over = over.mutate(
        at_start=_covers(over, over.begin),
        at_end=_covers(over, over.finish),
    )
    return _by_key(over.mutate(gap=_gap(over)))


def _spans(ask: Ask) -> tuple[ir.Table, str]:
    """Paid subscription periods; without any subscriptions, the lives of the customers."""
    if ask.reader.bounds("subscriptions").rows:
        s = ask.reader.table("subscriptions")
        paid = ~s.trial.fill_null(False) & (s.mrr.isnull() | (s.mrr > 0))
        empty = s.ended_at.notnull() & (s.ended_at <= s.started_at)
        return s.filter(paid & ~empty), "subscriptions"
    c = ask.reader.table("customers")
    lives = c.filter(c.created_at.notnull())
    return (
        lives.mutate(
            customer_id=lives.source_id,
            started_at=lives.created_at,
            mrr=ibis.literal(0.0),
            currency=ibis.null("string"),
        ),
        "customers",
    )


def _covers(over: ir.Table, at: ir.Value) -> ir.BooleanValue:
    return (over.started_at <= at) & (over.until > at)


def _key(ask: Ask, over: ir.Table) -> ir.StringValue:
    if ask.has("by_subscription"):
        return over.id
    if ask.has("by_account"):
        return over.account_key.coalesce(over.unit)
    if ask.has("by_customer"):
        return over.customer_key.coalesce(over.unit)
    return over.unit


def _gap(over: ir.Table) -> ir.BooleanValue:
    """Whether a span begins after everything before it had ended."""
    earlier = ibis.window(
        group_by=[over.period, over.key],
        order_by=[over.started_at, over.until, over.id],
        rows=(None, ibis.preceding(1)),
    )
    return (over.started_at > over.until.max().over(earlier)).fill_null(False)


def _by_key(over: ir.Table) -> ir.Table:
    def dimension(name: str) -> Any:
        order = [ibis.desc(over.at_start), ibis.desc(over.mrr), over[name]]
        return over[name].first(order_by=order)

    dims = {name: dimension(name) for name in over.columns if name.startswith(DIM)}
    grouped = over.group_by(["period", "key"]).agg(
        unit=over.unit.max(),
        started=over.at_start.any(),
        stays=over.at_end.any(),
        mrr_start=over.mrr.sum(where=over.at_start).fill_null(0),
        mrr_end=over.mrr.sum(where=over.at_end).fill_null(0),
        reactivated=over.gap.any(),
        no_rate=over.no_rate.any(),
        **dims,
    )
    return grouped.rename(id="key").mutate(came=~grouped.started)
