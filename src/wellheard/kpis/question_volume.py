"""Question volume: how many texts ask us something, and what share of all that is."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.counts import Count
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import read
from wellheard.metrics.texts import readings

ASKING = ("question", "request")


def rows(ask: Ask) -> ir.Table:
    t, out = readings(ask)
    out.append((t.issue.isnull(), "not read for what kind of text it is"))
    asks = t.issue.isin(ASKING).fill_null(False)
    if ask.has("share"):
        return ask.rows(t, out=out, issue=t.issue, topic=t.topic_name, good=asks)
    out.append((~asks, "asks nothing"))
    return ask.rows(t, out=out, issue=t.issue, topic=t.topic_name)


TEN = {
    "text_scores": [
        *read({"neutral": 3}, issue="question", key="a")["text_scores"],
        *read({"neutral": 1}, issue="request", key="b")["text_scores"],
        *read({"negative": 4}, issue="complaint", key="c")["text_scores"],
        *read({"positive": 2}, issue="praise", key="d")["text_scores"],
    ]
}

KPI = Metric(
    name="question_volume",
    title="Question volume",
    question="How many texts ask us something?",
    formula="texts that are a question or a request",
    unit="count",
    direction="down",
    rows=rows,
    brick=Count(),
    placed_by="written_at",
    needs=(Need("text_scores", ("issue",)),),
    traps=(
        "An angry question counts as a complaint, not as a question.",
        "Ask by topic_name: what many ask about should be said before they have to ask.",
    ),
    source="Overdispersed counts: P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. 1989, section 6.2",
    variants=(Variant("share", "As a share of all texts that were read.", Share(), unit="percent"),),
    examples=(
        Example("three questions and a request", TEN, 4.0, 4),
        Example("of ten texts", TEN, 40.0, 10, variant="share"),
        Example("no texts", {}, None, 0),
    ),
)
