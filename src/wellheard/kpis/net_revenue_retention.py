"""Net revenue retention: what the recurring revenue of a year ago has become, growth included."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Ratio
from wellheard.metrics.cohort import LEVELS, SPANS, cohort
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import MARCH, THREE_CUSTOMERS, plans


def rows(ask: Ask) -> ir.Table:
    t = cohort(ask, 1 if ask.has("monthly") else 12)
    out = [
        (t.came, "not a customer at the window's start"),
        (t.no_rate, "no exchange rate for its currency at the window's start"),
    ]
    back = t.reactivated & t.started & t.stays
    num = t.mrr_end if ask.has("with_reactivation") else ibis.ifelse(back, 0, t.mrr_end)
    return ask.rows(t, out=out, num=num, den=t.mrr_start)


BACK = plans(("A", 100, "2025-01-01", None), ("B", 100, "2025-01-01", "2025-06-01"), ("B", 100, "2025-09-01", None))
JANUARY = ("2026-01-01", "2026-02-01")

KPI = Metric(
    name="net_revenue_retention",
    title="Net revenue retention",
    question="What has last year's recurring revenue become, growth included?",
    formula="100 × Σ MRR at the end ÷ Σ MRR at the start, over the customers of 12 months before the end",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Ratio(scale=100.0, least=0.0),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(Need("subscriptions", ("started_at", "mrr")),),
    traps=(
        "New customers are not in it.",
        "A customer who left and came back counts as lost; the variant `with_reactivation` takes the return in.",
    ),
    not_additive="a cohort is defined by its window",
    source="Definition: docs/decisions; interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        *(Variant(level, f"Counted {level.replace('_', ' ')}.") for level in LEVELS),
        Variant("monthly", "From one month before the period's end."),
        Variant("with_reactivation", "The MRR of customers who left and came back counts."),
    ),
    examples=(
        Example("A 100→150, B 100→60, C 100→0", THREE_CUSTOMERS, 70.0, 3, start=MARCH[0], end=MARCH[1]),
        Example("B left and came back", BACK, 50.0, 2, start=JANUARY[0], end=JANUARY[1]),
        Example("the return counted", BACK, 100.0, 2, variant="with_reactivation", start=JANUARY[0], end=JANUARY[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
