"""Churn rate: the share of a period's first customers that are gone at its end."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import MoneyShare, Share
from wellheard.metrics.cohort import LEVELS, SPANS, cohort
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import CAME_AND_LEFT, MARCH, lives


def rows(ask: Ask) -> ir.Table:
    t = cohort(ask)
    inside = t.came & ~t.stays
    if ask.has("over_start_plus_new"):
        out = [(inside, "came and left inside the period: reported apart")]
    else:
        out = [
            (inside, "came and left inside the period: reported apart"),
            (t.came, "not a customer at the period's start"),
        ]
    if ask.has("revenue"):
        out.append((t.no_rate, "no exchange rate for its currency at the period's start"))
    lost = ibis.greatest(t.mrr_start - t.mrr_end, 0)
    return ask.rows(t, out=out, good=t.started & ~t.stays, num=lost, den=t.mrr_start)


KPI = Metric(
    name="churn_rate",
    title="Churn rate",
    question="How many of the customers we had are gone?",
    formula="100 × customers of the start cohort not active at the end ÷ start cohort",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(Need("subscriptions", ("started_at",)),),
    traps=(
        "Customers who came and left inside the period are reported apart: they were not in the cohort.",
        "Who leaves and returns within the period is no churn of it.",
        "Monthly rates do not add up to the year's.",
    ),
    not_additive="a cohort is defined by its period; the periods of a longer one have cohorts of their own",
    source="Definition: docs/decisions; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        *(Variant(level, f"Counted {level.replace('_', ' ')}.") for level in LEVELS),
        Variant("over_start_plus_new", "Divided by the start cohort and those who came and stayed.", Share()),
        Variant("revenue", "Lost MRR of the cohort, contraction included, ÷ its MRR.", MoneyShare()),
    ),
    examples=(
        Example(
            "500 at start, 50 lost",
            lives((450, "2026-01-01", None), (50, "2026-01-01", "2026-03-10")),
            10.0,
            500,
            start=MARCH[0],
            end=MARCH[1],
        ),
        Example("came and left inside", CAME_AND_LEFT, 10.0, 100, start=MARCH[0], end=MARCH[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
