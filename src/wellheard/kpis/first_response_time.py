"""First response time: how long a customer waits for a person's first public reply."""

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.bricks import Mean, Quantile, Share
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.samples import Rows
from wellheard.metrics.samples import conversations as asked_at_midnight
from wellheard.metrics.waiting import Waiting

PRODUCTS = ("as_zendesk", "as_intercom", "as_chatwoot")
SELF_SERVICE = "ended before a person replied: self-service"
NO_HOURS = "no schedule gives its business hours"


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=True)
    t = t.mutate(instant=t.first_customer_at.coalesce(t.opened_at))
    if any(ask.has(name) for name in PRODUCTS):
        return _from_opening(ask, t, out)
    kind = "handoff_response" if ask.has("from_handoff") else "first_response"
    business = "_business" if ask.has("business") else ""
    x = t[f"{kind}{business}_seconds"]
    answered = t.first_human_reply_at.notnull() | t[f"{kind}_seconds"].notnull()
    if ask.has("km_median") or ask.has("km_p90"):
        return _unfinished(ask, t, out, x, answered)
    ended = t.resolved_at.notnull() | t.closed_at.notnull()
    if ask.has("from_handoff"):
        out.append((t.handed_off_at.isnull() & x.isnull(), "never handed over by a bot"))
    out.append((ended & ~answered, SELF_SERVICE))
    if ask.has("business"):
        out.append((answered & x.isnull(), NO_HOURS))
    target = ask.settings.first_response_target_minutes * 60
    return ask.rows(
        t,
        out=out,
        pending=[(x.isnull(), "no reply by a person yet")],
        x=x,
        good=x <= target,
    )


def _from_opening(ask: Ask, t: ir.Table, out: list[Reason]) -> ir.Table:
    """As helpdesks count: from the conversation's opening, whatever a bot did in between."""
    for other in ("business", "from_handoff", "km_median", "km_p90"):
        if ask.has(other):
            raise BadCall(
                f"first_response_time: a product's figure and {other} cannot be had together",
                hint="ask for them one by one",
                field="variant",
            )
    waited = t.first_human_reply_at.delta(t.opened_at, unit="microsecond").cast("float64") / 1_000_000
    x = waited.coalesce(t.first_response_seconds)
    ended = t.resolved_at.notnull() | t.closed_at.notnull()
    out.append((ended & x.isnull(), SELF_SERVICE))
    placed = t.first_human_reply_at.coalesce(t.opened_at) if ask.has("as_chatwoot") else t.opened_at
    good = x <= ask.settings.first_response_target_minutes * 60
    pending = [(x.isnull(), "no reply by a person yet")]
    return ask.rows(t.mutate(instant=placed), out=out, pending=pending, x=x, good=good)


def _unfinished(ask: Ask, t: ir.Table, out: list[Reason], x: ir.NumericValue, answered: ir.BooleanValue) -> ir.Table:
    """Those not answered are censored, at a close without a reply or at the data's end."""
    if ask.has("from_handoff"):
        raise BadCall(
            "first_response_time: km_median and km_p90 cannot be had from the handoff",
            hint="ask for from_handoff with the median, mean or p90",
            field="variant",
        )
    so_far = t["unanswered_business_seconds" if ask.has("business") else "unanswered_seconds"]
    if ask.has("business"):
        known = answered | t.unanswered_seconds.notnull()
        out.append((known & x.isnull() & so_far.isnull(), NO_HOURS))
    out.append((~answered & so_far.isnull(), SELF_SERVICE))
    out.append((answered & x.isnull(), "when its wait began is not known"))
    return ask.rows(t, out=out, x=ibis.ifelse(answered, x, so_far), ended=answered)


def _said(*events: tuple[str, str]) -> Rows:
    """One conversation and its messages: who wrote, and when."""
    rows = asked_at_midnight({})
    rows["messages"] = [
        {"source_id": str(n), "conversation_id": "0", "author_type": who, "visibility": "public", "sent_at": at}
        for n, (who, at) in enumerate(events)
    ]
    return rows


def _given(*minutes: int) -> Rows:
    return asked_at_midnight(*({"first_response_seconds": m * 60} for m in minutes))


BOT = _said(
    ("customer", "2026-03-05T00:00:00Z"),
    ("bot", "2026-03-05T00:00:05Z"),
    ("customer", "2026-03-10T00:00:00Z"),
    ("human", "2026-03-10T00:10:00Z"),
)
BOT["status_events"] = [
    {
        "source_id": "s",
        "conversation_id": "0",
        "changed_at": "2026-03-05T00:00:06Z",
        "field": "status",
        "old": "open",
        "new": "closed",
        "actor_type": "bot",
    }
]
AT_ONCE = _said(("customer", "2026-03-05T00:00:00Z"), ("human", "2026-03-05T00:01:30Z"))
WAITING = _said(("customer", "2026-03-05T00:00:00Z"))
# Answered after 10, 20 and 60 minutes; closed unanswered after 15; still waiting when the data end, after 60.
HALF = asked_at_midnight(
    *({"first_human_reply_at": f"2026-03-05T{at}:00Z"} for at in ("00:10", "00:20", "01:00")),
    {"closed_at": "2026-03-05T00:15:00Z"},
    {},
    {"source_id": "last", "opened_at": "2026-03-05T01:00:00Z", "opened_by": "human"},
)

