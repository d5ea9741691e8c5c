"""Which KPIs the data can feed, and what is missing for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Protocol, TypeAlias

import ibis.expr.types as ir

from wellheard.warehouse.engine import Lake
from wellheard.warehouse.schema import quoted


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


Counted: TypeAlias = tuple[int, dict[str, int]]  # rows, and in how many of them each column is filled
Key: TypeAlias = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]


def feeds(lake: Lake, needs: Mapping[str, Sequence[Need]]) -> list[Feed]:
    """One entry a KPI, in the order given."""
    with lake.reading():
        counted = _counted(lake, {_key(need): need for wanted in needs.values() for need in wanted})
    result = []
    for kpi, wanted in needs.items():
        rows = min((_full(counted[_key(n)]) for n in wanted), default=0)
        missing = [_missing(n, counted[_key(n)]) for n in wanted]
        result.append(Feed(kpi, rows, "; ".join(m for m in missing if m)))
    return result


def _key(need: Need) -> Key:
    return need.table, need.columns, need.among


def _counted(lake: Lake, needs: Mapping[Key, Need]) -> dict[Key, Counted]:
    """Every need counted, with one statement a table that holds anything."""
    by_table: dict[str, list[Need]] = {}
    for need in needs.values():
        by_table.setdefault(need.table, []).append(need)
    holding = _holding(lake, sorted(by_table))
    counted: dict[Key, Counted] = {}
    for table, wanted in by_table.items():
        if table in holding:
            counted |= _count(lake, table, wanted)
        else:
            counted |= {_key(need): (0, dict.fromkeys(need.columns, 0)) for need in wanted}
    return counted


def _holding(lake: Lake, tables: Sequence[str]) -> set[str]:
    """Those tables that hold a row. A new workspace fills two of twenty, and to ask that costs next to nothing."""
    if not tables:
        return set()
    asked = " union all ".join(
        f"(select '{name}' from facts.main.{quoted(name)} where not deleted limit 1)" for name in tables
    )
    return {str(name) for (name,) in lake.con.execute(asked).fetchall()}


def _count(lake: Lake, table: str, needs: Sequence[Need]) -> dict[Key, Counted]:
    rows = lake.table(table)
    sums: dict[str, ir.Value] = {}
    for i, need in enumerate(needs):
        among = _among(rows, need)
        sums[f"{i}"] = rows.count(where=among)
        sums |= {f"{i}.{column}": rows[column].count(where=among) for column in need.columns}
    found = lake.backend.to_pyarrow(rows.aggregate(**sums)).to_pylist()[0]
    return {
        _key(need): (int(found[f"{i}"] or 0), {c: int(found[f"{i}.{c}"] or 0) for c in need.columns})
        for i, need in enumerate(needs)
    }


def _among(rows: ir.Table, need: Need) -> ir.BooleanValue | None:
    held = [rows[column] == value for column, value in need.among]
    return reduce(and_, held) if held else None


def _full(counted: Counted) -> int:
    total, filled = counted
    return min([total, *filled.values()])


def _missing(need: Need, counted: Counted) -> str:
    total, filled = counted
    among = " and ".join(f"{column} = {value}" for column, value in need.among)
    if not total:
        return f"no rows in {need.table}" + (f" with {among}" if among else "")
    empty = [c for c, n in filled.items() if not n]
    return f"{need.table}: {', '.join(empty)} never filled" if empty else ""
