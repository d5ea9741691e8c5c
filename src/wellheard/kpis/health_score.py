"""Health score: how well customers fare, as the mean of the newest score of each at a period's end."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import FAR, Ask
from wellheard.metrics.bricks import Mean, Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import instant_literal
from wellheard.metrics.samples import MARCH, healths

HEALTHY, AT_RISK = 70, 40  # the bands' edges: healthy from, at risk below
LEARNED = "learned"  # how the name of a fitted model begins


def rows(ask: Ask) -> ir.Table:
    t = ask.belonging(_at_period_ends(ask), "customer_scores")
    t = t.mutate(key=t.customer_key.coalesce(t.account_key, t.id))
    newest = ibis.window(group_by=[t.period, t.key], order_by=[ibis.desc(t.as_of), ibis.desc(t.id)])
    t = t.mutate(turn=ibis.row_number().over(newest))
    t = _with_ends(ask, t.filter(t.turn == 0))
    t = t.mutate(gone=(t.left_at <= t.instant).fill_null(False)).drop("instant")  # it has a period, no instant
    out = [
        (t.gone, "gone by the period's end: the churned stay churned"),
        (t.value.isnull(), "too little was known for a score"),
    ]
    if ask.has("mean_coverage"):
        out.append((t.coverage.isnull(), "its coverage is not known"))
    good = t.value >= HEALTHY
    if ask.has("at_risk"):
        good = t.value < AT_RISK
    elif ask.has("watch"):
        good = (t.value >= AT_RISK) & (t.value < HEALTHY)
    x = t.coverage if ask.has("mean_coverage") else t.value
    return ask.rows(t, out=out, as_of=t.as_of, coverage=t.coverage, score=t.value, good=good, x=x)


def _at_period_ends(ask: Ask) -> ir.Table:
    """A row a score and period at whose end it was the newest of its customer or company in its source."""
    t = ask.reader.table("customer_scores")
    learned = t.model.lower().startswith(LEARNED).fill_null(False)
    t = t.filter((t.kind == "health") & (learned if ask.has("learned") else ~learned))
    line = ibis.window(group_by=[t.source, t.customer_id, t.account_id], order_by=[t.as_of, t.id])
    t = t.mutate(until=t.as_of.lead().over(line).coalesce(instant_literal(FAR)))
    w = ask.windows()
    w = w.filter(w.begin < w.finish).select("period", instant=w.finish)  # a period without data has no end to look at
    return t.join(w, [t.as_of < w.instant, t.until >= w.instant])


def _with_ends(ask: Ask, t: ir.Table) -> ir.Table:
    """Adds `left_at`: when the customer, or where none is known the company, left us."""
    names = t.columns
    for side, key in (("customers", "customer_key"), ("accounts", "account_key")):
        people = ask.reader.table(side)
        ends = people.select(**{f"{side}:id": people.id, f"{side}:left": people.ended_at})
        t = t.left_join(ends, t[key] == ends[f"{side}:id"])
    left = t["customers:left"].coalesce(ibis.ifelse(t.customer_key.isnull(), t["accounts:left"], None))
    return t.select(*names, left_at=left)


FOUR = healths(
    ("a", 90, "2026-01-31"), ("a", 80, "2026-03-20"), ("b", 50, "2026-03-31"), ("c", 20, "2026-02-28"),
    ("d", 10, "2026-02-28"), left={"d": "2026-03-10"},
)  # fmt: skip
LEARNT = healths(("a", 90, "2026-03-20"), ("b", 60, "2026-03-20"), model="learned-1")

KPI = Metric(
    name="health_score",
    title="Health score",
    question="How well do our customers fare?",
    formula="mean of the newest health score, 0 to 100, of each customer who is there at the period's end",
    unit="number",
    direction="up",
    rows=rows,
    brick=Mean(least=0, most=100),
    cohort=True,
    placed_by="period end",
    needs=(Need("customer_scores", ("value",), (("kind", "health"),)),),
    traps=(
        "A customer counts once a period, by the newest score before its end; scores are never rewritten.",
        "Who has left is out, and does not lift or lower the mean: churn is its own KPI.",
        "A score with little behind it looks like any other: `mean_coverage` says how much was known.",
    ),
    not_additive="a customer is there at the end of many periods",
    source="Definition: docs/decisions; interval: W. G. Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6",
    variants=(
        Variant("healthy", f"Share of customers in the band from {HEALTHY} on.", Share(), unit="percent"),
        Variant("watch", f"Share from {AT_RISK} to below {HEALTHY}.", Share(), unit="percent", direction="down"),
        Variant("at_risk", f"Share in the band below {AT_RISK}.", Share(), unit="percent", direction="down"),
        Variant(
            "mean_coverage",
            "How much of what the score needs was known, on average, in percent.",
            Mean(least=0, most=100),
            unit="percent",
        ),
        Variant("learned", "By scores of a model fitted to renewals instead of by formula."),
    ),
    examples=(
        Example("the newest of three, one has left", FOUR, 50.0, 3, start=MARCH[0], end=MARCH[1]),
        Example("one of three is healthy", FOUR, 100 / 3, 3, variant="healthy", start=MARCH[0], end=MARCH[1]),
        Example("one is to be watched", FOUR, 100 / 3, 3, variant="watch", start=MARCH[0], end=MARCH[1]),
        Example("one is at risk", FOUR, 100 / 3, 3, variant="at_risk", start=MARCH[0], end=MARCH[1]),
        Example("a month earlier", FOUR, 40.0, 3, start="2026-02-01", end="2026-03-01"),
        Example("by a learned model", LEARNT, 75.0, 2, variant="learned", start=MARCH[0], end=MARCH[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
