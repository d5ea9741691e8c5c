"""Escalation rate: the share of conversations that had to go to a higher level."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=True)
    out.append((t.escalated.isnull(), "whether it was escalated is not known"))
    return ask.rows(t, out=out, good=t.escalated)


EIGHT = asked_at_midnight(
    *({"escalated": "true"} for _ in range(2)),
    *({"escalated": "false"} for _ in range(6)),
    {"escalated": None},
    {"escalated": "true", "spam": "true"},
    {"escalated": "true", "opened_by": "automation"},
)

KPI = Metric(
    name="escalation_rate",
    title="Escalation rate",
    question="How many conversations does the first level have to pass on?",
    formula="conversations escalated ÷ conversations opened",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    placed_by="opened_at",
    needs=(Need("conversations", ("escalated",)),),
    traps=(
        "It is placed by the opening: a recent conversation may still be escalated, so the last days look low.",
        "A conversation of which nobody says whether it was escalated is left out, and not taken as handled below.",
        "A handoff between colleagues of one level is no escalation: see touches_to_resolution:handoffs.",
    ),
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    examples=(
        Example("2 of 8", EIGHT, 25.0, 8, low=7.15, high=59.07, within=0.01),
        Example("none", {}, None, 0),
    ),
)
