"""Lifetime value: what a customer brings from the first day to the last."""

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, PAST, Ask
from wellheard.metrics.bricks import Mean, Ratio
from wellheard.metrics.cohort import SPANS, cohort
from wellheard.metrics.daily_churn import months_of
from wellheard.metrics.linear import Linear
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import instant_literal
from wellheard.metrics.revenue import EARNED, earned, spent, unfiltered
from wellheard.metrics.samples import MARCH, Rows, plans
from wellheard.metrics.scores import newest_scores

NO_MARGIN = "no goods cost is recorded, and no margin is set"
NO_RATE = "no exchange rate for its currency on that day"
TO_DATE = ("historic", "revenue", "net", "deal_size_x_lifespan")


def rows(ask: Ask) -> ir.Table:
    if ask.has("arpu_over_churn"):
        t = cohort(ask)
        out = [(t.came, "not a customer at the period's start"), (t.no_rate, NO_RATE)]
        gone = ibis.ifelse(t.stays, 0, 1)
        return ask.rows(t, out=out, num=t.mrr_start.cast("float64") * months_of(ask, t), den=gone)
    if any(ask.has(name) for name in TO_DATE):
        return _to_date(ask)
    t = newest_scores(ask, "lifetime_value")
    t = ask.money(t.drop("instant"), "customer_scores", ["value"], on="as_of")
    out = [(t.value.isnull(), "too little was known for a score"), (t.no_rate, NO_RATE)]
    return ask.rows(t, out=out, as_of=t.as_of, x=t.value)


def _to_date(ask: Ask) -> ir.Table:
    """One row a period and customer with what they brought up to its end."""
    windows = ask.windows().mutate(begin=instant_literal(PAST))
    t = earned(ask, windows)
    dims = [c for c in t.columns if c.startswith(DIM)]
    each = t.group_by(["period", "unit", *dims]).agg(
        id=t.id.min(),
        net=t.net.cast("float64").sum(),
        margin=t.margin.sum().fill_null(0.0),
        unknown=t.margin.isnull().any(),
        deals=t.deals.sum(),
        no_rate=t.no_rate.any(),
    )
    out = [(each.no_rate, NO_RATE), (each.deals <= 0, "no order that stands")]
    if ask.has("historic") or ask.has("net"):
        out.append((each.unknown, NO_MARGIN))
    if ask.has("revenue"):
        return ask.rows(each, out=out, x=each.net)
    if ask.has("historic"):
        return ask.rows(each, out=out, x=each.margin)
    if ask.has("net"):
        cost = _costs(ask, windows)
        each = each.left_join(cost, [each.period.identical_to(cost["c:period"]), each.unit == cost["c:unit"]])
        return ask.rows(each, out=out, x=each.margin - each["c:amount"].fill_null(0.0))
    each = each.filter(~each.no_rate & (each.deals > 0))
    ask.look_across()
    group = ibis.window(group_by=["period", *dims])
    size = each.net / each.deals
    sizes, lives = size.mean().over(group), each.deals.mean().over(group)
    return ask.rows(each, x=sizes * each.deals + (size - sizes) * lives)


def _costs(ask: Ask, windows: ir.Table) -> ir.Table:
    """What was spent on winning and serving each customer up to a period's end."""
    t = spent(unfiltered(ask), windows, ("acquisition", "service"))
    t = t.filter(t.customer_key.coalesce(t.account_key).notnull() & t.amount.notnull())
    each = t.group_by(["period", "unit"]).agg(amount=t.amount.sum())
    return each.select(**{f"c:{name}": each[name] for name in ("period", "unit", "amount")})


def _scores(*given: tuple[str, str, float]) -> Rows:
    return {
        "customer_scores": [
            {"source_id": str(n), "customer_id": who, "as_of": day, "kind": "lifetime_value", "value": value,
             "currency": "EUR", "model": "given"}
            for n, (who, day, value) in enumerate(given)
        ]
    }  # fmt: skip


