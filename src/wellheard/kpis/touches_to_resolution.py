"""Touches to resolution: how many messages a customer has to write until the matter is resolved."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Quantile
from wellheard.metrics.conversations import conversations
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=False)
    x = t.handoffs if ask.has("handoffs") else t.customer_messages
    resolved = t.resolved_at.notnull() | t.resolution_seconds.notnull()
    out.append((resolved & x.isnull(), "how many there were is not known"))
    return ask.rows(
        t.mutate(instant=t.resolved_at.coalesce(t.opened_at)),
        out=out,
        pending=[(~resolved, "not resolved yet")],
        x=x,
    )


def _counted(column: str, *numbers: int) -> dict[str, list[dict[str, object]]]:
    cases = [{column: n, "resolved_at": "2026-03-05T09:00:00Z"} for n in numbers]
    return asked_at_midnight(*cases, {column: 50})


KPI = Metric(
    name="touches_to_resolution",
    title="Touches to resolution",
    question="How often does a customer have to write until the matter is resolved?",
    formula="median number of the customer's messages until the last resolution",
    unit="number",
    direction="down",
    rows=rows,
    brick=Quantile(p=0.5),
    placed_by="resolved_at",
    spans=(("conversations", ("opened_at", "resolved_at")),),
    needs=(Need("conversations", ("customer_messages",)),),
    traps=(
        "Machines' messages and notes among colleagues are no touches.",
        "Thanks written after the last resolution is not counted.",
        "In a chat one thought is often several messages: compare channels with care.",
    ),
    source="Interval: H. A. David and H. N. Nagaraja, Order Statistics, 2003",
    not_additive="a quantile of all rows is no function of the groups' quantiles",
    variants=(Variant("handoffs", "Median number of times that it passed to another colleague or team."),),
    examples=(
        Example("1, 2, 2, 4 and 9 messages, one open", _counted("customer_messages", 1, 2, 2, 4, 9), 2.0, 5, pending=1),
        Example("0, 1 and 3 handoffs", _counted("handoffs", 0, 1, 3), 1.0, 3, variant="handoffs", pending=1),
        Example("none", {}, None, 0),
    ),
)
