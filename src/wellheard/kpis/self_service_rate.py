"""Self-service rate: the share of conversations that ended well without a person on our side."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.conversations import conversations, not_over, with_returns
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=True)
    replied = (t.human_replies > 0).fill_null(t.first_human_reply_at.notnull() | t.first_response_seconds.notnull())
    manned = (replied | ~t.self_service.fill_null(True)).fill_null(False)
    ended = t.resolved_at.coalesce(t.closed_at)
    known = t.human_replies.notnull() | t.self_service.notnull() | replied
    out.append((ended.notnull() & ~known, "whether a person took part is not known"))
    out.append((t.customer_key.isnull() & ~manned, "no customer is named, so a return cannot be seen"))
    t = with_returns(ask, t.mutate(ended__=ended, manned__=manned), ended)
    since = t.ended__.coalesce(t.opened_at)
    return ask.rows(
        t,
        out=out,
        pending=[
            (~t.manned__ & t.ended__.isnull(), "not ended yet"),
            (not_over(ask, t.manned__.ifelse(t.opened_at, since)), "its 7 days have not passed"),
        ],
        good=~t.manned__ & ~t.returned,
    )


def _by_bot(who: str, opened: str, topic: str | None = "billing", **more: object) -> dict[str, object]:
    """A conversation that the source says was ended by a bot within the hour."""
    return {
        "opened_at": f"{opened}T08:00:00Z",
        "closed_at": f"{opened}T09:00:00Z",
        "customer_id": who,
        "topic": topic,
        "self_service": "true",
        **more,
    }


# a is helped by the bot; b asks again, of a person; c asks again on another topic, of the bot; d is open, and e's week
# is not over.
SEVEN = asked_at_midnight(
    _by_bot("a", "2026-03-02"),
    _by_bot("b", "2026-03-02"),
    _by_bot("b", "2026-03-04", self_service="false", first_human_reply_at="2026-03-04T08:30:00Z"),
    _by_bot("c", "2026-03-02"),
    _by_bot("c", "2026-03-04", "access"),
    _by_bot("d", "2026-03-02", self_service=None, closed_at=None),
    _by_bot("e", "2026-03-20"),
)

KPI = Metric(
    name="self_service_rate",
    title="Self-service rate",
    question="How many matters do customers settle without one of our people?",
    formula="ended without a person, and not asked again on the topic within 7 days, ÷ conversations opened",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="opened_at",
    needs=(
        Need(
            "conversations",
            ("customer_id", "closed_at"),
            instead=tuple(
                Need("conversations", (who, end))
                for who in ("customer_id", "account_id")
                for end in ("closed_at", "resolved_at")
            ),
        ),
    ),
    traps=(
        "A bot's close is no success while the customer may come back: who asks again within 7 days was not helped.",
        "What was opened in the last 7 days is pending.",
        "Visits to help pages that end without a conversation are not seen here.",
    ),
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    examples=(
        Example("three of five, one asked again", SEVEN, 60.0, 5, pending=2),
        Example("none", {}, None, 0),
    ),
)
