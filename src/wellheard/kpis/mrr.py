"""Monthly recurring revenue: what the subscriptions that run at a period's end bring in a month, and why it changed."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.cohort import LEVELS, SPANS, movements, single, standing
from wellheard.metrics.counts import Total
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import MARCH, Rows, plans

BRIDGE = {
    "new": "MRR of customers who had never paid before.",
    "expansion": "What customers pay more at the end than at the start.",
    "contraction": "What customers pay less at the end than at the start, as a negative amount.",
    "churn": "MRR of customers who left, as a negative amount.",
    "reactivation": "MRR of customers who had left before and came back.",
    "exchange_rates": "What the exchange rates since the start did to the MRR at the end.",
    "change": "The whole change since the start: the sum of the six parts.",
}


def rows(ask: Ask) -> ir.Table:
    part = next((name for name in BRIDGE if ask.has(name)), None)
    # Customers stand for themselves where there are no subscriptions, but say nothing of what they pay: no amount is 0.
    silent = [] if ask.reader.has_rows("subscriptions") else [(ibis.literal(True), "no subscription is recorded")]
    if part is None:
        t = standing(ask)
        out = [*silent, (t.no_rate, "no exchange rate for its currency on that day")]
        return ask.rows(t, out=out, single=single(ask), num=t.mrr)
    t = movements(ask)
    out = [*silent, (t.no_rate, "no exchange rate for its currency on those days")]
    return ask.rows(t, out=out, single=single(ask), num=t[part])


def _moved() -> Rows:
    """A grows by 50, B shrinks by 40, C leaves, D is new, E comes back, F leaves and comes back with 10 more."""
    return plans(
        ("A", 100, "2025-01-01", "2026-03-10"),
        ("A", 150, "2026-03-10", None),
        ("B", 100, "2025-01-01", "2026-03-10"),
        ("B", 60, "2026-03-10", None),
        ("C", 70, "2025-01-01", "2026-03-15"),
        ("D", 30, "2026-03-20", None),
        ("E", 20, "2025-01-01", "2025-06-01"),
        ("E", 25, "2026-03-20", None),
        ("F", 10, "2025-01-01", "2026-03-05"),
        ("F", 20, "2026-03-25", None),
        ("Z", 1, "2026-04-05", None),
    )


MOVED = _moved()
PARTS = {
    "new": 30.0, "expansion": 50.0, "contraction": -40.0, "churn": -80.0, "reactivation": 45.0, "exchange_rates": 0.0,
    "change": 5.0,
}  # fmt: skip

KPI = Metric(
    name="mrr",
    title="Monthly recurring revenue",
    question="What do our subscriptions bring in a month, and why has it changed?",
    formula="Σ MRR of the paid subscriptions that run at the period's end",
    unit="money",
    direction="up",
    rows=rows,
    brick=Total(stock=True),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(Need("subscriptions", ("started_at", "mrr")),),
    traps=(
        "Trials, free plans and paused subscriptions bring nothing.",
        "The parts of a change are at the exchange rates of the start; what the rates did stands apart.",
        "By a dimension, the parts of a change take customers as they were at the start.",
    ),
    not_additive="an amount at an instant; the months of a quarter end at three of them",
    source="Definition: docs/decisions; a complete sum has no interval",
    variants=(
        *(Variant(name, words, Total()) for name, words in BRIDGE.items()),
        *(Variant(level, f"Movements counted {level.replace('_', ' ')}.") for level in LEVELS),
    ),
    examples=(
        Example("five who pay", MOVED, 285.0, 5, start=MARCH[0], end=MARCH[1]),
        *(Example(name, MOVED, value, 6, name, start=MARCH[0], end=MARCH[1]) for name, value in PARTS.items()),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
