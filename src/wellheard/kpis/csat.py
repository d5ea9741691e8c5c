"""Customer satisfaction: the share of answers in the satisfied box."""

import ibis.expr.types as ir

from wellheard.metrics.answers import answers, bottom_box, commonest_scale, on_scale, top_box
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Net, Share
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.samples import scored

FIVE = (1, 5)
SCALES = (FIVE, (1, 7), (1, 10), (1, 3), (1, 4), (0, 10), (0, 1), (1, 2))


def rows(ask: Ask) -> ir.Table:
    t, out = answers(ask, "csat")
    out.append((t.scale_min.isnull() | t.scale_max.isnull(), "its scale is not known"))
    if ask.has("mean"):
        scale = commonest_scale(ask, t, SCALES, "csat")
        out.append(
            (~on_scale(t, *scale), f"not asked on the scale {scale[0]} to {scale[1]}: scales do not mix in a mean")
        )
    vendor = ask.has("as_zendesk") or ask.has("as_chatwoot")
    if vendor:
        out.append((~on_scale(t, *FIVE), "not asked on the scale 1 to 5"))
    span = t.scale_max - t.scale_min
    x = (t.score - t.scale_min) / span.nullif(0) * 100 if ask.has("rescaled") else t.score
    good = t.score >= 4 if vendor else top_box(t)
    return ask.rows(t, out=out, score=t.score, good=good, bad=bottom_box(t), x=x)


HUNDRED = scored("csat", {5: 40, 4: 30, 3: 15, 2: 10, 1: 5})

KPI = Metric(
    name="csat",
    title="Customer satisfaction",
    question="How many customers were satisfied?",
    formula="100 × answers in the satisfied box ÷ answers; the box is 4 and 5 of 1 to 5 (3 points: top 1; "
    "4 to 7: top 2; 10: top 3)",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="answered_at",
    needs=(Need("survey_responses", ("score",), (("kind", "csat"),)),),
    traps=(
        "The mean of the answers and the share of the satisfied are different figures; they are never mixed.",
        "What counts as satisfied depends on the scale, which travels with every answer.",
    ),
    source="ISO 10004:2018, Annex D; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("mean", "The average answer on its own scale.", Mean(), unit="number"),
        Variant(
            "rescaled",
            "The average answer on 0 to 100: (answer − lowest) ÷ range.",
            Mean(least=0, most=100),
            unit="number",
        ),
        Variant("good_minus_bad", "Satisfied minus dissatisfied, in points.", Net(), unit="points"),
        Variant(
            "as_zendesk",
            "Of 1 to 5, 4 and 5 are good and the rest bad. Formula only.",
            Share(),
            preset=Preset(
                "Satisfaction score",
                "Theirs calls a 3 bad and knows no middle; the share of the satisfied is the same on 1 to 5. "
                "Answers on other scales, which ours takes in by their own box, are left out of theirs.",
                "Zendesk help, CSAT rating scales: 1 to 3 of 5 are bad, 4 and 5 good",
            ),
        ),
        Variant(
            "as_chatwoot",
            "Of 1 to 5, ratings of 4 and 5 ÷ all ratings. Formula only.",
            Share(),
            preset=Preset(
                "Satisfaction score",
                "Chatwoot asks on 1 to 5 alone, so answers on other scales, which ours takes in by their own box, are "
                "left out of theirs. It shows 0 where nobody has answered; here that is nothing.",
                "Chatwoot source code, dashboard/store/modules/csat.js, getSatisfactionScore",
            ),
        ),
    ),
    examples=(
        Example("a hundred answers", HUNDRED, 70.0, 100),
        Example("their mean", HUNDRED, 3.9, 100, variant="mean"),
        Example("rescaled", HUNDRED, 72.5, 100, variant="rescaled"),
        Example("good minus bad", HUNDRED, 55.0, 100, variant="good_minus_bad"),
        Example("4 and 5 are good", HUNDRED, 70.0, 100, variant="as_zendesk"),
        Example("4 and 5 of all ratings", HUNDRED, 70.0, 100, variant="as_chatwoot"),
        Example("8 of 10 satisfied", scored("csat", {5: 8, 2: 2}), 80.0, 10, low=49, high=94, within=0.5),
        Example("no answers", {}, None, 0),
    ),
)
