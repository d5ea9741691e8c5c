"""What the customer behind a row pays: their MRR at the row's instant, else what they bought in the year before it."""

from __future__ import annotations

from dataclasses import replace

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import FAR, Ask
from wellheard.metrics.purchases import is_order
from wellheard.metrics.question import OWNER
from wellheard.metrics.reader import instant_literal

YEAR = 365


def worth(ask: Ask, t: ir.Table) -> ir.Table:
    """The rows with `worth`, money in the reporting currency; null where nothing is known of the customer's money.

    The company's money where a company is known, else the customer's own. Workspaces without subscriptions are weighed
    by orders, net of refunds. Rows need `id`, `instant`, `account_key` and `customer_key`.
    """
    plain = Ask(ask.reader, ask.metric, ask.asked, replace(ask.question, by=(), where=None, viewer=OWNER), ask.periods)
    paid = _subscriptions(plain) if ask.reader.has_rows("subscriptions") else _orders(plain)
    mine = t.select(**{"w:id": t.id, "w:payer": t.account_key.coalesce(t.customer_key), "w:at": t.instant})
    spent = mine.join(paid, [mine["w:payer"] == paid.payer, paid.begin <= mine["w:at"], mine["w:at"] < paid.until])
    sums = spent.group_by("w:id").agg(**{"w:sum": spent.amount.sum().cast("float64")})
    names = t.columns
    both = t.left_join(sums, t.id == sums["w:id"])
    return both.select(*names, worth=both["w:sum"])


def _subscriptions(ask: Ask) -> ir.Table:
    s = ask.reader.table("subscriptions")
    s = s.filter(~s.trial.fill_null(False) & s.started_at.notnull())
    s = ask.belonging(s.mutate(instant=s.started_at), "subscriptions")
    s = ask.money(s, "subscriptions", ["mrr"])
    return s.select(
        payer=s.account_key.coalesce(s.customer_key),
        begin=s.started_at,
        until=s.ended_at.coalesce(instant_literal(FAR)),
        amount=s.mrr,
    )


def _orders(ask: Ask) -> ir.Table:
    o = ask.facts("orders")
    o = ask.money(o.filter(is_order(o)), "orders", ["revenue", "refunded"])
    return o.select(
        payer=o.account_key.coalesce(o.customer_key),
        begin=o.instant,
        until=o.instant + ibis.interval(days=YEAR),
        amount=o.revenue.fill_null(0) - o.refunded.fill_null(0),
    )
