"""The names of products that a workspace's own rows know, as far as a text may hold them."""

from __future__ import annotations

import ibis

from wellheard.warehouse.engine import Lake

TABLES = ("feedback", "orders", "subscriptions")
SHORTEST, MOST = 3, 20


def products_in(lake: Lake, text: str) -> list[str]:
    """At most 20 product names whose letters stand in the text, the longest first."""
    names = ibis.union(*(lake.table(name).select(name=lambda t: t["product"].cast("string")) for name in TABLES))
    names = names.filter(names.name.length() >= SHORTEST).distinct()
    held = names.filter(ibis.literal(text.lower()).contains(names.name.lower()))
    rows = lake.backend.to_pyarrow(held.order_by([ibis.desc(held.name.length()), held.name]).limit(MOST)).to_pylist()
    return [row["name"] for row in rows]
