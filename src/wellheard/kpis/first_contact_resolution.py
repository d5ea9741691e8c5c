"""First contact resolution: the share of resolved matters that were settled for good the first time."""

import ibis.expr.types as ir

from wellheard.metrics.answers import answers, top_box
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.conversations import conversations, not_over, reopened_soon, with_returns
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import conversations as asked_at_midnight
from wellheard.metrics.samples import scored


def rows(ask: Ask) -> ir.Table:
    if ask.has("self_reported"):
        said, without = answers(ask, "fcr")
        return ask.rows(said, out=without, good=top_box(said))
    t, out = conversations(ask, ours_out=True)
    t = t.mutate(instant=t.resolved_at.coalesce(t.opened_at))
    resolved = t.resolved_at.notnull()
    waiting = [(~resolved & t.resolution_seconds.isnull(), "not resolved yet")]
    out.append((~resolved & t.resolution_seconds.notnull(), "when it was resolved is not known"))
    if ask.has("one_touch") or ask.has("one_teammate"):
        touches = t.human_replies if ask.has("one_touch") else t.human_agents
        out.append((resolved & touches.isnull(), "how many replied, and how often, is not known"))
        return ask.rows(t, out=out, pending=waiting, good=touches <= 1)
    out.append((resolved & t.customer_key.isnull(), "no customer is named, so a return cannot be seen"))
    t = with_returns(ask, t, t.resolved_at)
    waiting.append((not_over(ask, t.resolved_at), "its 7 days have not passed"))
    return ask.rows(t, out=out, pending=waiting, good=~reopened_soon(t) & ~t.returned)


def _solved(who: str | None, opened: str, topic: str | None = "billing", **more: object) -> dict[str, object]:
    """A conversation of March 2026, resolved an hour after it was opened."""
    return {
        "opened_at": f"{opened}T08:00:00Z",
        "resolved_at": f"{opened}T09:00:00Z",
        "customer_id": who,
        "topic": topic,
        **more,
    }


# a is helped; b asks again on the topic after 5 days, of which the second time is good; c after 8 days, d on another
# topic; e's second topic is not known; f is not known; g has not been resolved, and h's week is not over.
MARCH = asked_at_midnight(
    _solved("a", "2026-03-02"),
    _solved("b", "2026-03-02"),
    _solved("b", "2026-03-07"),
    _solved("c", "2026-03-02"),
    _solved("c", "2026-03-10"),
    _solved("d", "2026-03-02"),
    _solved("d", "2026-03-03", "access"),
    _solved("e", "2026-03-02"),
    _solved("e", "2026-03-03", None),
    _solved(None, "2026-03-02"),
    _solved("g", "2026-03-02", resolved_at=None),
    _solved("h", "2026-03-20"),
)

REOPENED = asked_at_midnight(
    _solved("a", "2026-03-02"),
    _solved("b", "2026-03-02", resolved_at="2026-03-04T09:00:00Z", reopen_count=1),
    _solved("z", "2026-03-20", resolved_at=None),
)


def _told(*replies: str) -> dict[str, list[dict[str, object]]]:
    """One resolved conversation for each word, a letter of which is one of our people's replies."""
    told = asked_at_midnight(*({"resolved_at": "2026-03-05T09:00:00Z"} for _ in replies))
    told["messages"] = [
        {
            "source_id": f"{case}-{turn}",
            "conversation_id": str(case),
            "author_type": "customer" if who == "." else "human",
            "author_id": who,
            "sent_at": f"2026-03-05T0{turn}:10:00Z",
        }
        for case, word in enumerate(replies)
        for turn, who in enumerate("." + word)
    ]
    return told


THREE = _told("x", "xx", "xy")

KPI = Metric(
    name="first_contact_resolution",
    title="First contact resolution",
    question="How many matters are settled for good the first time the customer asks?",
    formula="resolved, and neither reopened nor asked again within 7 days by that customer on the topic, ÷ resolved",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="resolved_at",
    spans=(("conversations", ("opened_at", "resolved_at")),),
    needs=(Need("conversations", ("resolved_at", "customer_id")),),
    traps=(
        "A matter resolved in the last 7 days may still come back: it is pending, not a success.",
        "A second conversation on the topic counts against the first, also by another channel; an unknown topic does.",
        "Where no customer is named a return cannot be seen: such conversations are left out and counted.",
    ),
    source="Definition: docs/decisions; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("one_touch", "Share resolved with at most one public reply by a person.", Share()),
        Variant("one_teammate", "Share that no second colleague replied to.", Share()),
        Variant(
            "self_reported",
            "Share of customers who say that it was solved the first time, by survey.",
            Share(),
            spans=(("survey_responses", ("answered_at",)),),
        ),
    ),
    examples=(
        Example("nine matured, two asked again", MARCH, 100 * 7 / 9, 9, pending=2),
        Example("one of two reopened", REOPENED, 50.0, 2, pending=1),
        Example("one reply, two, and one each of two people", THREE, 100 / 3, 3, variant="one_touch"),
        Example("two of them by one person", THREE, 200 / 3, 3, variant="one_teammate"),
        Example(
            "8 of 10 say so",
            scored("fcr", {1: 8, 0: 2, None: 3}, scale_min=0, scale_max=1),
            80.0,
            10,
            variant="self_reported",
        ),
        Example("none", {}, None, 0),
    ),
)
