"""What customers are worth by segment, cohort or acquisition channel, and how soon the cost of winning them is back."""

from __future__ import annotations

from typing import Any

import ibis

from wellheard.base.errors import BadCall
from wellheard.warehouse.engine import Lake

DIMENSIONS = ("segment", "region", "tier", "country", "acquisition_channel", "cohort")
MONTH = 30.436875 * 86_400e6  # a mean month in microseconds


def worth_by(lake: Lake, dimension: str) -> list[dict[str, Any]]:
    """By group: `customers`, mean `value, low, high` of lifetime value, `acquisition` a customer, `payback_months`.

    From the newest scores of lifetime value and profit of persons. Payback is the acquisition cost over the margin to
    date a month of life: null where nothing was spent, or where no margin comes in. Of a mean of customers' values,
    the interval is that of the mean. Raises BadCall for a dimension that there is not.
    """
    if dimension not in DIMENSIONS:
        raise BadCall(f"{dimension!r} groups no customers", hint=f"one of {', '.join(DIMENSIONS)}", field="by")
    t = lake.table("customer_scores")
    t = t.filter(t.source_id.startswith("score|") & t.customer_id.notnull())
    both = ibis.struct({"value": t.value, "attributes": t.attributes, "as_of": t.as_of})
    newest = t.group_by(who=t.source + ":" + t.customer_id).agg(
        life=both.argmax(t.as_of, where=t.kind == "lifetime_value"),
        profit=both.argmax(t.as_of, where=t.kind == "profit"),
    )
    c = lake.table("customers")
    a = lake.table("accounts")
    a = a.select(a_id=a.source_id, a_source=a.source, a_segment=a.segment, a_tier=a.tier, a_region=a.region)
    c = c.left_join(a, [c.account_id == a.a_id, c.source == a.a_source])
    group = {
        "segment": c.segment.coalesce(c.a_segment),
        "tier": c.tier.coalesce(c.a_tier),
        "region": c.region.coalesce(c.a_region),
        "country": c.country,
        "acquisition_channel": c.acquisition_channel,
        "cohort": c.created_at.cast("timestamp(6)").strftime("%Y-%m"),
    }[dimension]
    side = c.select(c_who=c.source + ":" + c.source_id, group=group, since=c.created_at)
    t = newest.left_join(side, newest.who == side.c_who)
    won = t.profit["attributes"].get("acquisition").cast("float64")
    brought = t.life["attributes"].get("to_date").cast("float64")
    months = t.life["as_of"].delta(t.since, unit="microsecond").cast("float64") / MONTH
    value = t.life["value"]
    rows: list[dict[str, Any]] = lake.backend.to_pyarrow(
        t.group_by("group")
        .agg(
            customers=value.count(),
            value=value.mean(),
            spread=value.std(),
            acquisition=won.mean(),
            a_month=(brought / ibis.greatest(months, 1.0)).mean(),
        )
        .order_by(ibis.desc("customers"), "group")
    ).to_pylist()
    return [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    n, value, spread = row["customers"], row["value"], row["spread"]
    reach = 1.96 * spread / n**0.5 if value is not None and spread is not None and n > 1 else None
    paid, a_month = row["acquisition"] or 0.0, row["a_month"] or 0.0
    return {
        "group": row["group"],
        "customers": n,
        "value": value,
        "acquisition": row["acquisition"],
        "low": None if reach is None else value - reach,
        "high": None if reach is None else value + reach,
        "payback_months": paid / a_month if paid > 0 and a_month > 0 else None,
    }
