"""Text volume: how many texts customers write, by topic or by what kind of text it is."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.counts import Count
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import read
from wellheard.metrics.texts import readings


def rows(ask: Ask) -> ir.Table:
    t, out = readings(ask)
    if ask.has("with_content"):
        out.append((t.unread == "no content", "has no content"))
    if ask.has("on_a_topic"):
        out.append((t.topic_id.isnull(), "on none of the topics"))
    return ask.rows(t, out=out, topic=t.topic_name, issue=t.issue)


TEN = {
    "text_scores": [
        *read({"positive": 4}, topic_id="t1", key="a")["text_scores"],
        *read({"negative": 3}, topic_id="t2", key="b")["text_scores"],
        *read({"neutral": 2}, key="c")["text_scores"],
        {**read({"neutral": 1}, unread="no content", key="d")["text_scores"][0], "sentiment": None, "valence": None},
    ]
}

KPI = Metric(
    name="text_volume",
    title="Text volume",
    question="How much do customers write, and on what?",
    formula="texts of customers that were read or looked at",
    unit="count",
    direction="up",
    rows=rows,
    brick=Count(),
    placed_by="written_at",
    needs=(Need("text_scores", ("text_id",)),),
    traps=(
        "Ask by topic_name, topic_group or issue; a text belongs to one topic at the most.",
        "It is a complete count: it has no interval, and a change is judged by the noise that such counts have.",
        "More is no better or worse by itself: it hangs on what they write about.",
        "Texts that nothing here reads are counted, too; `with_content` leaves out those such as 'n/a'.",
    ),
    source="Overdispersed counts: P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. 1989, section 6.2",
    variants=(
        Variant("with_content", "Without texts such as 'n/a'."),
        Variant("on_a_topic", "Only texts that belong to a topic."),
    ),
    examples=(
        Example("ten texts", TEN, 10.0, 10),
        Example("nine that say something", TEN, 9.0, 9, variant="with_content"),
        Example("seven on two topics", TEN, 7.0, 7, variant="on_a_topic"),
        Example("no texts", {}, None, 0),
    ),
)
