"""Orders as every shop KPI takes them, and who came back to buy again."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.base.statuses import NOT_AN_ORDER
from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.reader import instant_literal

ORDERS = (("orders", ("ordered_at",)),)


def is_order(t: ir.Table) -> ir.BooleanValue:
    """Whether a row is an order that stands, and not a cancellation, a refund on its own or a failure."""
    return ~t.status.lower().isin(NOT_AN_ORDER).fill_null(False)


def order_key(t: ir.Table) -> ir.StringValue:
    """The order that a row belongs to: its order id where lines are listed, else the row's own key."""
    return t.order_id.coalesce(t.source_id)


def buying_spans(ask: Ask) -> tuple[ir.Table, str]:
    """Each order as the span in which it makes its customer an active one: the setting's days from the order on."""
    t = ask.reader.table("orders")
    t = t.filter(is_order(t) & t.customer_id.coalesce(t.account_id).notnull() & t.ordered_at.notnull())
    days = ibis.interval(days=ask.settings.inactive_days)
    return t.mutate(started_at=t.ordered_at, ended_at=t.ordered_at + days, mrr=ibis.literal(0.0)), "orders"


def repeats(ask: Ask, *, ever: bool) -> ir.Table:
    """One row a buyer, placed by the first order: `good` where another order followed (within the setting's days).

    An order without a customer is a row of its own that does not count.
    """
    t = ask.facts("orders")
    t = t.filter(is_order(t))
    t = t.mutate(nobody=t.customer_key.coalesce(t.account_key).isnull())
    orders = (
        t.mutate(order=order_key(t))
        .group_by(["unit", "order"])
        .agg(
            id=ibis._.id.min(),
            instant=ibis._.instant.min(),
            nobody=ibis._.nobody.all(),
            **{name: t[name].min() for name in t.columns if name.startswith(DIM)},
        )
    )
    mine = ibis.window(group_by=orders.unit, order_by=[orders.instant, orders.order])
    ranked = orders.mutate(turn=ibis.row_number().over(mine), next_at=orders.instant.lead().over(mine))
    first = ranked.filter((ranked.turn == 0) | ranked.nobody)
    out = [(first.nobody, "no customer is named: left out and counted here")]
    if ever:
        return ask.rows(first, out=out, good=first.next_at.notnull())
    days = ask.settings.repeat_days
    window = first.instant + ibis.interval(days=days)
    end = ask.data_end(("orders", "ordered_at"))
    open_ = window > instant_literal(end) if end is not None else ibis.literal(False)
    again = (first.next_at.notnull() & (first.next_at <= window)).fill_null(False)
    return ask.rows(first, out=out, pending=[(open_, f"its {days} days have not passed")], good=again)
