"""NPS and CSAT in boring-semantic-layer, over the Parquet files: the KPIs that it can state.

The segment as of the answer is joined before the model, since the layer has no join as of an instant.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
from boring_semantic_layer import to_semantic_table  # type: ignore[import-untyped]

from bench.alternatives.portable import rows
from bench.data import END, START


def two(folder: str) -> Callable[[], dict[str, Any]]:
    """A turn that states both KPIs, compiles and asks them."""
    con = ibis.duckdb.connect()
    tables = {path.stem: con.read_parquet(path, table_name=path.stem) for path in Path(folder).glob("*.parquet")}

    def turn() -> dict[str, Any]:
        placed = _placed(tables)
        return {
            "nps": _asked(placed, "nps", 0, 10, lambda t: ibis.cases((t.score >= 9, 1), (t.score <= 6, -1), else_=0)),
            "csat": _asked(placed, "csat", 1, 5, lambda t: ibis.ifelse(t.score >= 4, 1, 0)),
        }

    return turn


def _placed(tables: dict[str, Any]) -> Any:
    t, people, firms = tables["answers"], tables["people"], tables["companies"]
    t = t.filter((t.answered_at >= ibis.timestamp(START)) & (t.answered_at < ibis.timestamp(END)) & t.main)
    c = people.select(c_key="key", c_account="account_id", c_segment="segment", c_begin="begin", c_finish="finish")
    t = t.left_join(c, [t.customer_id == c.c_key, c.c_begin <= t.answered_at, t.answered_at < c.c_finish])
    t = t.mutate(firm=t.account_id.coalesce(t.c_account))
    a = firms.select(a_key="key", a_segment="segment", a_begin="begin", a_finish="finish")
    t = t.left_join(a, [t.firm == a.a_key, a.a_begin <= t.answered_at, t.answered_at < a.a_finish])
    return t.mutate(segment=t.c_segment.coalesce(t.a_segment), period=t.answered_at.truncate("M").date())


def _asked(t: Any, kind: str, low: int, high: int, score: Callable[[Any], Any]) -> list[dict[str, Any]]:
    on_scale = (t.kind == kind) & t.score.notnull() & (t.scale_min == low) & (t.scale_max == high)
    model = (
        to_semantic_table(t.filter(on_scale), name=kind)
        .with_dimensions(period=lambda t: t.period, segment=lambda t: t.segment)
        .with_measures(value=lambda t: 100.0 * score(t).mean(), n=lambda t: t.count())
    )
    found = model.group_by("period", "segment").aggregate("value", "n").execute()
    texts = [None if s is None or s != s else s for s in found["segment"]]
    return rows(zip(found["period"], texts, found["value"], found["n"], strict=True))
