"""What was imported, and how it is taken back.

An import is one snapshot of the lake. Undoing it restores what its rows replaced, as far as nothing newer stands there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wellheard.base.errors import BadCall, Unknown
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Table
from wellheard.warehouse import merge, schema
from wellheard.warehouse.engine import Lake, retried
from wellheard.warehouse.load import in_transaction


@dataclass(frozen=True)
class Import:
    """One load as `wellheard imports` lists it; `tables` holds a dictionary of counts a table."""

    import_id: str
    taken_at: datetime
    source: str
    files: tuple[str, ...]
    recipe: str
    tables: tuple[Mapping[str, Any], ...]
    unreadable: int
    undone_at: datetime | None


@dataclass(frozen=True)
class Undone:
    """What an undoing did: rows removed and rows restored by table; `again` are later imports that delivered the same."""

    import_id: str
    removed: Mapping[str, int]
    restored: Mapping[str, int]
    again: tuple[str, ...]


def imports(lake: Lake) -> list[Import]:
    """Every load, the newest first."""
    rows = lake.con.execute(
        "select import_id, taken_at, source, report, undone_at from facts.main._imports order by taken_at desc, import_id desc"
    ).fetchall()
    result = []
    for import_id, taken_at, source, report, undone_at in rows:
        said = json.loads(report)
        result.append(
            Import(
                import_id,
                taken_at.astimezone(UTC),
                source,
                tuple(said["files"]),
                said["recipe"],
                tuple(said["tables"]),
                said["unreadable"],
                undone_at,
            )
        )
    return result


def undo(lake: Lake, import_id: str, enrich: Callable[[Lake, Mapping[str, str]], None] | None = None) -> Undone:
    """Takes an import back. Raises Unknown for an id that is none, BadCall where it was taken back already."""
    known = {i.import_id: i for i in imports(lake)}
    if import_id not in known:
        raise Unknown(f"there is no import {import_id!r}", hint="`wellheard imports` lists them", field="id")
    if known[import_id].undone_at is not None:
        raise BadCall(f"import {import_id} was taken back already", hint="`wellheard imports` shows when", field="id")
    result: list[Undone] = []
    retried(lambda: result.append(_undo(lake, known, import_id, enrich)))
    return result[-1]


def _undo(
    lake: Lake, known: Mapping[str, Import], import_id: str, enrich: Callable[[Lake, Mapping[str, str]], None] | None
) -> Undone:
    names = [t["table"] for t in known[import_id].tables if t["new"] or t["changed"]]
    gone = {i.import_id for i in known.values() if i.undone_at is not None} | {import_id}
    removed: dict[str, int] = {}
    restored: dict[str, int] = {}
    touched: dict[str, str] = {}

    def personal() -> None:
        for name in names:
            if canonical(name).private:
                _take_back(lake, "personal", canonical(name), import_id, gone)

    def facts() -> None:
        for name in names:
            removed[name], restored[name], touched[name] = _take_back(lake, "facts", canonical(name), import_id, gone)
        if enrich is not None and touched:
            enrich(lake, touched)
        lake.con.execute(
            "update facts.main._imports set undone_at = ? where import_id = ?", [datetime.now(UTC), import_id]
        )

    # The facts first: should we die between the two, the personal columns of a row that is gone are seen by nobody.
    in_transaction(lake, facts)
    in_transaction(lake, personal)
    return Undone(import_id, removed, restored, _delivered_again(known, import_id, names))


def _take_back(lake: Lake, which: str, table: Table, import_id: str, gone: set[str]) -> tuple[int, int, str]:
    """Removes the import's rows of one table and restores those that they replaced. Leaves the touched keys in a table."""
    con, target = lake.con, f"{which}.main.{schema.quoted(table.name)}"
    touched = f"_undo_{which}_{table.name}"
    con.execute(f"create or replace temp table {touched} as select * from {target} where import_id = ?", [import_id])
    size = _count(con, touched)
    if table.versioned:
        con.execute(f"delete from {target} where import_id = ?", [import_id])
        if which == "facts":
            merge.span_versions(lake, table, f"select distinct id from {touched}")
        return size, 0, touched
    before = f"_before_{which}_{table.name}"
    con.execute(f"create or replace temp table {before} as select * from {target} limit 0")
    _find_replaced(lake, which, table, touched, before, gone)
    con.execute(f"delete from {target} where import_id = ?", [import_id])
    con.execute(f"insert into {target} by name select * from {before}")
    back = _count(con, before)
    con.execute(f"drop table {before}")
    return size - back, back, touched


def _find_replaced(lake: Lake, which: str, table: Table, touched: str, before: str, gone: set[str]) -> None:
    """Fills `before` with what stood in place of the touched rows, looking past imports that are taken back too."""
    con, looking = lake.con, sorted(gone)
    snapshots = _snapshots(lake, which)
    for import_id in sorted(looking, key=lambda i: snapshots.get(i, -1), reverse=True):
        number = snapshots.get(import_id)
        if number is None:
            continue
        columns = ", ".join(f"c.{schema.quoted(name)}" for name, _ in _columns(which, table))
        con.execute(
            f"insert into {before} by name select {columns} "
            f"from ducklake_table_changes('{which}', 'main', '{table.name}', {number}, {number}) c "
            f"where c.change_type = 'update_preimage' and c.import_id not in (select unnest(?)) "
            f"and c.id in (select id from {touched}) and c.id not in (select id from {before})",
            [looking],
        )


def _columns(which: str, table: Table) -> list[tuple[str, str]]:
    return schema.fact_columns(table) if which == "facts" else schema.personal_columns(table)


def _snapshots(lake: Lake, which: str) -> dict[str, int]:
    """The snapshot that each import made in a lake."""
    first, last = lake.con.execute(
        f"select min(snapshot_id), max(snapshot_id) from ducklake_snapshots('{which}')"
    ).fetchone()
    rows = lake.con.execute(
        f"select import_id, min(snapshot_id) from ducklake_table_insertions('{which}', 'main', '_imports', {first}, {last}) group by 1"
    ).fetchall()
    return {str(import_id): int(number) for import_id, number in rows}


def _delivered_again(known: Mapping[str, Import], import_id: str, names: list[str]) -> tuple[str, ...]:
    """Later imports that brought rows which stood here already: without this one they may be missing."""
    this = known[import_id]
    later = [
        i for i in known.values() if i.taken_at > this.taken_at and i.undone_at is None and i.source == this.source
    ]
    return tuple(i.import_id for i in later if any(t["unchanged"] and t["table"] in names for t in i.tables))


def _count(con: Any, name: str) -> int:
    return int(con.execute(f"select count(*) from {name}").fetchone()[0])
