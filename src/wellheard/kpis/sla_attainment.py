"""SLA attainment: the share of promised times, for the first response and for the resolution, that were kept."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.conversations import conversations, history_end
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import instant_literal
from wellheard.metrics.samples import conversations as asked_at_midnight

PROMISES = ("first_response", "resolution")


def rows(ask: Ask) -> ir.Table:
    chosen = [name for name in PROMISES if ask.has(name)] or list(PROMISES)
    return ibis.union(*(_promise(ask, name) for name in chosen))


def _promise(ask: Ask, name: str) -> ir.Table:
    """The conversations for which a time was promised: met, missed, or still in time."""
    t, out = conversations(ask, ours_out=name == "first_response")
    due = t[f"{name}_due_at"]
    t = t.mutate(instant=due).filter(due.notnull())
    done = t.first_human_reply_at if name == "first_response" else t.resolved_at
    seconds = t[f"{name}_seconds"]
    begun = t.first_customer_at.coalesce(t.opened_at)
    # Where only a length is given, it is laid from the start.
    kept = (done <= t.instant).fill_null(t.instant.delta(begun, unit="microsecond") >= seconds * 1_000_000)
    finished = done.notnull() | seconds.notnull()
    if name == "first_response":
        ended = t.resolved_at.coalesce(t.closed_at)
        out.append((~finished & (ended <= t.instant), "ended in time before a person replied: self-service"))
    end = history_end(ask)
    early = t.instant > instant_literal(end) if end is not None else ibis.literal(False)
    return ask.rows(
        t,
        out=out,
        pending=[(~finished & early, "neither done nor due yet")],
        good=kept.fill_null(False),
        promise=ibis.literal(name),
    )


def _due(**more: object) -> dict[str, object]:
    """A conversation of 5 March at midnight that should be answered within an hour."""
    return {"first_response_due_at": "2026-03-05T01:00:00Z", **more}


# One is answered in time, one late, one not at all, one ends by itself in time, and one's hour is not over; of the two
# with a time for the resolution, one keeps it.
SEVEN = asked_at_midnight(
    _due(first_human_reply_at="2026-03-05T00:30:00Z"),
    _due(first_human_reply_at="2026-03-05T01:30:00Z"),
    _due(),
    _due(closed_at="2026-03-05T00:10:00Z"),
    _due(opened_at="2026-03-05T06:00:00Z", first_response_due_at="2026-03-05T07:00:00Z"),
    {"resolution_due_at": "2026-03-05T04:00:00Z", "resolved_at": "2026-03-05T04:00:00Z"},
    {"resolution_due_at": "2026-03-05T04:00:00Z", "resolved_at": "2026-03-05T06:30:00Z"},
)

KPI = Metric(
    name="sla_attainment",
    title="SLA attainment",
    question="How often do we keep the times that we promise?",
    formula="promises met ÷ promises due, for first responses and resolutions",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="due instant",
    spans=(("conversations", ("opened_at", "first_human_reply_at", "resolved_at")),),
    needs=(Need("conversations", ("first_response_due_at",)),),
    traps=(
        "A promise that is past due and not kept is missed, however long the conversation stays open.",
        "It is placed by the instant at which it fell due, not by the opening: late answers cannot leave the figure.",
        "The promise is that of the opening hours and the priority in force when the clock began.",
    ),
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("first_response", "Only the times promised for the first response.", Share()),
        Variant("resolution", "Only the times promised for the resolution.", Share()),
    ),
    examples=(
        Example("2 of 5 due promises met", SEVEN, 40.0, 5, pending=1),
        Example("1 of 3 first responses", SEVEN, 100 / 3, 3, variant="first_response", pending=1),
        Example("1 of 2 resolutions", SEVEN, 50.0, 2, variant="resolution"),
        Example("none", {}, None, 0),
    ),
)