KPI = Metric(
    name="first_response_time",
    title="First response time",
    question="How long does a customer wait for the first answer by a person?",
    formula="median seconds from the customer's first unanswered message to the first public reply by a person",
    unit="seconds",
    direction="down",
    rows=rows,
    brick=Quantile(p=0.5),
    placed_by="conversation start",
    spans=(("conversations", ("opened_at", "first_customer_at")),),
    needs=(Need("conversations", ("first_response_seconds",)),),
    traps=(
        "A machine's reply does not stop the clock; what it closes ends there, and the next message starts it anew.",
        "Conversations that we opened, or merged away, are out; those not answered yet are pending, not zero.",
        "The median of the answered forgets who still waits: km_median takes them in, by the Kaplan–Meier curve.",
        "Medians of months are not averaged into a median of the year.",
    ),
    source="Definition: docs/decisions; interval: H. A. David and H. N. Nagaraja, Order Statistics, 2003",
    not_additive="a quantile of all rows is no function of the groups' quantiles",
    variants=(
        Variant("mean", "The average wait.", Mean(least=0)),
        Variant("p90", "The wait that nine of ten stay below.", Quantile(p=0.9)),
        Variant(
            "km_median",
            "Half are answered by then, the unanswered taken in as waiting so far (Kaplan–Meier).",
            Waiting(p=0.5),
        ),
        Variant("km_p90", "Nine of ten are answered by then, the unanswered taken in.", Waiting(p=0.9)),
        Variant(
            "within_target", "Share answered within the target (a setting).", Share(), unit="percent", direction="up"
        ),
        Variant("from_handoff", "Counted from the moment a bot handed over."),
        Variant("business", "In business seconds of the conversation's schedule."),
        Variant(
            "as_zendesk",
            "From the ticket's creation to the first public reply by a person; its reports take the median or, with "
            "`mean`, the average. Formula only.",
            preset=Preset(
                "First reply time",
                "Theirs runs on after a bot has closed the ticket and until a customer who comes back days later "
                "has an answer; ours ends the wait at the bot's close and begins it anew. Tickets that an agent "
                "opened, of which Zendesk counts the second reply, are left out here.",
                "Zendesk help, About native Support time duration metrics: First reply time",
                beside=("", "mean"),
            ),
        ),
        Variant(
            "as_intercom",
            "From the conversation's start to the first reply by a teammate, the median of those begun in the period. "
            "Formula only.",
            preset=Preset(
                "First response time, time assigned to a bot included",
                "Theirs counts on through what a bot handled or closed; ours takes that as self-service and "
                "begins anew with the customer's next message. The API gives the same in office hours; this is "
                "the report's.",
                "Intercom API, conversation statistics first_contact_reply_at and first_admin_reply_at; help, "
                "Responsiveness report",
            ),
        ),
        Variant(
            "as_chatwoot",
            "Average from the conversation's creation to the first reply by an agent, by the time of the reply. "
            "Formula only.",
            Mean(least=0),
            preset=Preset(
                "First response time",
                "Theirs is an average, which a few long waits pull up, and is placed by the reply; ours is the "
                "median of the conversations begun in the period, so those still waiting are seen. A bot's time "
                "counts in theirs.",
                "Chatwoot source code, app/listeners/reporting_event_listener.rb, first_reply_created",
            ),
        ),
    ),
    examples=(
        Example("bot closes, customer returns after 5 days, reply 10 minutes later", BOT, 600.0, 1),
        Example("a bot's close does not stop theirs", BOT, 5 * 86_400 + 600.0, 1, variant="as_zendesk"),
        Example("nor with a teammate", BOT, 5 * 86_400 + 600.0, 1, variant="as_intercom"),
        Example("nor on average", BOT, 5 * 86_400 + 600.0, 1, variant="as_chatwoot"),
        Example("the average of three", HALF, 1800.0, 3, variant="as_chatwoot", pending=1),
        Example("one reply after 90 seconds", AT_ONCE, 90.0, 1),
        Example("not answered yet", WAITING, None, 0, pending=1),
        Example("three given", _given(10, 20, 60), 1200.0, 3),
        Example("their mean", _given(10, 20, 60), 1800.0, 3, variant="mean"),
        Example("within an hour", _given(10, 20, 61, 120), 50.0, 4, variant="within_target"),
        # 5 wait: 4/5 remain after 10 minutes, one leaves, 4/5 · 2/3 = 0.53 after 20, 0.27 after 60.
        Example("half are answered after an hour", HALF, 3600.0, 5, variant="km_median"),
        Example("nine of ten are not seen to be answered", HALF, None, 5, variant="km_p90"),
        Example("the median of the answered alone", HALF, 1200.0, 3, pending=1),
        Example("none", {}, None, 0),
    ),
)
