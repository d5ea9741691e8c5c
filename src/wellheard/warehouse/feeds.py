"""Which KPIs the data can feed, and what is missing for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wellheard.warehouse.engine import Lake


class Need(Protocol):
    """What a KPI needs: columns of a table that are filled, in the rows where `among` holds."""

    @property
    def table(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def among(self) -> tuple[tuple[str, str], ...]: ...


@dataclass(frozen=True)
class Feed:
    """Whether a KPI can be computed: `rows` that bear all it needs, and what is `missing` where there are none."""

    kpi: str
    rows: int
    missing: str


def feeds(lake: Lake, needs: Mapping[str, Sequence[Need]]) -> list[Feed]:
    """One entry a KPI, in the order given."""
    counted: dict[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], tuple[int, dict[str, int]]] = {}
    result = []
    with lake.reading():
        for kpi, wanted in needs.items():
            for need in wanted:
                key = (need.table, need.columns, need.among)
                if key not in counted:
                    counted[key] = _count(lake, need)
            rows = min((_full(counted[n.table, n.columns, n.among]) for n in wanted), default=0)
            missing = [_missing(n, counted[n.table, n.columns, n.among]) for n in wanted]
            result.append(Feed(kpi, rows, "; ".join(m for m in missing if m)))
    return result


def _count(lake: Lake, need: Need) -> tuple[int, dict[str, int]]:
    rows = lake.table(need.table)
    for column, value in need.among:
        rows = rows.filter(rows[column] == value)
    filled = {column: rows[column].count() for column in need.columns}
    found = lake.backend.to_pyarrow(rows.aggregate(n__=rows.count(), **filled)).to_pylist()[0]
    return int(found["n__"] or 0), {c: int(found[c] or 0) for c in need.columns}


def _full(counted: tuple[int, dict[str, int]]) -> int:
    total, filled = counted
    return min([total, *filled.values()])


def _missing(need: Need, counted: tuple[int, dict[str, int]]) -> str:
    total, filled = counted
    among = " and ".join(f"{column} = {value}" for column, value in need.among)
    if not total:
        return f"no rows in {need.table}" + (f" with {among}" if among else "")
    empty = [c for c, n in filled.items() if not n]
    return f"{need.table}: {', '.join(empty)} never filled" if empty else ""
