"""Net Promoter Score: the share of promoters minus the share of detractors."""

import ibis.expr.types as ir

from wellheard.metrics.answers import answers, counting, on_scale
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Net
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import scored


def rows(ask: Ask) -> ir.Table:
    t, out = answers(ask, "nps")
    out.append((~on_scale(t, 0, 10), "not asked on the scale 0 to 10"))
    if ask.has("latest_per_customer"):
        counts = counting(out)
        out.append((counts & ~ask.latest(t, counts), "a later answer of the same customer counts"))
    return ask.rows(t, out=out, score=t.score, good=t.score >= 9, bad=t.score <= 6, x=t.score)


TEN = scored("nps", {10: 2, 9: 3, 8: 1, 7: 1, 4: 1, 2: 1, 1: 1})

KPI = Metric(
    name="nps",
    title="Net Promoter Score",
    question="How many more customers would recommend us than warn of us?",
    formula="100 × (promoters, 9 or 10 − detractors, 0 to 6) ÷ answers, on the scale 0 to 10",
    unit="points",
    direction="up",
    rows=rows,
    brick=Net(),
    placed_by="answered_at",
    needs=(Need("survey_responses", ("score",), (("kind", "nps"),)),),
    traps=(
        "Skipped answers are in no denominator.",
        "An average of the answers is not NPS; the variant `mean` says so.",
        "Another question on 0 to 10 is not NPS.",
    ),
    source="F. F. Reichheld, Harvard Business Review 81 (12) 2003, 46–54; interval: B. Rocks, Int. J. Market Research "
    "58 (2016) 417–436",
    variants=(
        Variant(
            "latest_per_customer",
            "Only the last answer of each customer in a period counts.",
            not_additive="a customer's last answer of the year is the last of one month alone",
        ),
        Variant("mean", "The average answer, 0 to 10: not NPS.", Mean(least=0, most=10), unit="number"),
    ),
    examples=(
        Example("90 % promoters, 5 % detractors", scored("nps", {9: 90, 7: 5, 3: 5}), 85.0, 100),
        Example("ten answers", TEN, 20.0, 10),
        Example("the mean of ten answers", TEN, 6.9, 10, variant="mean"),
        Example("50 skipped", scored("nps", {9: 50, 7: 30, 0: 20, None: 50}), 30.0, 100),
        Example("50 people", scored("nps", {9: 25, 7: 15, 0: 10}), 30.0, 50, low=7, high=49, within=1),
        Example("no answers", {}, None, 0),
    ),
)
