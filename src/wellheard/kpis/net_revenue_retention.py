"""Net revenue retention: what the recurring revenue of a year ago has become, growth included."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Ratio
from wellheard.metrics.cohort import LEVELS, SPANS, cohort, single
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.samples import MARCH, THREE_CUSTOMERS, plans


def rows(ask: Ask) -> ir.Table:
    if ask.has("exchange_rates"):
        t = cohort(ask, _months(ask), rates_apart=True)
    elif ask.has("as_baremetrics"):
        t = cohort(ask, days_back=30)
    else:
        t = cohort(ask, _months(ask))
    out = [
        (t.came, "not a customer at the window's start"),
        (t.no_rate, "no exchange rate for its currency at the window's start"),
    ]
    back = t.reactivated & t.started & t.stays
    if ask.has("exchange_rates"):
        return ask.rows(
            t, out=out, single=single(ask), num=ibis.ifelse(back, 0, t.mrr_now - t.mrr_end), den=t.mrr_start
        )
    counted = ask.has("with_reactivation") or ask.has("as_chartmogul")
    num = t.mrr_end if counted else ibis.ifelse(back, 0, t.mrr_end)
    return ask.rows(t, out=out, single=single(ask), num=num, den=t.mrr_start)


def _months(ask: Ask) -> int:
    return 1 if ask.has("monthly") else 12


BACK = plans(("A", 100, "2025-01-01", None), ("B", 100, "2025-01-01", "2025-06-01"), ("B", 100, "2025-09-01", None))
# The worked example of ChartMogul's help page on net MRR churn: of 100, 10 churned, 10 were cut and 10 were added.
PRINTED = plans(
    ("A", 10, "2025-01-01", "2026-03-10"),
    ("B", 50, "2025-01-01", "2026-03-10"),
    ("B", 40, "2026-03-10", None),
    ("C", 40, "2025-01-01", "2026-03-10"),
    ("C", 50, "2026-03-10", None),
)
# On 1 March the MRR was 80, on 2 March 50; in April it is 100.
LATE = plans(
    ("A", 80, "2025-01-01", "2026-03-02"),
    ("A", 50, "2026-03-02", "2026-03-20"),
    ("A", 100, "2026-03-20", None),
    ("Z", 1, "2026-04-10", None),
)
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
        Variant(
            "as_chartmogul",
            "The same as with_reactivation; with `monthly` 100 % less ChartMogul's net MRR churn rate.",
            preset=Preset(
                "100 % less the net MRR churn rate",
                "Theirs takes in the MRR of customers who left and came back within the window; ours counts them "
                "as lost.",
                "ChartMogul help, Chart: Net MRR Churn Rate, standard formula",
                printed=True,
                beside=("monthly",),
            ),
        ),
        Variant(
            "as_baremetrics",
            "From 30 days before the period's end, reactivation out; formula only, as Baremetrics prints it.",
            preset=Preset(
                "100 % less the net revenue churn",
                "Theirs looks back 30 days from the day, ours 12 months from the period's end: a month and a "
                "year of the same customers are not the same figure.",
                "Baremetrics help, User and Revenue Churn",
            ),
        ),
        Variant(
            "exchange_rates",
            "What the exchange rates since the window's start did to the MRR kept, in percent of the MRR at the start.",
            Ratio(scale=100.0),
        ),
    ),
    examples=(
        Example("A 100→150, B 100→60, C 100→0", THREE_CUSTOMERS, 70.0, 3, start=MARCH[0], end=MARCH[1]),
        Example("B left and came back", BACK, 50.0, 2, start=JANUARY[0], end=JANUARY[1]),
        Example("the return counted", BACK, 100.0, 2, variant="with_reactivation", start=JANUARY[0], end=JANUARY[1]),
        Example("lost 10 and 10, gained 10", PRINTED, 90.0, 3, "as_chartmogul", start=MARCH[0], end=MARCH[1]),
        Example("30 days before, not 31", LATE, 200.0, 1, "as_baremetrics", start=MARCH[0], end=MARCH[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
