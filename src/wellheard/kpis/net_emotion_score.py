"""Net emotion score: how far pleasant emotions outweigh unpleasant ones."""

import ibis.expr.types as ir

from wellheard.metrics.answers import answers, commonest_scale, counting, on_scale
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Net
from wellheard.metrics.emotions import is_pleasant, item_of
from wellheard.metrics.linear import Linear, contrast
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import felt, read
from wellheard.metrics.texts import READ, readings

SCALES = ((1, 5), (1, 7), (0, 10), (1, 10), (0, 4), (1, 4), (0, 100))


def rows(ask: Ask) -> ir.Table:
    if ask.has("text"):
        return _texts(ask)
    t, out = answers(ask, "emotion", every_item=True)
    low, high = commonest_scale(ask, t, SCALES, "emotion")
    t = t.mutate(pleasant=is_pleasant(t), emotion=item_of(t))
    out.append((~on_scale(t, low, high), f"not asked on the scale {low} to {high}: scales do not mix"))
    out.append((t.pleasant.isnull(), "an emotion that is neither known as pleasant nor as unpleasant"))
    t = t.mutate(counts=counting(out), score=t.score * (100.0 / (high - low)), given=t.score)
    t = t.mutate(x=contrast(ask, t, t.counts, t.pleasant.fill_null(False), t.score))
    out.append((t.x.isnull(), "no item of the other side stands beside it"))
    return ask.rows(t, out=out, emotion=t.emotion, pleasant=t.pleasant, score=t.given, x=t.x)


def _texts(ask: Ask) -> ir.Table:
    t, out = readings(ask)
    good, bad = t.positive_emotion.fill_null(False), t.negative_emotion.fill_null(False)
    out.append((t.positive_emotion.isnull() & t.negative_emotion.isnull(), "not read for emotions"))
    # A text with both kinds adds one to either share: nothing to their difference.
    return ask.rows(t, out=out, emotions=t.emotions, good=good & ~bad, bad=bad & ~good)


FOUR = felt(happy=(5, 4), valued=(4, 3), frustrated=(1, 3), neglected=(2, 2))
TEXTS = {
    "text_scores": [
        row
        for source, flags, n in (("a", (True, False), 5), ("b", (False, True), 2), ("c", (True, True), 1),
                                 ("d", (False, False), 2))
        for row in read({"neutral": n}, positive_emotion=flags[0], negative_emotion=flags[1], key=source)["text_scores"]
    ]
}  # fmt: skip

KPI = Metric(
    name="net_emotion_score",
    title="Net emotion score",
    question="Do pleasant emotions outweigh unpleasant ones?",
    formula="(mean rating of pleasant emotions − mean rating of unpleasant ones) × 100 ÷ (scale's top − bottom)",
    unit="points",
    direction="up",
    rows=rows,
    brick=Linear(least=-100, most=100),
    least_n=50,
    placed_by="answered_at",
    needs=(Need("survey_responses", ("score",), (("kind", "emotion"),)),),
    traps=(
        "Every item counts, also where none is the survey's main question; n counts ratings, not people.",
        "It is a difference of means: with items of one side alone there is no figure.",
        "What is read out of texts is estimated by a model: the variant `text`, never mixed with ratings.",
    ),
    not_additive="a group's figure rests on its own means of both sides",
    source="C. Shaw, The DNA of Customer Experience, 2007, for pleasant minus unpleasant emotions; interval: "
    "W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant(
            "text",
            "Estimated by a model: share of texts with a pleasant emotion minus share with an unpleasant one.",
            Net(),
            spans=READ,
        ),
    ),
    examples=(
        Example("two people rate four emotions", FOUR, 50.0, 8),
        Example("ten texts", TEXTS, 30.0, 10, variant="text"),
        Example("no answers", {}, None, 0),
    ),
)
