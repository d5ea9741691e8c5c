"""Customer profitability: what is left of a customer's revenue after the goods and what we spent on them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.base.periods import midnight
from wellheard.metrics.ask import DIM, PAST, Ask
from wellheard.metrics.bricks import Mean, Share
from wellheard.metrics.counts import Total
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import instant_literal
from wellheard.metrics.revenue import EARNED, earned, spent
from wellheard.metrics.samples import Rows

KEYS = ("shared_alike", "shared_by_revenue")
SPENT = ("acquisition", "service", "goods", "tooling")
AMOUNTS = ("net", "goods", "cost")
LAST = (("costs", "incurred_at"), ("conversations", "opened_at"))  # what may come after the last sale


def rows(ask: Ask) -> ir.Table:
    windows = _windows(ask)
    held = ask.reader.held  # what is missing is told before the sums are made, from the same rows
    dims = [DIM + name for name in ask.question.by]
    kept = ["period", "unit", "id", "no_rate", *dims]
    came = held(_keyed(ask, earned(ask, windows)).select(*kept, "net", "margin"))
    went = held(_keyed(ask, spent(ask, windows, SPENT)).select(*kept, "whose", "amount"))
    _say_what_is_missing(ask, came, went)
    none = ibis.literal(0.0)
    unknown = came.margin.isnull()
    goods = ibis.ifelse(unknown, 0.0, came.net.cast("float64") - came.margin)
    left = came.select(*kept, net=came.net.cast("float64").fill_null(0.0), goods=goods, cost=none)
    nobodys, went = went.filter(went.whose.isnull()), went.filter(went.whose.notnull())
    spent_on = went.select(*kept, net=none, goods=none, cost=went.amount.fill_null(0.0))
    both = left.union(spent_on)
    sums = {name: both[name].sum() for name in AMOUNTS}
    each = both.group_by(["period", "unit", *dims]).agg(id=both.id.min(), no_rate=both.no_rate.any(), **sums)
    each = _shared_out(ask, each, nobodys)
    profit = each.net - each.goods - each.cost
    out = [(each.no_rate, "no exchange rate for its currency on that day")]
    shown = {"revenue": each.net, "goods": each.goods, "cost": each.cost}
    return ask.rows(each, out=out, single=True, x=profit, num=profit, good=profit < 0, **shown)


def _windows(ask: Ask) -> ir.Table:
    """The question's periods. Without any range everything counts, also what was spent before the first sale."""
    windows = ask.windows()
    if ask.question.grain is not None:
        return windows
    if ask.question.start is None:
        windows = windows.mutate(begin=instant_literal(PAST))
    last = ask.data_end(*LAST) if ask.question.end is None else None
    if last is not None:
        last = min(last, datetime.now(UTC))
        after = midnight(ask.reader.local_day(last) + timedelta(days=1), ask.reader.zone)
        windows = windows.mutate(finish=ibis.greatest(windows.finish, instant_literal(after)))
    return windows


def _shared_out(ask: Ask, each: ir.Table, nobodys: ir.Table) -> ir.Table:
    """Adds each customer's part of the costs that name nobody, by the key that the question names, if it names one."""
    chosen = [key for key in KEYS if ask.has(key)]
    if not chosen:
        return each
    if len(chosen) > 1:
        raise BadCall("costs are shared out by one key", hint=f"ask for {' or '.join(KEYS)}", field="variant")
    ask.look_across()
    spare = nobodys.group_by(nobodys.period.name("s:period")).agg(spare=nobodys.amount.sum().cast("float64"))
    both = each.left_join(spare, each.period == spare["s:period"])
    everyone = ibis.window(group_by=both.period)
    bought = ibis.greatest(both.net, 0.0)
    by_revenue = bought / bought.sum().over(everyone).nullif(0.0)
    share = by_revenue if chosen == ["shared_by_revenue"] else 1.0 / both.count().over(everyone).cast("float64")
    kept = both.mutate(cost=both.cost + both.spare.fill_null(0.0) * share.fill_null(0.0))
    return kept.drop("s:period", "spare")


def _keyed(ask: Ask, t: ir.Table) -> ir.Table:
    """Whose each row is; a cost that names a company alone is no person's."""
    if ask.has("by_account") or ask.settings.unit == "account":
        whose = t.account_key.coalesce(t.customer_key)
    else:
        whose = t.customer_key if "amount" in t.columns else t.customer_key.coalesce(t.account_key)
    return t.mutate(whose=whose, unit=whose.coalesce(t.unit))


