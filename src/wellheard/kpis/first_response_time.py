"""First response time: how long a customer waits for a person's first public reply."""

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.bricks import Mean, Quantile, Share
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import Rows
from wellheard.metrics.samples import conversations as asked_at_midnight
from wellheard.metrics.waiting import Waiting

SELF_SERVICE = "ended before a person replied: self-service"
NO_HOURS = "no schedule gives its business hours"


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=True)
    t = t.mutate(instant=t.first_customer_at.coalesce(t.opened_at))
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
    ),
    examples=(
        Example("bot closes, customer returns after 5 days, reply 10 minutes later", BOT, 600.0, 1),
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
