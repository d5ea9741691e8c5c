"""Conversion rate: the share of visitors who did what the site is for."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.samples import Rows


def rows(ask: Ask) -> ir.Table:
    t = ask.facts("visits", unit="visitor_id")
    out = [(t.campaign.isnull(), "not from a campaign")] if ask.has("by_campaign_visit") else []
    return ask.rows(t, out=out, good=t.converted_at.notnull())


def _visits(*visits: tuple[str, bool]) -> Rows:
    return {
        "visits": [
            {
                "source_id": str(i), "visitor_id": who, "started_at": f"2026-03-05T10:{i:02d}:00Z",
                "converted_at": f"2026-03-05T10:{i:02d}:30Z" if bought else None,
            }
            for i, (who, bought) in enumerate(visits)
        ]
    }  # fmt: skip


FIVE = _visits(("a", False), ("a", True), ("a", False), ("b", False), ("c", False))

KPI = Metric(
    name="conversion_rate",
    title="Conversion rate",
    question="How many visitors become buyers?",
    formula="100 × visitors who converted ÷ visitors",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(once="any"),
    least_n=50,
    placed_by="started_at",
    needs=(Need("visits", ("visitor_id",)),),
    traps=("By visitor and by visit are different figures; the name says which.",),
    not_additive="a visitor with visits in two groups counts in both",
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("by_visit", "Visits that converted ÷ visits.", Share()),
        Variant("by_campaign_visit", "The same, of visits that came from a campaign.", Share()),
    ),
    examples=(
        Example("one of three visitors", FIVE, 100 / 3, 3),
        Example("one of five visits", FIVE, 20.0, 5, variant="by_visit"),
        Example("none", {}, None, 0),
    ),
)
