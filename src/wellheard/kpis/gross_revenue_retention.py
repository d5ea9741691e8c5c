"""Gross revenue retention: how much of the recurring revenue of a year ago is left, growth not counted."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import MoneyShare
from wellheard.metrics.cohort import LEVELS, SPANS, cohort, single
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import MARCH, THREE_CUSTOMERS


def rows(ask: Ask) -> ir.Table:
    months = 1 if ask.has("monthly") else 3 if ask.has("quarterly") else 12
    t = cohort(ask, months)
    out = [
        (t.came, "not a customer at the window's start"),
        (t.no_rate, "no exchange rate for its currency at the window's start"),
    ]
    return ask.rows(t, out=out, single=single(ask), num=ibis.least(t.mrr_start, t.mrr_end), den=t.mrr_start)


KPI = Metric(
    name="gross_revenue_retention",
    title="Gross revenue retention",
    question="How much of last year's recurring revenue do we still have, growth not counted?",
    formula="100 × Σ min(MRR at the end, MRR at the start) ÷ Σ MRR at the start, over the customers 12 months before",
    unit="percent",
    direction="up",
    rows=rows,
    brick=MoneyShare(),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(Need("subscriptions", ("started_at", "mrr")),),
    traps=("It never passes 100 %: growth of one customer does not make up for the loss of another.",),
    not_additive="a cohort is defined by its window",
    source="Definition: docs/decisions; interval: E. B. Wilson (1927) with L. Kish's effective number (1965)",
    variants=(
        *(Variant(level, f"Counted {level.replace('_', ' ')}.") for level in LEVELS),
        Variant("monthly", "From one month before the period's end."),
        Variant("quarterly", "From three months before the period's end."),
    ),
    examples=(
        Example("A 100→150, B 100→60, C 100→0", THREE_CUSTOMERS, 160 / 3, 3, start=MARCH[0], end=MARCH[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
