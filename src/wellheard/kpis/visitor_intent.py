"""Visitor intent: what visitors say they came for, and whether they could do it."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.answers import answers
from wellheard.metrics.ask import Ask
from wellheard.metrics.metric import Example, Metric, Need, Split, Variant
from wellheard.metrics.multinomial import OneOf
from wellheard.metrics.samples import chosen

INTENTS = ("informational", "transactional", "support", "navigational", "other")


def rows(ask: Ask) -> ir.Table:
    t, out = answers(ask, "intent", value="choice")
    said = t.choice.strip().lower()
    t = t.mutate(intent=ibis.ifelse(said.isin(INTENTS), said, "other"))
    wanted = [intent for intent in INTENTS if ask.has(intent)] or list(INTENTS)
    good = t.intent.isin(wanted)
    if ask.has("task_success"):
        out.append((~t.intent.isin(wanted), "came for something else"))
        out.append((t.task_success.isnull(), "did not say whether it could be done"))
        good = t.task_success
    return ask.rows(t, out=out, intent=t.intent, task_success=t.task_success, good=good)


TEN = chosen({"informational": (5, 4), "transactional": (3, 2), "support": (1, 0), "looking around": (1, 1)})

KPI = Metric(
    name="visitor_intent",
    title="Visitor intent",
    question="What do visitors come for, and can they do it?",
    formula="for every intent: 100 × answers that name it ÷ answers",
    unit="percent",
    direction="up",
    rows=rows,
    brick=OneOf(outcomes=len(INTENTS)),
    least_n=50,
    placed_by="answered_at",
    split=Split("intent", INTENTS),
    needs=(Need("survey_responses", ("choice",), (("kind", "intent"),)),),
    traps=(
        "The answer has a row for every intent; the intervals hold for all of them together, so each is wider.",
        "It speaks of those who answered on the site: who left at once was never asked.",
        "A growing share of one intent may be another's loss: look at the number of visits beside it.",
    ),
    source="L. A. Goodman, Technometrics 7 (1965) 247–254, for the intervals; intents after A. Broder, SIGIR Forum 36 "
    "(2) 2002, 3–10, with support and other added",
    variants=(
        *(Variant(intent, f"The intent {intent} alone.") for intent in INTENTS),
        Variant("task_success", "Of those with the intent, how many could do it.", OneOf(outcomes=len(INTENTS))),
    ),
    examples=(
        Example("five of ten look for information", TEN, 50.0, 10),
        Example("one of ten wants help", TEN, 10.0, 10, variant="support"),
        Example("what is not known by name is other", TEN, 10.0, 10, variant="other"),
        Example("two of three buyers succeeded", TEN, 200 / 3, 3, variant="task_success+transactional"),
        Example("no answers", {}, None, 0),
    ),
)
