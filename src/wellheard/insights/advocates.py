"""Customers who speak for us: they recommend us, they bring others, or they say so in public; with the evidence."""

from __future__ import annotations

from typing import Any

import ibis

from wellheard.warehouse.engine import Lake

PROMOTER, PLEASED = 9, 0.8  # of 10; of a rating's scale
DAYS = 365  # for which an answer holds


def advocates(lake: Lake, limit: int = 200) -> list[dict[str, Any]]:
    """`customer_id, recommends, referred, converted, public, evidence`: those with two kinds of evidence come first.

    `recommends` is the newest answer from 9 on of the last year of answers, `referred` how many they brought, `public`
    how many pleased reviews they wrote. A newer answer below 9 takes a recommendation back.
    """
    n = lake.table("survey_responses")
    n = n.filter((n.kind == "nps") & n.score.notnull() & n.customer_id.notnull() & ~n.test.fill_null(False))
    end = n.answered_at.max().over(ibis.window())
    n = n.mutate(end=end)
    n = n.filter(n.answered_at > n.end - ibis.interval(days=DAYS))
    newest = n.group_by("customer_id").agg(score=n.score.argmax(n.answered_at), said_at=n.answered_at.max())
    newest = newest.filter(newest.score >= PROMOTER)
    r = lake.table("referrals")
    r = r.filter(r.referrer_id.notnull())
    brought = r.group_by(customer_id=r.referrer_id).agg(referred=r.count(), converted=r.converted_at.count())
    f = lake.table("feedback")
    span = f.scale_max - f.scale_min
    pleased = f.filter(f.customer_id.notnull() & (span > 0) & ((f.rating - f.scale_min) / span >= PLEASED))
    public = pleased.group_by("customer_id").agg(public=pleased.count())
    ids = ibis.union(*(t.select("customer_id") for t in (newest, brought, public)), distinct=True)
    t = ids.left_join(newest, "customer_id").select("customer_id", "score", "said_at")
    t = t.left_join(brought, "customer_id").select("customer_id", "score", "said_at", "referred", "converted")
    t = t.left_join(public, "customer_id").select("customer_id", "score", "said_at", "referred", "converted", "public")
    kinds = sum((t[name].notnull().cast("int8") for name in ("score", "referred", "public")), ibis.literal(0))
    t = t.mutate(kinds=kinds)
    order = [t.kinds.desc(), t.converted.desc(nulls_first=False), t.score.desc(nulls_first=False), t.customer_id]
    rows: list[dict[str, Any]] = lake.backend.to_pyarrow(t.order_by(order).limit(limit)).to_pylist()
    return [row | {"evidence": _evidence(row)} for row in rows]


def _evidence(row: dict[str, Any]) -> list[str]:
    said = []
    if row["score"] is not None:
        said.append(f"recommends us with {row['score']:.0f} of 10 ({row['said_at']:%d %b %Y})")
    if row["referred"]:
        said.append(f"referred {row['referred']}, of whom {row['converted'] or 0} became customers")
    if row["public"]:
        said.append(f"{row['public']} pleased review{'s' if row['public'] > 1 else ''} in public")
    return said
