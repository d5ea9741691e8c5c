"""Feature adoption: the share of active customers who use a feature."""

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Portion
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.metrics.samples import Rows


def rows(ask: Ask) -> ir.Table:
    paired = bool(ask.question.rows or ask.question.top or ask.looks_at("usage", "feature"))
    each = _pairs(ask) if paired else _customers(ask)
    out = [(each.nobody, "no customer is named")]
    return ask.rows(each.drop("period"), out=out, single=not paired, num=each.num, den=each.den)


def _active(ask: Ask) -> tuple[ir.Table, ir.Table]:
    """One row a period and active customer, with the features of their `own`, and beside it one a feature's first use.

    Who is active is told by any feature, so a filter or grouping by feature leaves the customers of it alone. A feature
    is known from its first use on by whomever, also before the question's range.
    """
    ask.look_across()
    t = ask.reader.table("usage")
    used = t.filter(t.feature.notnull() & (t.quantity.fill_null(1) != 0)).mutate(instant=t.used_at)
    whole = ibis.literal(None, type="date")
    grain = ask.question.grain
    used = used.mutate(period=ask.period_of(used.instant, grain) if grain is not None else whole)
    t = ask.in_range(used)
    active = t.group_by(["period", "source", "customer_id", "account_id"]).agg(
        id=t.id.min(), instant=t.instant.max(), own=t.feature.collect(distinct=True)
    )
    features = used.group_by("feature").agg(since=used.period.min(), instant=used.instant.min())
    return active, ask.before_end(features).drop("instant")


def _pairs(ask: Ask) -> ir.Table:
    """One row a period, active customer and feature known by then: 1 of 1 where they used it, else 0 of 1."""
    active, features = _active(ask)
    pairs = active.join(features, [features.since.isnull() | (features.since <= active.period)])
    pairs = pairs.mutate(used=pairs.own.contains(pairs.feature), pair=pairs.id + ":" + pairs.feature).drop("own")
    each = _belonging(ask, pairs).group_by(["period", "unit", "feature", *_dims(ask)])
    each = each.agg(
        id=ibis._.pair.min(), instant=ibis._.instant.max(), used=ibis._.used.any(), nobody=ibis._.nobody.any()
    )
    return each.mutate(num=ibis.ifelse(each.used, 1, 0), den=ibis.literal(1))


def _customers(ask: Ask) -> ir.Table:
    """The same with one row a customer, as many of the features known by then as they used: far fewer rows."""
    active, features = _active(ask)
    periods = active.select("period").distinct()
    known = periods.join(features, [features.since.isnull() | (features.since <= periods.period)])
    known = known.group_by(**{"k:period": known.period}).agg(known=known.count())
    t = _belonging(ask, active.join(known, active.period.identical_to(known["k:period"])))
    groups = ["period", "unit", *_dims(ask)]
    each = t.group_by(groups).agg(
        id=t.id.min(),
        instant=t.instant.max(),
        num=t.own.length().max(),
        den=t.known.max(),
        nobody=t.nobody.any(),
        keys=t.count(),
    )
    return _united(each, t, groups)


def _united(each: ir.Table, t: ir.Table, groups: list[str]) -> ir.Table:
    """The few who stand under several keys, such as linked ones, with the features of all of these together."""
    several = each.filter(each["keys"] > 1)
    several = several.select(**{"s:unit": several.unit, "s:period": several.period}).distinct()
    theirs = t.join(several, [t.unit == several["s:unit"], t.period.identical_to(several["s:period"])])
    uses = theirs.select(*groups, "id", feature=theirs.own.unnest())
    united = uses.group_by(groups).agg(**{"u:id": uses.id.min(), "u:num": uses.feature.nunique()})
    joined = each.left_join(united.select("u:id", "u:num"), each.id == united["u:id"])
    return joined.mutate(num=joined["u:num"].coalesce(joined.num))


def _belonging(ask: Ask, t: ir.Table) -> ir.Table:
    t = ask.belonging(t, "usage")
    return t.mutate(nobody=t.customer_key.coalesce(t.account_key).isnull())


def _dims(ask: Ask) -> list[str]:
    return [DIM + name for name in ask.question.by]


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
    brick=Portion(),
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
