"""Backlog: how many conversations are open at the end of a period, and how old they are."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Quantile
from wellheard.metrics.conversations import conversations
from wellheard.metrics.counts import Count
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import MARCH
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    """One row a period and conversation that was open at its end."""
    t, out = conversations(ask, ours_out=False)
    windows = ask.windows()
    windows = windows.filter(windows.begin < windows.finish)
    over = t.join(windows, [t.opened_at < windows.finish])
    over = over.filter(_open(over, over.finish))
    age = over.finish.delta(over.opened_at, unit="microsecond") / 1_000_000.0
    return ask.rows(over.drop("instant"), out=out, x=age)


def _open(t: ir.Table, at: ir.TimestampValue) -> ir.BooleanValue:
    """Whether it was open at an instant: not resolved by then, or back since and not resolved again."""
    first = t.first_resolved_at.coalesce(t.resolved_at, t.closed_at)
    unresolved = first.isnull() | (first >= at)
    back = (t.first_reopened_at < at) & (t.resolved_at.isnull() | (t.resolved_at >= at))
    return unresolved.fill_null(True) | back.fill_null(False)


# On 31 March at midnight: opened and resolved before, opened and resolved after, open throughout, reopened and still
# open, and one that is spam.
FIVE = asked_at_midnight(
    {"resolved_at": "2026-03-06T00:00:00Z"},
    {"opened_at": "2026-04-02T00:00:00Z", "resolved_at": "2026-04-03T00:00:00Z"},
    {"opened_at": "2026-03-22T00:00:00Z"},
    {"opened_at": "2026-03-12T00:00:00Z", "resolved_at": "2026-04-02T00:00:00Z"},
    {"spam": "true"},
)
FIVE["status_events"] = [
    {
        "source_id": word,
        "conversation_id": "3",
        "changed_at": f"2026-{at}",
        "field": "status",
        "new": word.split("-")[0],
    }
    for word, at in (("solved-1", "03-13"), ("open", "03-20"), ("solved-2", "04-02"))
]

KPI = Metric(
    name="backlog",
    title="Backlog",
    question="How many conversations are still open?",
    formula="conversations opened before the period's end and not resolved by then",
    unit="count",
    direction="down",
    rows=rows,
    brick=Count(stock=True),
    placed_by="period end",
    spans=(("conversations", ("opened_at", "resolved_at")),),
    needs=(Need("conversations", ("opened_at",)),),
    traps=(
        "It is a stock: the backlogs of months do not add up to that of a year.",
        "A conversation that came back several times counts as open from its first return to its last resolution.",
        "Spam and merged conversations are out; conversations that we opened are in, since they wait as well.",
    ),
    source="Definition: docs/decisions; quantile: H. A. David and H. N. Nagaraja, Order Statistics, 2003",
    not_additive="what is open at the end of two months is one conversation",
    variants=(
        Variant("age_p90", "The age that nine of ten open conversations stay below.", Quantile(p=0.9), unit="seconds"),
    ),
    examples=(
        Example("two open at the end of March", FIVE, 2.0, 2, start=MARCH[0], end=MARCH[1]),
        Example("10 and 20 days old", FIVE, 19 * 86400.0, 2, variant="age_p90", start=MARCH[0], end=MARCH[1]),
        Example("none", {}, None, 0),
    ),
)
