"""Cost per resolution: what service costs for every conversation that it resolves."""

from dataclasses import replace

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import Unknown
from wellheard.metrics.ask import CONVERTED, DIM, Ask
from wellheard.metrics.bricks import Ratio
from wellheard.metrics.conversations import conversations, named_apart
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.reader import Reader
from wellheard.metrics.samples import conversations as asked_at_midnight
from wellheard.metrics.where import names_in


def rows(ask: Ask) -> ir.Table:
    cases = _cases(ask)
    loose = _loose(ask, cases)
    return cases if loose is None else cases.union(loose)


def _cases(ask: Ask) -> ir.Table:
    """The conversations, each with its own cost, or else with the costs that name it."""
    t, out = conversations(ask, ours_out=False)
    t = ask.money(named_apart(t, "conversation"), "conversations", ["cost"])
    named = _service_costs(ask.reader).filter(ibis._.conversation_id.notnull())
    named = ask.money(named.mutate(instant=named.incurred_at), "costs", ["amount"])
    # A ledger may name the conversations of the only source there is; of several, those of its own.
    alone = len(ask.reader.sources("conversations")) <= 1
    sums = named.group_by(k_of=named.conversation_id, k_source=ibis.literal("") if alone else named.source).agg(
        k_sum=named.amount.sum(where=~named.no_rate), k_no_rate=named.no_rate.any()
    )
    source = ibis.literal("") if alone else t.source
    t = t.mutate(k_own=source)
    t = t.left_join(sums, [t.source_id == sums.k_of, t.k_own == sums.k_source])
    spent = t.cost.cast(CONVERTED).coalesce(t.k_sum.cast(CONVERTED))
    no_rate = ibis.ifelse(t.cost.notnull(), t.no_rate, t.k_no_rate)
    resolved = t.resolved_at.notnull() | t.resolution_seconds.notnull()
    out.append((no_rate, "no exchange rate for its currency on that day"))
    if not _costs_known(ask):
        out.append((resolved, "no cost of service is recorded anywhere: that is not a cost of 0"))
    return ask.rows(
        t.mutate(instant=t.resolved_at.coalesce(t.opened_at)),
        out=out,
        pending=[(~resolved, "not resolved yet: its cost counts when it is")],
        num=spent.fill_null(ibis.literal(0).cast(CONVERTED)),
        den=ibis.literal(1),
    )


def _costs_known(ask: Ask) -> bool:
    """Whether any conversation has a cost, or the ledger an entry for service."""
    return ask.reader.kept("a conversation's cost", _any_cost, ("conversations",)) or ask.reader.kept(
        "a cost of service", _any_service_cost, ("costs",)
    )


def _any_cost(reader: Reader) -> bool:
    return bool(reader.run(reader.table("conversations").cost.notnull().any()).as_py())


def _any_service_cost(reader: Reader) -> bool:
    return bool(reader.run(_service_costs(reader).count()).as_py())


def _service_costs(reader: Reader) -> ir.Table:
    t = reader.table("costs")
    return t.filter(t.kind == "service")


def _loose(ask: Ask, cases: ir.Table) -> ir.Table | None:
    """Service costs that name no conversation, by when they arose; None where a filter is about cases alone."""
    wanted = [*ask.question.by, *(n for f in ask.filters for n in names_in(f))]
    known = {name for name in wanted if _of_costs(ask, name)}
    if any(name not in known for f in ask.filters for name in names_in(f)):
        return None
    question = replace(ask.question, by=tuple(n for n in ask.question.by if n in known))
    narrowed = Ask(ask.reader, ask.metric, ask.asked, question, ask.periods)
    t = named_apart(narrowed.facts("costs"), "cost")
    t = ask.money(t.filter((t.kind == "service") & t.conversation_id.isnull()), "costs", ["amount"])
    blank = {DIM + n: ibis.null(cases[DIM + n].type()) for n in ask.question.by if n not in known}
    made = ask.rows(
        t.mutate(**blank),
        out=[(t.no_rate, "no exchange rate for its currency on that day")],
        num=t.amount.cast(CONVERTED),
        den=ibis.literal(0).cast(cases.den.type()),
    )
    return made.select(*cases.columns)


def _of_costs(ask: Ask, name: str) -> bool:
    try:
        ask.dimension(name, "costs")
    except Unknown:
        return False
    return True


def _spent(*cases: tuple[float | None, bool]) -> dict[str, list[dict[str, object]]]:
    """Conversations with their cost in euros, and whether they were resolved."""
    return asked_at_midnight(
        *(
            {"cost": cost, "currency": "EUR", "resolved_at": "2026-03-05T02:00:00Z" if resolved else None}
            for cost, resolved in cases
        )
    )


# 10 + 20 + 30 over three resolved; what the open one cost so far waits with it.
FOUR = _spent((10, True), (20, True), (30, True), (99, False))

# A salary of 90 that names no conversation, 15 for the conversation without a cost of its own, and what is no service.
LEDGER = _spent((10, True), (20, True), (None, True))
LEDGER["costs"] = [
    {"source_id": str(n), "kind": kind, "amount": amount, "currency": "EUR", "incurred_at": "2026-03-05", **more}
    for n, (kind, amount, more) in enumerate(
        (
            ("service", 90, {}),
            ("service", 15, {"conversation_id": "2"}),
            ("service", 7, {"conversation_id": "1"}),
            ("tooling", 500, {}),
        )
    )
]

KPI = Metric(
    name="cost_per_resolution",
    title="Cost per resolution",
    question="What does it cost to resolve one matter?",
    formula="service cost ÷ conversations resolved",
    unit="money",
    direction="down",
    rows=rows,
    brick=Ratio(least=0, of_den=True),
    placed_by="resolved_at",
    spans=(("conversations", ("opened_at", "resolved_at")), ("costs", ("incurred_at",))),
    needs=(Need("conversations", ("resolved_at", "cost")),),
    traps=(
        "Service costs that name no conversation are in the numerator too, placed by the day on which they arose.",
        "A conversation's own cost stands before entries of the ledger that name it: nothing is counted twice.",
        "Salaries booked once a quarter make months uneven: look at quarters.",
    ),
    source="Linearised interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    examples=(
        Example("three resolved, one open", FOUR, 20.0, 3, pending=1),
        Example("with a ledger", LEDGER, 45.0, 3),
        Example("no cost is recorded", _spent((None, True), (None, False)), None, 0, pending=1),
        Example("none", {}, None, 0),
    ),
)
