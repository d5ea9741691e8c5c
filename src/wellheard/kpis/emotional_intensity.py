"""Emotional intensity: the share of emotional texts in which the emotion is strong."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import Rows
from wellheard.metrics.texts import readings


def rows(ask: Ask) -> ir.Table:
    t, out = readings(ask)
    out.append((t.strength.isnull(), "shows no emotion"))
    if ask.has("positive"):
        out.append((~t.positive_emotion.fill_null(False), "shows no pleasant emotion"))
    if ask.has("negative"):
        out.append((~t.negative_emotion.fill_null(False), "shows no unpleasant emotion"))
    x = ibis.cases((t.strength == "low", 1.0), (t.strength == "medium", 2.0), (t.strength == "high", 3.0))
    return ask.rows(t, out=out, emotions=t.emotions, strength=t.strength, good=t.strength == "high", x=x)


def _texts(*groups: tuple[str | None, str, int]) -> Rows:
    """Texts by strength and side of their emotion: how many of each."""
    each = [(f"{i}-{k}", strength, side) for i, (strength, side, n) in enumerate(groups) for k in range(n)]
    base = {"text_table": "feedback", "written_at": "2026-03-05", "model": "first"}
    return {
        "text_scores": [
            {**base, "source_id": key, "text_id": key, "strength": strength, f"{side}_emotion": True}
            for key, strength, side in each
        ]
    }


TEN = _texts(
    ("high", "positive", 1),
    ("low", "positive", 3),
    ("high", "negative", 2),
    ("medium", "negative", 2),
    (None, "positive", 2),
)

KPI = Metric(
    name="emotional_intensity",
    title="Emotional intensity",
    question="How many of the texts that show an emotion show a strong one?",
    formula="100 × texts with a strong emotion ÷ texts with any emotion",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    placed_by="written_at",
    needs=(Need("text_scores", ("strength",)),),
    traps=(
        "Texts without an emotion are in no denominator: they are null, not 0.",
        "Strength is low, medium or high; anything finer is noise of the model.",
        "Strong is no news by itself: look at `positive` and `negative`, of which the second is bad.",
    ),
    source="Definition: docs/decisions; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("positive", "Of the texts that show a pleasant emotion.", direction="up"),
        Variant("negative", "Of the texts that show an unpleasant emotion."),
        Variant(
            "mean_strength", "The average strength: low 1, medium 2, high 3.", Mean(least=1, most=3), unit="number"
        ),
    ),
    examples=(
        Example("eight emotional texts of ten", TEN, 37.5, 8),
        Example("of the pleasant ones", TEN, 25.0, 4, variant="positive"),
        Example("of the unpleasant ones", TEN, 50.0, 4, variant="negative"),
        Example("their mean strength", TEN, 16 / 8, 8, variant="mean_strength"),
        Example("no texts", {}, None, 0),
    ),
)
