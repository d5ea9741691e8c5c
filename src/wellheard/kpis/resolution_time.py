"""Resolution time: how long a conversation takes from its start to its last resolution."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Quantile
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=False)
    kind = "resolution"
    if ask.has("first_resolution"):
        kind = "first_resolution"
    elif ask.has("waiting_on_us"):
        kind = "waiting_on_us"
    business = "_business" if ask.has("business") else ""
    x = t[f"{kind}{business}_seconds"]
    resolved = t.resolved_at.notnull() | t.resolution_seconds.notnull()
    if ask.has("per_received"):
        return ask.rows(t, out=out, x=x.fill_null(0.0))
    out.append((resolved & x.isnull(), "its length is not known"))
    return ask.rows(
        t.mutate(instant=t.resolved_at.coalesce(t.opened_at)),
        out=out,
        pending=[(~resolved, "not resolved yet")],
        x=x,
    )


FOUR = asked_at_midnight(
    *({"resolved_at": f"2026-03-05T{hour:02d}:00:00Z"} for hour in (1, 2, 6)),
    {"resolved_at": None},
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
        "The mean is pulled by a few very long ones: look at the variants median and p90 beside it.",
    ),
    source="Linearised interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("median", "Half take less.", Quantile(p=0.5)),
        Variant("p90", "Nine of ten take less.", Quantile(p=0.9)),
        Variant("first_resolution", "To the first resolution instead of the last."),
        Variant("waiting_on_us", "Only the time in which the customer waited for us."),
        Variant("per_received", "Divided by all received, as some articles print it: too short by those still open."),
        Variant("business", "In business seconds of the conversation's schedule."),
    ),
    examples=(
        Example("1, 2 and 6 hours, one open", FOUR, 3 * 3600.0, 3, pending=1),
        Example("the same per received", FOUR, 2.25 * 3600, 4, variant="per_received"),
        Example("their median", FOUR, 2 * 3600.0, 3, variant="median", pending=1),
        Example("none", {}, None, 0),
    ),
)
