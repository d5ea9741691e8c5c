"""Reopen rate: the share of resolved conversations that came back within a week."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.conversations import conversations, not_over, reopened_soon
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=False)
    first = t.first_resolved_at
    out.append((first.isnull() & t.resolution_seconds.notnull(), "when it was first resolved is not known"))
    out.append((first.notnull() & t.reopen_count.isnull(), "no history of it says whether it came back"))
    return ask.rows(
        t.mutate(instant=first.coalesce(t.opened_at)),
        out=out,
        pending=[(first.isnull(), "not resolved yet"), (not_over(ask, first), "its 7 days have not passed")],
        good=reopened_soon(t),
    )


def _history(*cases: tuple[str, str | None]) -> dict[str, list[dict[str, object]]]:
    """Conversations with the status changes that tell of them: resolved on a day, reopened on another."""
    told = asked_at_midnight(*({"opened_at": f"2026-03-{day}T08:00:00Z"} for day, _ in cases))
    steps = [(n, "solved", day) for n, (day, _) in enumerate(cases)]
    steps += [(n, "open", back) for n, (_, back) in enumerate(cases) if back is not None]
    told["status_events"] = [
        {
            "source_id": f"{n}-{word}",
            "conversation_id": str(n),
            "changed_at": f"2026-03-{day}T12:00:00Z",
            "field": "status",
            "new": word,
        }
        for n, word, day in steps
    ]
    return told


# A conversation of which only the resolution is known, as of a file without status changes.
BARE = asked_at_midnight({"opened_at": "2026-03-02T08:00:00Z", "resolved_at": "2026-03-03T08:00:00Z"}, {})

# Four resolved on the 2nd: one stays so, one is back the next day, one after exactly 7 days, one after 8. The week of
# the last one, resolved on the 20th, is not over.
FIVE = _history(("02", None), ("02", "03"), ("02", "09"), ("02", "10"), ("20", None))

KPI = Metric(
    name="reopen_rate",
    title="Reopen rate",
    question="How often does a matter that we called resolved come back?",
    formula="resolved and reopened within 7 days ÷ resolved at least 7 days ago",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    placed_by="first_resolved_at",
    spans=(("conversations", ("opened_at", "first_resolved_at")),),
    needs=(Need("conversations", ("first_resolved_at", "reopen_count")),),
    traps=(
        "It counts conversations, not reopenings: one that came back twice is one.",
        "What was resolved in the last 7 days is pending: taken as settled they would make the last week look good.",
        "Where no status changes are known, nor how often it was reopened, nothing is assumed: it is left out.",
        "A customer who asks again in a new conversation is not seen here: look at first_contact_resolution.",
    ),
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    examples=(
        Example("two of four came back within 7 days", FIVE, 50.0, 4, pending=1),
        Example("without a history", BARE, None, 0, pending=1),
        Example("none", {}, None, 0),
    ),
)
