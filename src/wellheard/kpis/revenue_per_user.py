"""Revenue per user: what a buying customer brings in a period, refunds taken off."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Quantile, Ratio
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.revenue import EARNED, from_orders, ordered, subscribed
from wellheard.metrics.samples import MARCH, orders, plans


def rows(ask: Ask) -> ir.Table:
    t, out = ordered(ask, gross=ask.has("gross")) if from_orders(ask) else subscribed(ask)
    known = t.customer_key.coalesce(t.account_key)
    if ask.has("per_account"):
        known = t.account_key.coalesce(t.customer_key)
        t = t.mutate(unit=known.coalesce(t.unit))
    out.insert(0, (known.isnull(), "no customer is named: left out and counted here"))
    pays = t.stands & (t.net > 0) if ask.has("per_paying") else t.stands
    t = t.mutate(num=t.net, den=ibis.ifelse(pays, 1, 0))
    return _by_unit(ask, t, out) if ask.has("median") else ask.rows(t, out=out, num=t.num, den=t.den)


def _by_unit(ask: Ask, t: ir.Table, out: list[tuple[ir.BooleanValue, str]]) -> ir.Table:
    """One row a customer and period, for the median customer."""
    left = ask.rows(ask.in_range(t), out=out, num=t.num, den=t.den)
    left = left.filter(left.why.isnull() & left.instant.notnull())
    grain = ask.question.grain
    left = left.mutate(period=ask.period_of(left.instant, grain) if grain is not None else ibis.null("date"))
    dims = [c for c in left.columns if c.startswith(DIM)]
    whole = left.group_by(["period", "unit", *dims]).agg(id=left.id.min(), x=left.num.sum(), orders=left.den.sum())
    return ask.rows(whole, out=[(whole.orders == 0, "no order in the period")], x=whole.x)


FOUR = orders(
    ("a", "2026-03-05", 100, 0),
    ("a", "2026-03-05", 50, 20),
    ("b", "2026-03-05", 10, 0),
    ("c", "2026-03-05", 60, 0),
    (None, "2026-03-05", 999, 0),
)

FREE = orders(("a", "2026-03-05", 80, 0), ("b", "2026-03-05", 20, 0), ("c", "2026-03-05", 0, 0))
# A pays 100 the whole of March; B 100 for half of it, from noon of the 16th to the end.
PLANS = plans(
    ("a", 100, "2026-01-01", None), ("b", 100, "2026-03-16T12:00:00Z", "2026-04-10"), ("c", 100, "2026-04-01", None)
)  # fmt: skip

KPI = Metric(
    name="revenue_per_user",
    title="Revenue per user",
    question="What does a buying customer bring?",
    formula="(Σ revenue − Σ refunds of identified customers) ÷ customers with at least one order in the period",
    unit="money",
    direction="up",
    rows=rows,
    brick=Ratio(once="any"),
    spans=EARNED,
    placed_by="ordered_at",
    needs=(
        Need(
            "orders",
            ("revenue", "currency", "customer_id"),
            instead=(
                Need("orders", ("revenue", "currency", "account_id")),
                Need("subscriptions", ("started_at", "mrr", "currency")),
            ),
        ),
    ),
    traps=(
        "Revenue without a customer is left out, and shown among the rows with that reason.",
        "Without any orders it is the MRR of active subscriptions, a part of a month for a part of it.",
        "A few large customers pull the mean: see the variant median.",
    ),
    not_additive="a customer with orders in two groups counts in both",
    source="Linearised interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("gross", "Refunds not taken off."),
        Variant("per_account", "Per company instead of per person."),
        Variant("per_paying", "Divided by the customers who paid for an order, free ones left out."),
        Variant("median", "The median customer's revenue.", Quantile(p=0.5)),
    ),
    examples=(
        Example("three customers", FOUR, 200 / 3, 3),
        Example("gross", FOUR, 220 / 3, 3, variant="gross"),
        Example("the median customer", FOUR, 60.0, 3, variant="median"),
        Example("one order was free", FREE, 50.0, 2, variant="per_paying"),
        Example("subscriptions where there are no orders", PLANS, 75.0, 2, start=MARCH[0], end=MARCH[1]),
        Example("the median subscriber", PLANS, 75.0, 2, variant="median", start=MARCH[0], end=MARCH[1]),
        Example("none", {}, None, 0),
    ),
)
