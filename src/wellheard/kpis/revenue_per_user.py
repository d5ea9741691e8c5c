"""Revenue per user: what a buying customer brings in a period, refunds taken off."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Quantile, Ratio
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.purchases import NOT_COUNTED, is_order
from wellheard.metrics.samples import orders


def rows(ask: Ask) -> ir.Table:
    t = ask.money(ask.facts("orders"), "orders", ["revenue", "refunded"])
    known = t.customer_key.coalesce(t.account_key)
    if ask.has("per_account"):
        known = t.account_key.coalesce(t.customer_key)
        t = t.mutate(unit=known.coalesce(t.unit))
    out = [
        (known.isnull(), "no customer is named: left out and counted here"),
        (t.status.lower().isin(NOT_COUNTED), "failed, void or a test"),
        (t.no_rate, "no exchange rate for its currency on that day"),
    ]
    gone = t.status.lower().isin(("cancelled", "canceled")).fill_null(False)
    revenue = ibis.ifelse(gone, 0, t.revenue.fill_null(0))
    refunded = ibis.ifelse(gone | ask.has("gross"), 0, t.refunded.fill_null(0))
    t = t.mutate(num=revenue - refunded, den=ibis.ifelse(is_order(t), 1, 0))
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

KPI = Metric(
    name="revenue_per_user",
    title="Revenue per user",
    question="What does a buying customer bring?",
    formula="(Σ revenue − Σ refunds of identified customers) ÷ customers with at least one order in the period",
    unit="money",
    direction="up",
    rows=rows,
    brick=Ratio(once="any"),
    placed_by="ordered_at",
    needs=(Need("orders", ("revenue", "currency", "customer_id")),),
    traps=(
        "Revenue without a customer is left out, and shown among the rows with that reason.",
        "A few large customers pull the mean: see the variant median.",
    ),
    not_additive="a customer with orders in two groups counts in both",
    source="Linearised interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("gross", "Refunds not taken off."),
        Variant("per_account", "Per company instead of per person."),
        Variant("median", "The median customer's revenue.", Quantile(p=0.5)),
    ),
    examples=(
        Example("three customers", FOUR, 200 / 3, 3),
        Example("gross", FOUR, 220 / 3, 3, variant="gross"),
        Example("the median customer", FOUR, 60.0, 3, variant="median"),
        Example("none", {}, None, 0),
    ),
)
