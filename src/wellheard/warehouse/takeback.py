"""Takes one import's rows out of one lake and puts back what they replaced.

Both the undoing of an import and the mending after a crash go through here, so they cannot differ.
"""

from __future__ import annotations

import duckdb

from wellheard.base.errors import BadCall
from wellheard.tables.table import Table
from wellheard.warehouse import merge, schema


def take_back(
    con: duckdb.DuckDBPyConnection, lake: str, table: Table, import_id: str, gone: set[str]
) -> tuple[int, int, str]:
    """Removes the import's rows of one table of a lake and restores those that they replaced.

    Rows of the imports in `gone` are never restored: what stood before them is. Gives the rows removed and restored,
    and the temporary table that holds the touched rows. Runs inside the caller's transaction.
    """
    target = f"{lake}.main.{schema.quoted(table.name)}"
    touched, before = f"_undo_{lake}_{table.name}", f"_before_{lake}_{table.name}"
    con.execute(f"create or replace temp table {touched} as select * from {target} where import_id = ?", [import_id])
    con.execute(f"create or replace temp table {before} as select * from {target} limit 0")
    size = count(con, touched)
    if size:
        _find_replaced(con, lake, table, touched, before, gone)
        con.execute(f"delete from {target} where import_id = ?", [import_id])
        con.execute(f"insert into {target} by name select * from {before}")
    back = count(con, before)
    con.execute(f"drop table {before}")
    if size and table.versioned and lake == "facts":
        merge.span_versions(con, table, f"select distinct id from {touched}")
    return size - back, back, touched


def _find_replaced(
    con: duckdb.DuckDBPyConnection, lake: str, table: Table, touched: str, before: str, gone: set[str]
) -> None:
    """Fills `before` with what stood in place of the touched rows, looking past imports that are gone too."""
    columns = ", ".join(f"c.{schema.quoted(name)}" for name, _ in schema.columns_in(lake, table))
    snapshots = snapshots_of(con, lake)
    for import_id in sorted(gone & set(snapshots), key=lambda i: snapshots[i], reverse=True):
        number = snapshots[import_id]
        con.execute(
            f"insert into {before} by name select {columns} "
            f"from ducklake_table_changes('{lake}', 'main', '{table.name}', {number}, {number}) c "
            f"semi join {touched} t on {_same('c', 't', table)} "
            f"anti join {before} b on {_same('c', 'b', table)} "
            "where c.change_type = 'update_preimage' and not list_contains(?, c.import_id)",
            [sorted(gone)],
        )


def _same(one: str, other: str, table: Table) -> str:
    return " and ".join(f"{one}.{key} = {other}.{key}" for key in schema.version_key(table))


def snapshots_of(con: duckdb.DuckDBPyConnection, lake: str) -> dict[str, int]:
    """The snapshot that each import made in a lake, as far as the lake still keeps it."""
    span = con.execute(f"select min(snapshot_id), max(snapshot_id) from ducklake_snapshots('{lake}')").fetchone()
    assert span is not None
    rows = con.execute(
        "select import_id, min(snapshot_id) "
        f"from ducklake_table_insertions('{lake}', 'main', '_imports', {span[0]}, {span[1]}) group by 1"
    ).fetchall()
    return {str(import_id): int(number) for import_id, number in rows}


def check_kept(con: duckdb.DuckDBPyConnection, lake: str, import_id: str) -> None:
    """Raises BadCall where the lake no longer keeps the state before an import."""
    if import_id not in snapshots_of(con, lake):
        raise BadCall(
            f"what import {import_id} replaced is no longer kept",
            hint="restore a backup made before it, or import the right file: its newer rows win",
            field="id",
        )


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """The rows of a relation."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
