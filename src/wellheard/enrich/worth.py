"""What customers have brought and cost so far: one row a customer, in the reporting currency."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from wellheard.base.statuses import CANCELLED, NOT_AN_ORDER, NOT_COUNTED
from wellheard.enrich.past import Past
from wellheard.warehouse.handling import handling_cost

MONTH = 30.436875 * 86_400e6  # a mean month in microseconds
KINDS = ("acquisition", "service", "goods", "tooling")


def whose(t: ir.Table) -> ir.StringValue:
    """Whom money belongs to: the customer, or the company where no customer is named."""
    return t.person.coalesce(t.payer)


def earned(past: Past) -> ir.Table:
    """Rows with `who, is_person, at, net, goods` and `stands`; goods are null where they are not known.

    Orders net of refunds; where there are none at all, what the periods of subscriptions brought.
    """
    if past.has("orders") or not past.has("subscriptions"):
        t = past.table("orders", hindsight=True)
        t = t.filter(~t.status.lower().isin(NOT_COUNTED).fill_null(False) & whose(t).notnull())
        t = past.money(t, ["revenue", "refunded", "goods_cost"])
        gone = t.status.lower().isin(CANCELLED).fill_null(False)
        net = ibis.ifelse(gone, 0.0, t.revenue.fill_null(0.0) - t.refunded.fill_null(0.0))
        stands = ~t.status.lower().isin(NOT_AN_ORDER).fill_null(False)
        goods = ibis.ifelse(gone, 0.0, t.goods_cost)
    else:
        t = past.contracts()
        end = ibis.least(t.finish.coalesce(past.now), past.now)
        net = t.mrr * end.delta(t.begin, unit="microsecond").cast("float64") / MONTH
        stands, goods = ibis.literal(True), ibis.null("float64")
    margin = past.settings.margin_percent
    known = goods.coalesce(net * (1 - margin / 100)) if margin else goods
    return t.select(who=whose(t), is_person=t.person.notnull(), at=t["at"], net=net, goods=known, stands=stands)


def spent(past: Past) -> ir.Table:
    """Costs with `who` (null where they name nobody), `is_person, kind, amount`.

    Where no service costs are recorded, those of conversations stand for them: their own cost, else the minutes that
    a colleague worked on them at the rate of the day.
    """
    t = past.table("costs", hindsight=True)
    t = past.money(t.filter(t.kind.isin(KINDS)), ["amount"])
    rows = t.select(who=whose(t), is_person=t.person.notnull(), kind=t.kind, amount=t.amount.fill_null(0.0))
    if past.run(t.filter(t.kind == "service").limit(1).select("id")).num_rows:
        return rows
    c = past.table("conversations", hindsight=True)
    c = past.money(c.mutate(amount=c.cost), ["amount"])
    worked = handling_cost(c, past.settings.rate_card, past.settings.time_zone)
    cost = ibis.ifelse(c.cost.isnull(), worked, c.amount)
    talks = c.select(who=whose(c), is_person=c.person.notnull(), kind=ibis.literal("service"), amount=cost)
    return rows.union(talks.filter(talks.amount.notnull()))


@dataclass(frozen=True)
class Worth:
    """One row a customer: `who, is_person, net, goods, bare, first, acquisition, service, other`, all to date.

    `bare` is the revenue of rows whose goods cost is not known; `spare` is what was spent on nobody in particular, and
    `margin` the share of known revenue that is left after goods, null where it is not known.
    """

    table: ir.Table
    spare: float
    margin: float | None


def worth(past: Past) -> Worth:
    """What each customer brought and cost up to the instant."""
    came = past.hold(earned(past))
    went = past.hold(spent(past))
    brought = came.group_by("who").agg(
        is_person=came.is_person.any(),
        net=came.net.sum(),
        goods=came.goods.sum(),
        bare=came.net.sum(where=came.goods.isnull() & (came.net != 0)),
        first=came["at"].min(),
    )
    sums = {kind: went.amount.sum(where=went.kind == kind) for kind in ("acquisition", "service")}
    cost = (
        went.filter(went.who.notnull())
        .group_by(c_who=went.who)
        .agg(c_person=went.is_person.any(), other=went.amount.sum(where=went.kind.isin(("goods", "tooling"))), **sums)
    )
    both = brought.outer_join(cost, brought.who == cost.c_who)
    zero = {name: both[name].fill_null(0.0) for name in ("net", "goods", "bare", "acquisition", "service", "other")}
    table = both.select(
        who=both.who.coalesce(both.c_who), is_person=both.is_person.coalesce(both.c_person), first=both["first"], **zero
    )
    known = came.filter(came.goods.notnull())
    row = past.run(known.aggregate(net=known.net.sum(), goods=known.goods.sum())).to_pylist()[0]
    whole = past.run(went.aggregate(spare=went.amount.sum(where=went.who.isnull()))).to_pylist()[0]
    margin = 1 - row["goods"] / row["net"] if row["net"] and row["net"] > 0 else None
    return Worth(table, float(whole["spare"] or 0.0), margin)
