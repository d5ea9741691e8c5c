"""Topic share: what share of all texts speaks of a topic."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import read
from wellheard.metrics.texts import readings

TOPICS = ("topic_id", "topic_name", "topic_group")


def rows(ask: Ask) -> ir.Table:
    t, out = readings(ask)
    out.append((t.sentiment.isnull(), "could not be read"))
    if ask.has("negative"):
        out.append((t.sentiment != "negative", "not negative"))
    asked = [DIM + name for name in TOPICS if DIM + name in t.columns]
    if not asked:
        return ask.rows(t, out=out, pending=_by_lexicon(t), topic=t.topic_name, good=t.topic_id.notnull())
    # Each text stands beside every topic, so that a topic's share is one of all texts and not of its own.
    names = t.filter(t.topic_id.notnull()).select(**{f"o:{name}": t[name] for name in asked}).distinct()
    t = t.mutate(**{f"w:{name}": t[name] for name in asked}).drop(*asked).cross_join(names)
    good = ibis.literal(True)
    for name in asked:
        good = good & (t[f"w:{name}"] == t[f"o:{name}"]).fill_null(False)
    out = _again(t, out, ask)
    t = t.mutate(**{name: t[f"o:{name}"] for name in asked}, good__=good)
    return ask.rows(t, out=out, pending=_by_lexicon(t), topic=t.topic_name, good=t.good__)


def _by_lexicon(t: ir.Table) -> list[tuple[ir.BooleanValue, str]]:
    """Our own readings by the lexicon, of which no topic was looked for; another's may well bear topics."""
    ours = t.source_id.startswith("texts:") & t.model.startswith("vader")
    return [(ours, "read by the lexicon, which finds no topics: waits for the model")]


def _again(t: ir.Table, out: list[tuple[ir.BooleanValue, str]], ask: Ask) -> list[tuple[ir.BooleanValue, str]]:
    """The same reasons over the table with a row for every topic."""
    reasons: list[tuple[ir.BooleanValue, str]] = [
        (t.person, out[0][1]), (~t.whole, out[1][1]), (t.turn > 0, out[2][1]), (t.sentiment.isnull(), out[3][1]),
    ]  # fmt: skip
    if ask.has("negative"):
        reasons.append((t.sentiment != "negative", out[4][1]))
    return reasons


TEN = {
    "text_scores": [
        *read({"positive": 1, "negative": 3}, topic_id="t1", key="a")["text_scores"],
        *read({"negative": 2}, topic_id="t2", key="b")["text_scores"],
        *read({"positive": 4}, key="c")["text_scores"],
    ]
}

KPI = Metric(
    name="topic_share",
    title="Topic share",
    question="What share of what customers write is on a topic?",
    formula="100 × texts on the topic ÷ texts that were read",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    least_n=50,
    placed_by="written_at",
    needs=(Need("text_scores", ("topic_id",)),),
    traps=(
        "Ask by topic_name, topic_id or topic_group; without, it is the share of texts that belong to any topic.",
        "Whether less is better hangs on the topic: of most, customers speak when something is amiss.",
        "A filter on the topic takes all other texts away, and the share is 100 %: ask by topic instead.",
    ),
    not_additive="every topic is a share of the same texts",
    source="Interval: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209–212",
    variants=(Variant("negative", "Of the negative texts alone."),),
    examples=(
        Example("six of ten on a topic", TEN, 60.0, 10),
        Example("all five negative ones", TEN, 100.0, 5, variant="negative"),
        Example("no texts", {}, None, 0),
    ),
)
