"""Resolution time: how long a conversation takes from its start to its last resolution."""

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.bricks import Mean, Quantile
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.samples import conversations as asked_at_midnight
from wellheard.metrics.waiting import Waiting


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=False)
    kinds = [name for name in ("first_resolution", "waiting_on_us") if ask.has(name)]
    _check(ask, kinds)
    if ask.has("as_zendesk") or ask.has("as_chatwoot"):
        return _from_opening(ask, t, out)
    kind = kinds[0] if kinds else "resolution"
    business = "_business" if ask.has("business") else ""
    x = t[f"{kind}{business}_seconds"]
    resolved = t.resolved_at.notnull() | t.resolution_seconds.notnull()
    out.append((resolved & x.isnull(), "its length is not known"))
    if ask.has("per_received"):
        return ask.rows(t, out=out, x=ibis.ifelse(resolved, x, 0.0))
    if ask.has("km_median"):
        return _unfinished(ask, t, out, x, kind, resolved)
    return ask.rows(
        t.mutate(instant=t.resolved_at.coalesce(t.opened_at)),
        out=out,
        pending=[(~resolved, "not resolved yet")],
        x=x,
    )


def _from_opening(ask: Ask, t: ir.Table, out: list[Reason]) -> ir.Table:
    """As helpdesks count: from the conversation's opening to its last resolution."""
    for other in ("first_resolution", "waiting_on_us", "business", "per_received", "km_median"):
        if ask.has(other):
            raise BadCall(
                f"resolution_time: a product's figure and {other} cannot be had together",
                hint="ask for them one by one",
                field="variant",
            )
    took = t.resolved_at.delta(t.opened_at, unit="microsecond").cast("float64") / 1_000_000
    x = took.coalesce(t.resolution_seconds)
    placed = t.mutate(instant=t.resolved_at.coalesce(t.opened_at))
    return ask.rows(placed, out=out, pending=[(x.isnull(), "not resolved yet")], x=x)


def _unfinished(
    ask: Ask, t: ir.Table, out: list[Reason], x: ir.NumericValue, kind: str, resolved: ir.BooleanValue
) -> ir.Table:
    """Placed by the start; censored at the data's end, or at a close to which no person had replied."""
    so_far = t["unresolved_business_seconds" if ask.has("business") else "unresolved_seconds"]
    done = t.first_resolution_seconds.notnull() if kind == "first_resolution" else resolved
    took = x if kind == "waiting_on_us" else ibis.ifelse(done, x, so_far)
    out.append((took.isnull(), "how long it has been open is not known"))
    unanswered = (t.human_replies == 0).fill_null(False)
    return ask.rows(t, out=out, x=took, ended=done & ~unanswered)


def _check(ask: Ask, kinds: list[str]) -> None:
    """Refuses pairs that mean nothing together."""
    pairs = [tuple(kinds)] if len(kinds) > 1 else []
    pairs += [
        ("per_received", other) for other in ("km_median", "median", "p90") if ask.has("per_received") & ask.has(other)
    ]
    for one, other in pairs:
        raise BadCall(
            f"resolution_time: {one} and {other} cannot be had together",
            hint="ask for them one by one",
            field="variant",
        )


FOUR = asked_at_midnight(
    *({"resolved_at": f"2026-03-05T{hour:02d}:00:00Z"} for hour in (1, 2, 6)),
    {"resolved_at": None},
)

# Resolved after 1, 2 and 6 hours; one open for 4 and one for 10 when the data end.
OPEN = asked_at_midnight(
    *({"resolved_at": f"2026-03-05T{hour:02d}:00:00Z"} for hour in (1, 2, 6)),
    {"opened_at": "2026-03-05T06:00:00Z"},
    {},
    {"source_id": "last", "opened_at": "2026-03-05T10:00:00Z", "spam": True},
)

KPI = Metric(
    name="resolution_time",
    title="Resolution time",
    question="How long does it take until a customer's problem is solved?",
    formula="mean seconds from the start to the last resolution, over resolved conversations",
    unit="seconds",
    direction="down",
    rows=rows,
    brick=Mean(least=0),
    placed_by="resolved_at",
    spans=(("conversations", ("opened_at", "resolved_at")),),
    needs=(Need("conversations", ("resolution_seconds",)),),
    traps=(
        "It divides by resolved conversations; those still open are pending, never zero.",
        "A reopened conversation counts to its last resolution.",
        "Those still open tend to be the long ones: km_median takes them in, by the Kaplan–Meier curve.",
        "The mean is pulled by a few very long ones: look at the variants median and p90 beside it.",
    ),
    source="Linearised interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("median", "Half take less.", Quantile(p=0.5)),
        Variant("p90", "Nine of ten take less.", Quantile(p=0.9)),
        Variant(
            "km_median",
            "Half are resolved by then, the open ones taken in as lasting so far (Kaplan–Meier); by the start.",
            Waiting(p=0.5),
            not_additive="a quantile of all rows is no function of the groups' quantiles",
        ),
        Variant("first_resolution", "To the first resolution instead of the last."),
        Variant("waiting_on_us", "Only the time in which the customer waited for us."),
        Variant("per_received", "Divided by all received, as some articles print it: too short by those still open."),
        Variant("business", "In business seconds of the conversation's schedule."),
        Variant(
            "as_zendesk",
            "From the ticket's creation to its latest solution; its reports take the average or, with `median`, the "
            "median. Formula only.",
            preset=Preset(
                "Full resolution time",
                "Theirs begins when the ticket is created, ours with the customer's first message that wanted an "
                "answer: after a bot's close ours begins anew. Tickets merged into another one are left out here.",
                "Zendesk help, About native Support time duration metrics: Full resolution time",
                beside=("", "median"),
            ),
        ),
        Variant(
            "as_chatwoot",
            "Average from the conversation's creation to its resolution. Formula only.",
            Mean(least=0),
            preset=Preset(
                "Resolution time",
                "Theirs takes every resolution as a case of its own, so a reopened conversation counts several "
                "times, each from its creation; here it counts once, by its last. Ours begins anew after a bot's "
                "close.",
                "Chatwoot source code, app/listeners/reporting_event_listener.rb, conversation_resolved",
            ),
        ),
    ),
    examples=(
        Example("1, 2 and 6 hours, one open", FOUR, 3 * 3600.0, 3, pending=1),
        Example("from the creation on", FOUR, 3 * 3600.0, 3, variant="as_zendesk", pending=1),
        Example("its median", FOUR, 2 * 3600.0, 3, variant="as_zendesk+median", pending=1),
        Example("on average", FOUR, 3 * 3600.0, 3, variant="as_chatwoot", pending=1),
        Example("the same per received", FOUR, 2.25 * 3600, 4, variant="per_received"),
        Example("their median", FOUR, 2 * 3600.0, 3, variant="median", pending=1),
        # Of 5, 4/5 remain after an hour, 3/5 after two, one open leaves after four, 3/5 · 1/2 after six.
        Example("half are resolved after six hours", OPEN, 6 * 3600.0, 5, variant="km_median"),
        Example("the median of the resolved alone", OPEN, 2 * 3600.0, 3, variant="median", pending=2),
        Example("none", {}, None, 0),
    ),
)