def _say_what_is_missing(ask: Ask, came: ir.Table, went: ir.Table) -> None:
    """Notes on revenue without a goods cost, and on costs that name nobody."""
    first = came.aggregate(bare=came.margin.isnull().sum(), n=came.count())
    row = ask.reader.run(first).to_pylist()[0]
    if row["bare"]:
        ask.note(
            f"{row['bare']} of {row['n']} orders or subscriptions have no goods cost, and no margin is set: they count "
            "with goods of 0, so profit is too high by what they cost."
        )
    spare = went.aggregate(lost=went.amount.sum(where=went.whose.isnull()), whole=went.amount.sum())
    row = ask.reader.run(spare).to_pylist()[0]
    if row["lost"]:
        ask.note(
            f"{row['lost']:,.2f} of {row['whole']:,.2f} {ask.currency} of costs name no customer and are shared "
            f"out to nobody; shared out alike, they would be {row['lost'] / row['whole']:.0%} of each customer's costs."
        )
    elif not row["whole"]:
        ask.note("No costs are recorded: what was spent on winning and serving customers is not known.")


def _made() -> Rows:
    order = {"ordered_at": "2026-03-05", "currency": "EUR"}
    cost = {"incurred_at": "2026-03-05", "currency": "EUR"}
    orders: list[dict[str, Any]] = [
        {**order, "source_id": "1", "customer_id": "a", "revenue": 200, "refunded": 20, "goods_cost": 80},
        {**order, "source_id": "2", "customer_id": "b", "revenue": 50, "goods_cost": 30},
        {**order, "source_id": "3", "customer_id": "c", "revenue": 10},
    ]
    costs: list[dict[str, Any]] = [
        {**cost, "source_id": "1", "customer_id": "b", "kind": "service", "amount": 60},
        {**cost, "source_id": "2", "customer_id": "d", "kind": "acquisition", "amount": 10},
        {**cost, "source_id": "3", "kind": "tooling", "amount": 99},
    ]
    return {"orders": orders, "costs": costs}


FOUR = _made()
LONG: Rows = {
    "orders": [FOUR["orders"][0]],
    "costs": [
        {"source_id": str(n), "customer_id": "a", "kind": kind, "amount": amount, "currency": "EUR", "incurred_at": day}
        for n, (kind, amount, day) in enumerate((("acquisition", 30, "2026-02-01"), ("service", 10, "2026-04-20")))
    ],
}

KPI = Metric(
    name="customer_profitability",
    title="Customer profitability",
    question="What do we earn with a customer once everything spent on them is paid?",
    formula="mean of revenue − refunds − goods − cost to serve − acquisition, of customers with any of them",
    unit="money",
    direction="up",
    rows=rows,
    brick=Mean(),
    cohort=True,
    spans=(*EARNED, ("costs", ("incurred_at",))),
    placed_by="period",
    needs=(
        Need(
            "orders",
            ("revenue", "currency", "customer_id"),
            instead=(
                Need("orders", ("revenue", "currency", "account_id")),
                Need("subscriptions", ("started_at", "mrr", "currency")),
            ),
        ),
        Need("costs", ("amount", "kind"), optional=True),
    ),
    traps=(
        "What is not known is said beside the figure: orders without a goods cost, and costs that name nobody.",
        "Costs that name nobody are shared out to nobody unless a variant names the key; who is at a loss hangs on it.",
        "Without service costs, a conversation's own cost stands for them, else its minutes at the rate card's price.",
        "The costs of winning a customer stand in the period in which they arose, not spread over a lifetime.",
    ),
    not_additive="a customer stands once in each period, and a period's profit is no mean of its months' profits",
    source="Interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("share_at_loss", "Share of customers with a loss.", Share(), unit="percent", direction="down"),
        Variant("total", "The profit of all customers together.", Total()),
        Variant("by_account", "Companies instead of persons; costs that name a company count."),
        Variant("shared_alike", "Costs that name nobody, shared out alike to every customer of the period."),
        Variant("shared_by_revenue", "Costs that name nobody, shared out by the customers' revenue."),
    ),
    examples=(
        Example("99 shared alike", FOUR, -9.75, 4, variant="shared_alike"),
        Example("99 shared by revenue 180, 50, 10 and 0", FOUR, -9.75, 4, variant="shared_by_revenue"),
        Example("three at a loss", FOUR, 75.0, 4, variant="shared_alike+share_at_loss"),
        Example("two at a loss", FOUR, 50.0, 4, variant="shared_by_revenue+share_at_loss"),
        Example("100, −40, 10 and −10", FOUR, 15.0, 4),
        Example("two of four at a loss", FOUR, 50.0, 4, variant="share_at_loss"),
        Example("won before the first sale and served after the last", LONG, 60.0, 1),
        Example("together", FOUR, 60.0, 4, variant="total"),
        Example("none", {}, None, 0),
    ),
)
