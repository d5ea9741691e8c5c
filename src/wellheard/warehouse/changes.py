"""When each table of the facts changed, from the lake's own record of its snapshots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

RECORD = """
    select s.snapshot_id, i.table_name
    from (select snapshot_id, unnest(map_entries(changes)) as entry from ducklake_snapshots('facts')) s,
        unnest(s.entry.value) as touched(place)
    join ducklake_table_info('facts') i on i.table_id::varchar = touched.place
    order by 1"""


@dataclass(frozen=True)
class Changes:
    """The snapshots in which each table changed, in order, up to the snapshot `seen`."""

    seen: int = -1
    by_table: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def last(self, tables: Iterable[str], snapshot: int) -> int:
        """The last snapshot up to `snapshot` in which any of the tables changed; 0 where none did."""
        return max((self._before(self.by_table.get(name, ()), snapshot) for name in tables), default=0)

    def between(self, before: int, after: int) -> frozenset[str]:
        """The tables that changed after the snapshot `before`, up to `after`."""
        return frozenset(name for name in self.by_table if self.last((name,), after) > before)

    @staticmethod
    def _before(changed: tuple[int, ...], snapshot: int) -> int:
        place = bisect_right(changed, snapshot)
        return changed[place - 1] if place else 0


def read(con: duckdb.DuckDBPyConnection) -> Changes:
    """The record as the connection sees it."""
    row = con.execute("select max(snapshot_id) from ducklake_snapshots('facts')").fetchone()
    by_table: dict[str, list[int]] = {}
    for snapshot, name in con.execute(RECORD).fetchall():
        by_table.setdefault(name, []).append(int(snapshot))
    seen = int(row[0]) if row and row[0] is not None else -1
    return Changes(seen, {name: tuple(found) for name, found in by_table.items()})
