"""Customer effort score: the share of answers that say it was easy."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.answers import answers, commonest_scale, on_scale
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Net, Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import scored

SEVEN, FIVE = (1, 7), (1, 5)


def rows(ask: Ask) -> ir.Table:
    t, out = answers(ask, "ces")
    effort = (t.direction == "low_is_good").fill_null(False)
    if ask.has("v1_effort"):
        scale = FIVE
        out.append((~effort, "asked for ease, where high is good"))
    else:
        scale = commonest_scale(ask, t.filter(~effort), (SEVEN, FIVE), "ces", _eased)
        out.append((effort, "asked for effort, where low is good: see the variant v1_effort"))
    out.append((~on_scale(t, *scale), f"not asked on the scale {scale[0]} to {scale[1]}: scales do not mix"))
    easy = t.score >= ibis.ifelse(t.scale_max == 7, 5, 4)
    hard = t.score <= ibis.ifelse(t.scale_max == 7, 3, 2)
    return ask.rows(t, out=out, score=t.score, good=easy, bad=hard, x=t.score)


def _eased(t: ir.Table) -> ir.BooleanValue:
    """Answers to how easy it was, where high is good."""
    return ~(t.direction == "low_is_good").fill_null(False)


HUNDRED = scored("ces", {7: 20, 6: 30, 5: 20, 4: 20, 1: 10}, scale_max=7)

EFFORT = scored("ces", {1: 5, 2: 5}, scale_max=5, direction="low_is_good")

KPI = Metric(
    name="ces",
    title="Customer effort score",
    question="How many customers found it easy?",
    formula="100 × answers 5 to 7 of 1 to 7 (4 and 5 of 1 to 5) ÷ answers; high is easy",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="answered_at",
    needs=(Need("survey_responses", ("score",), (("kind", "ces"),)),),
    traps=(
        "The older question asked for effort, where low is good: it is the variant `v1_effort` and never mixed in.",
        "Answers on 1 to 7 and on 1 to 5 never stand in one figure; the commoner scale is taken.",
    ),
    source="M. Dixon, K. Freeman and N. Toman, Harvard Business Review 88 (7/8) 2010, 116–122; the ease wording: "
    "M. Dixon, N. Toman and R. DeLisi, The Effortless Experience, 2013",
    variants=(
        Variant("mean", "The average answer on its scale.", Mean(least=1, most=7), unit="number"),
        Variant("net", "Share easy minus share hard (1 to 3 of 7, 1 and 2 of 5), in points.", Net(), unit="points"),
        Variant(
            "v1_effort",
            "The average of “how much effort”, 1 to 5: low is good.",
            Mean(least=1, most=5),
            unit="number",
            direction="down",
        ),
    ),
    examples=(
        Example("70 of 100 rated 5, 6 or 7 of 7", HUNDRED, 70.0, 100),
        Example("the net of the same", HUNDRED, 60.0, 100, variant="net"),
        Example("1 to 5", scored("ces", {5: 5, 4: 5, 3: 5, 2: 5}, scale_max=5), 50.0, 20),
        Example("effort", EFFORT, 1.5, 10, variant="v1_effort"),
        Example("no answers", {}, None, 0),
    ),
)
