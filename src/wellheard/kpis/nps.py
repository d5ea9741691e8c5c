"""Net Promoter Score: the share of promoters minus the share of detractors."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.answers import answers, counting, on_scale
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Mean, Net
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import scored
from wellheard.metrics.weighted import WeightedNet
from wellheard.metrics.worth import worth


def rows(ask: Ask) -> ir.Table:
    t, out = answers(ask, "nps")
    out.append((~on_scale(t, 0, 10), "not asked on the scale 0 to 10"))
    weighted = ask.has("by_account") or ask.has("revenue_weighted")
    if ask.has("latest_per_customer") or weighted:
        counts = counting(out)
        t = t.mutate(late=counts & ~ask.latest(t, counts))
        out.append((t.late, "a later answer of the same customer counts"))
    weight: ir.Value = ibis.literal(1.0)
    if weighted:
        t = worth(ask, t) if ask.has("revenue_weighted") else t
        t = t.mutate(unit=t.account_key.coalesce(t.unit))
        weight = t.worth if ask.has("revenue_weighted") else weight
    if ask.has("by_account"):
        out.append((t.account_key.isnull(), "of no known company"))
    if ask.has("revenue_weighted"):
        out.append((~(t.worth > 0).fill_null(False), "no revenue of the customer is known"))
    return ask.rows(t, out=out, score=t.score, good=t.score >= 9, bad=t.score <= 6, x=t.score, weight=weight)


def _firms(*answers: tuple[str, str, int]) -> list[dict[str, object]]:
    """Answers: whose, of which company, which score."""
    day = {"kind": "nps", "answered_at": "2026-03-05"}
    return [{**day, "customer_id": who, "account_id": firm, "score": score} for who, firm, score in answers]


# Of company A two contacts promote and one is passive, of B one warns, of C one promotes.
FIRMS = {
    "survey_responses": _firms(("a1", "A", 10), ("a2", "A", 9), ("a3", "A", 8), ("b1", "B", 2), ("c1", "C", 9)),
    "subscriptions": [
        {"source_id": firm, "account_id": firm, "mrr": mrr, "currency": "EUR", "started_at": "2026-01-01"}
        for firm, mrr in (("A", 300), ("B", 600), ("C", 100))
    ],
}
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
        Variant(
            "by_account",
            "Every company counts once: the mean of its contacts, each by the last answer of the period.",
            WeightedNet(),
            not_additive="a contact's last answer of the year is the last of one month alone",
        ),
        Variant(
            "revenue_weighted",
            "Every company weighs what it pays: MRR at the answer, or a year's orders where nothing is subscribed.",
            WeightedNet(),
            not_additive="a contact's last answer of the year is the last of one month alone",
        ),
    ),
    examples=(
        Example("90 % promoters, 5 % detractors", scored("nps", {9: 90, 7: 5, 3: 5}), 85.0, 100),
        Example("ten answers", TEN, 20.0, 10),
        Example("the mean of ten answers", TEN, 6.9, 10, variant="mean"),
        Example("50 skipped", scored("nps", {9: 50, 7: 30, 0: 20, None: 50}), 30.0, 100),
        Example("50 people", scored("nps", {9: 25, 7: 15, 0: 10}), 30.0, 50, low=7, high=49, within=1),
        Example("three companies of five contacts", FIRMS, 40.0, 5),
        Example("the same by company", FIRMS, 100 * (2 / 3 - 1 + 1) / 3, 3, variant="by_account"),
        Example("the same by MRR: 300, 600 and 100", FIRMS, -30.0, 3, variant="revenue_weighted"),
        Example("no answers", {}, None, 0),
    ),
)
