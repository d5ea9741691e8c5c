"""Sentiment: the share of positive texts minus the share of negative ones, in customers' own words."""

import ibis.expr.types as ir

from wellheard.metrics.answers import counting
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Net
from wellheard.metrics.linear import Corrected, corrected
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import read
from wellheard.metrics.texts import READ, polarity, readings


def rows(ask: Ask) -> ir.Table:
    t, out = readings(ask, labelled=ask.has("corrected"))
    if ask.has("mean"):
        out.append((t.valence.isnull(), "no valence was read in it"))
        return ask.rows(t, out=out, sentiment=t.sentiment, x=t.valence)
    out.append((t.sentiment.isnull(), "no sentiment was read in it"))
    if ask.has("corrected"):
        t = t.mutate(x=corrected(ask, t, counting(out), polarity(t.sentiment), t.given))
        out.append((t.x.isnull(), "no text of its group was labelled by a person"))
        return ask.rows(t, out=out, sentiment=t.sentiment, label=t.given, labelled=t.given.notnull(), x=t.x)
    return ask.rows(t, out=out, sentiment=t.sentiment, good=t.sentiment == "positive", bad=t.sentiment == "negative")


TEN = read({"positive": 6, "neutral": 1, "negative": 3})
# Of 100 texts 60 are read as positive and 40 as negative; a person has read 50 of them, and finds that 10 of the 30
# labelled positive ones are neutral: the model is 10/50 = 0.2 too high.
LABELLED = read(
    {"positive": 60, "negative": 40},
    labels={0: "positive", 20: "neutral", 30: None, 60: "negative", 80: None},
)

KPI = Metric(
    name="sentiment",
    title="Sentiment",
    question="Do customers write well of us more often than ill?",
    formula="100 × (positive texts − negative texts) ÷ texts that were read",
    unit="points",
    direction="up",
    rows=rows,
    brick=Net(),
    least_n=50,
    placed_by="written_at",
    spans=READ,
    needs=(Need("text_scores", ("sentiment",)),),
    traps=(
        "A model reads some texts wrongly, and not as often in both directions: the variant `corrected` removes that.",
        "A text that was read by several models, or again by a newer one, counts once, by the newest reading.",
        "Those who write are not all customers, and the unhappy write more.",
    ),
    source="Interval: D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37 (2012) 479–488; the correction: "
    "W. G. Cochran, Sampling Techniques, 3rd ed. 1977, section 7.2",
    variants=(
        Variant("mean", "The average valence, −1 to 1.", Mean(least=-1, most=1), unit="number"),
        Variant(
            "corrected",
            "The model's net plus what people's labels differ from it in a random sample; from 50 labels on.",
            Corrected(least=-1, most=1, scale=100.0),
            not_additive="the correction is estimated anew in every group",
        ),
    ),
    examples=(
        Example("six good, one plain, three bad", TEN, 30.0, 10),
        Example("their mean valence", TEN, 0.15, 10, variant="mean"),
        Example("read too well", LABELLED, 20.0, 100),
        Example("with the labels' correction", LABELLED, 0.0, 100, variant="corrected"),
        Example("no texts", {}, None, 0),
    ),
)
