"""Conversation volume: how many conversations customers open."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Ratio
from wellheard.metrics.cohort import cohort
from wellheard.metrics.conversations import conversations, named_apart
from wellheard.metrics.counts import Count
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import MARCH, lives
from wellheard.metrics.samples import conversations as asked_at_midnight


def rows(ask: Ask) -> ir.Table:
    t, out = conversations(ask, ours_out=True)
    if not ask.has("per_100_customers"):
        return ask.rows(t, out=out)
    opened = ask.rows(_placed(ask, named_apart(t, "conversation")), out=out, num=ibis.literal(1), den=ibis.literal(0))
    return opened.drop("instant", "source", "source_id").union(_customers(ask, opened))


def _placed(ask: Ask, t: ir.Table) -> ir.Table:
    """The conversations with their period, as the customers come."""
    t = ask.in_range(t)
    grain = ask.question.grain
    if grain is None:
        return t.mutate(period=ibis.literal(ask.periods[0].start) if ask.periods else ibis.null("date"))
    return t.filter(t.instant.notnull()).mutate(period=ask.period_of(t.instant, grain))


def _customers(ask: Ask, opened: ir.Table) -> ir.Table:
    """Everybody who was a customer at some time of the period, once."""
    people = cohort(ask)
    made = ask.rows(people, num=ibis.literal(0), den=ibis.literal(1))
    dims = {name: made[name].cast(opened[name].type()) for name in made.columns if name.startswith(DIM)}
    return made.mutate(**dims).select(*[c for c in opened.columns if c not in ("instant", "source", "source_id")])


SIX = asked_at_midnight(
    *({} for _ in range(3)),
    {"spam": "true"},
    {"merged_into": "0"},
    {"opened_by": "human"},
)
ASKING = {**lives((20, "2026-01-01", None), (5, "2026-01-01", "2026-02-01")), **SIX}

KPI = Metric(
    name="conversation_volume",
    title="Conversation volume",
    question="How many conversations do customers open?",
    formula="conversations opened, without spam, merged ones and those that we opened",
    unit="count",
    direction="down",
    rows=rows,
    brick=Count(),
    placed_by="opened_at",
    needs=(Need("conversations", ("opened_at",)),),
    traps=(
        "It is a complete count: it has no interval, and a change is judged by the noise that such counts have.",
        "More customers ask more: look at per_100_customers before blaming the product.",
    ),
    source="Overdispersed counts: P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. 1989, section 6.2",
    variants=(
        Variant(
            "per_100_customers",
            "For every 100 who were customers at some time of the period.",
            Ratio(scale=100.0, least=0, of_den=True),
            unit="number",
            not_additive="who is a customer in two months is one customer of the year",
        ),
    ),
    examples=(
        Example("three of six", SIX, 3.0, 3),
        Example(
            "three, of 20 customers",
            ASKING,
            15.0,
            20,
            variant="per_100_customers",
            start=MARCH[0],
            end=MARCH[1],
        ),
        Example("none", {}, None, 0),
    ),
)
