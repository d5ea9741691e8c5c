"""Feature adoption: the share of active customers who use a feature."""

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.samples import Rows


def rows(ask: Ask) -> ir.Table:
    pairs = ask.belonging(_pairs(ask), "usage")
    known = pairs.customer_key.coalesce(pairs.account_key)
    dims = [c for c in pairs.columns if c.startswith(DIM)]
    each = pairs.mutate(nobody=known.isnull()).group_by(["period", "unit", "feature", *dims])
    each = each.agg(
        id=ibis._.pair.min(), instant=ibis._.instant.max(), used=ibis._.used.any(), nobody=ibis._.nobody.any()
    )
    return ask.rows(each.drop("period"), out=[(each.nobody, "no customer is named")], good=each.used)


def _pairs(ask: Ask) -> ir.Table:
    """One row a period, active customer and feature known by then: `used`, and the customer's last use as `instant`.

    Who is active is told by any feature, so a filter or grouping by feature leaves the customers of it alone.
    """
    t = ask.reader.table("usage")
    t = ask.in_range(t.filter(t.feature.notnull() & (t.quantity.fill_null(1) != 0)).mutate(instant=t.used_at))
    whole = ibis.literal(None, type="date")
    grain = ask.question.grain
    t = t.mutate(period=ask.period_of(t.instant, grain) if grain is not None else whole)
    active = t.group_by(["period", "source", "customer_id", "account_id"]).agg(
        id=t.id.min(), instant=t.instant.max(), own=t.feature.collect(distinct=True)
    )
    features = t.group_by("feature").agg(since=t.period.min())
    pairs = active.join(features, [features.since.isnull() | (features.since <= active.period)])
    return pairs.mutate(used=pairs.own.contains(pairs.feature), pair=pairs.id + ":" + pairs.feature).drop("own")


def _used(*uses: tuple[str | None, str]) -> Rows:
    rows: list[dict[str, Any]] = [
        {"source_id": str(number), "customer_id": who, "used_at": "2026-03-05", "feature": feature}
        for number, (who, feature) in enumerate(uses)
    ]
    return {"usage": rows}


TWO = _used(("a", "boards"), ("a", "boards"), ("a", "reports"), ("b", "boards"), ("c", "boards"), (None, "boards"))

KPI = Metric(
    name="feature_adoption",
    title="Feature adoption",
    question="How many of our active customers use a feature?",
    formula="100 × active customers who used the feature in the period ÷ active customers, the mean over all features",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="used_at",
    needs=(Need("usage", ("feature", "customer_id"), instead=(Need("usage", ("feature", "account_id")),)),),
    traps=(
        "Group or filter by `feature`: without, it is the mean over all features that were in use by then.",
        "Active is who used any feature in the period, so customers who stopped using everything are not in it.",
    ),
    not_additive="a customer who is active in two periods counts in both",
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212, with the customers as units",
    examples=(
        Example("three of three use boards, one of three reports", TWO, 200 / 3, 6),
        Example("none", {}, None, 0),
    ),
)
