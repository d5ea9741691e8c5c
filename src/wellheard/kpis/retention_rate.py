"""Retention rate: the share of a period's first customers that are still there at its end."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Ratio, Share
from wellheard.metrics.cohort import LEVELS, SPANS, cohort, single
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.purchases import ORDERS, repeats
from wellheard.metrics.samples import CAME_AND_LEFT, MARCH, lives, orders


def rows(ask: Ask) -> ir.Table:
    if ask.has("repeat_purchase") or ask.has("repeat_purchase_ever"):
        return repeats(ask, ever=ask.has("repeat_purchase_ever"))
    t = cohort(ask)
    if ask.has("formula"):
        _warn(ask, t)
        num = ibis.ifelse(t.stays, 1, 0) - ibis.ifelse(t.came, 1, 0)
        return ask.rows(t, single=single(ask), num=num, den=ibis.ifelse(t.started, 1, 0))
    out = [(t.came, "not a customer at the period's start")]
    return ask.rows(t, out=out, single=single(ask), good=t.stays)


def _warn(ask: Ask, t: ir.Table) -> None:
    """Says so where the formula is wrong: where customers who came in a period were gone at its end."""
    lost = ask.reader.run(t.aggregate(n=(t.came & ~t.stays).sum())).to_pylist()[0]["n"]
    if lost:
        ask.note(
            f"{lost} of the new customers had left again by the end of their period, for which the formula blames the "
            "old ones: retention_rate without a variant counts the old ones alone."
        )


PLAIN = lives((121, "2026-01-01", None), (9, "2026-01-01", "2026-03-10"), (23, "2026-03-05", None))
SHOP = orders(
    ("a", "2026-01-01", 10, 0),
    ("a", "2026-02-01", 10, 0),
    ("b", "2026-01-01", 10, 0),
    ("c", "2026-01-05", 10, 0),
    ("c", "2026-05-20", 10, 0),
    ("d", "2026-05-01", 10, 0),
    (None, "2026-01-02", 10, 0),
)

KPI = Metric(
    name="retention_rate",
    title="Retention rate",
    question="How many of the customers we had are still with us?",
    formula="100 × customers of the start cohort active at the end ÷ start cohort",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(
        Need(
            "subscriptions",
            ("started_at",),
            instead=(Need("customers", ("created_at",)), Need("orders", ("customer_id", "ordered_at"))),
        ),
    ),
    traps=(
        "(end − new) ÷ start is wrong where new customers leave within the period: the variant `formula` shows it.",
        "The abbreviation CRR names two figures and is not used.",
    ),
    not_additive="a cohort is defined by its period; the periods of a longer one have cohorts of their own",
    source="Definition: docs/decisions; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        *(Variant(level, f"Counted {level.replace('_', ' ')}.") for level in LEVELS),
        Variant(
            "formula", "(end − new) ÷ start from counts: too low where new customers left again.", Ratio(scale=100.0)
        ),
        Variant(
            "repeat_purchase",
            "Share of first buyers with a second order within 90 days, of those whose 90 days have passed.",
            Share(),
            spans=ORDERS,
        ),
        Variant("repeat_purchase_ever", "Share of buyers with a second order at any time.", Share(), spans=ORDERS),
    ),
    examples=(
        Example("start 130, lost 9, new 23", PLAIN, 12100 / 130, 130, start=MARCH[0], end=MARCH[1]),
        Example("10 of the old left, 5 of 20 new left", CAME_AND_LEFT, 90.0, 100, start=MARCH[0], end=MARCH[1]),
        Example("the same by the formula", CAME_AND_LEFT, 85.0, 120, variant="formula", start=MARCH[0], end=MARCH[1]),
        Example("one of three came back in time", SHOP, 100 / 3, 3, variant="repeat_purchase", pending=1),
        Example("two of four came back", SHOP, 50.0, 4, variant="repeat_purchase_ever"),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