def _bought() -> Rows:
    order = {"ordered_at": "2026-03-05", "currency": "EUR"}
    cost = {"incurred_at": "2026-03-05", "currency": "EUR"}
    orders: list[dict[str, Any]] = [
        {**order, "source_id": "1", "customer_id": "a", "revenue": 100, "goods_cost": 40},
        {**order, "source_id": "2", "customer_id": "a", "revenue": 60, "refunded": 20, "goods_cost": 20},
        {**order, "source_id": "3", "customer_id": "b", "revenue": 40, "goods_cost": 0},
        {**order, "source_id": "4", "customer_id": "c", "revenue": 90},
    ]
    costs: list[dict[str, Any]] = [
        {**cost, "source_id": "1", "customer_id": "a", "kind": "acquisition", "amount": 30},
        {**cost, "source_id": "2", "customer_id": "b", "kind": "service", "amount": 10},
        {**cost, "source_id": "3", "customer_id": "b", "kind": "tooling", "amount": 5},
    ]
    return {"orders": orders, "costs": costs}


SCORED = _scores(("a", "2026-01-31", 500), ("a", "2026-03-20", 300), ("b", "2026-02-28", 100), ("b", "2026-04-02", 900))
BOUGHT = _bought()
# a buys for 60 and 40 in one order and for 60 in another; b buys once, for 20.
LINES: Rows = {
    "orders": [
        {"source_id": str(n), "customer_id": who, "order_id": order, "revenue": revenue, "ordered_at": "2026-03-05",
         "currency": "EUR"}
        for n, (who, order, revenue) in enumerate(
            (("a", "o1", 60), ("a", "o1", 40), ("a", "o2", 60), ("b", "o3", 20))
        )
    ]
}  # fmt: skip
PLANS = plans(
    ("a", 100, "2026-01-01", None), ("b", 60, "2026-01-01", "2026-03-10"), ("c", 40, "2026-01-01", None),
    ("d", 10, "2026-04-05", None),
)  # fmt: skip

KPI = Metric(
    name="lifetime_value",
    title="Lifetime value",
    question="What is a customer worth to us, from the first day to the last?",
    formula="mean of the newest lifetime value of each customer at the period's end, as scored: margin, discounted",
    unit="money",
    direction="up",
    rows=rows,
    brick=Mean(),
    least_n=100,
    cohort=True,
    placed_by="as of the period's end",
    needs=(Need("customer_scores", ("value",), (("kind", "lifetime_value"),)),),
    traps=(
        "Revenue is no margin: each variant says which of them it is.",
        "A mean of scores has the spread between customers alone; the model's own error stands at each score.",
        "Lifespans of customers who are still there are longer than those seen so far.",
    ),
    not_additive="a customer is there at the end of many periods",
    source="P. S. Fader, B. G. S. Hardie and K. L. Lee, Journal of Marketing Research 42 (2005) 415–430; interval: "
    "W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("historic", "Margin to date a customer: revenue less refunds and goods.", Mean(), spans=EARNED),
        Variant("revenue", "Revenue to date a customer, refunds taken off: no margin.", Mean(), spans=EARNED),
        Variant("net", "Margin to date less what was spent on winning and serving the customer.", Mean(), spans=EARNED),
        Variant(
            "arpu_over_churn",
            "Monthly revenue a customer ÷ monthly churn rate: revenue, no margin.",
            Ratio(least=0.0),
            spans=SPANS,
        ),
        Variant(
            "deal_size_x_lifespan",
            "Mean order × mean number of orders, or mean MRR × mean months so far: revenue, no margin.",
            Linear(),
            spans=EARNED,
        ),
    ),
    examples=(
        Example("the newest of three scores", SCORED, 200.0, 2, start=MARCH[0], end=MARCH[1]),
        Example("margin to date", BOUGHT, 60.0, 2, variant="historic"),
        Example("revenue to date", BOUGHT, 90.0, 3, variant="revenue"),
        Example("less what was spent", BOUGHT, 40.0, 2, variant="net"),
        Example("mean order by mean number", BOUGHT, (70 + 40 + 90) / 3 * 4 / 3, 3, variant="deal_size_x_lifespan"),
        Example("two lines of one order", LINES, (80 + 20) / 2 * 3 / 2, 2, variant="deal_size_x_lifespan"),
        Example("200 a month, one of three lost", PLANS, 200.0, 3, "arpu_over_churn", start=MARCH[0], end=MARCH[1]),
        Example("none", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
