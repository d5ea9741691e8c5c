"""Takes one import's rows out of one lake and puts back what they replaced.

Both the undoing of an import and the mending after a crash go through here, so they cannot differ.
"""

from __future__ import annotations

import duckdb

from wellheard.base.errors import BadCall
from wellheard.tables.table import Table
from wellheard.warehouse import merge, schema

MESSAGE = "import "  # what stands before an import's id in the message of its snapshot


def take_back(
    con: duckdb.DuckDBPyConnection, lake: str, table: Table, import_id: str, gone: set[str]
) -> tuple[int, int, str]:
    """Removes the import's rows of one table of a lake and restores those that they replaced.

    Rows of the imports in `gone` are never restored: what stood before them is. Gives the rows removed and restored,
    and the temporary table that holds them, as they were and as they are. Runs inside the caller's transaction.
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
    con.execute(f"insert into {touched} by name select * from {before}")
    con.execute(f"drop table {before}")
    if size and table.versioned and lake == "facts":
        merge.span_versions(con, table, f"select distinct id from {touched}")
    return size - back, back, touched


def _find_replaced(
    con: duckdb.DuckDBPyConnection, lake: str, table: Table, touched: str, before: str, gone: set[str]
) -> None:
    """Fills `before` with what stood in place of the touched rows, looking past imports that are gone too.

    The state before an import is read by time travel: unlike the change feed it stays right when small writes are
    flushed and files merged.
    """
    snapshots = snapshots_of(con, lake)
    keys = schema.version_key(table)
    listed = ", ".join(keys)
    con.execute(f"create or replace temp table _wanted as select {listed}, import_id from {touched}")
    while by := [row[0] for row in con.execute("select distinct import_id from _wanted").fetchall()]:
        latest = max(by, key=lambda import_id: snapshots.get(import_id, -1))
        number = snapshots.get(latest, 0) - 1
        if number < 0:
            break  # what stood before it is no longer kept
        same = " and ".join(f"r.{key} = w.{key}" for key in keys)
        con.execute(
            f"create or replace temp table _stood as select r.* "
            f"from (select * from {lake}.main.{schema.quoted(table.name)} at (version => {number})) r "
            f"semi join (from _wanted where import_id = ?) w on {same}",
            [latest],
        )
        con.execute("delete from _wanted where import_id = ?", [latest])
        con.execute(f"insert into {before} by name from _stood where not list_contains(?, import_id)", [sorted(gone)])
        con.execute(f"insert into _wanted select {listed}, import_id from _stood where list_contains(?, import_id)",
                    [sorted(gone)])  # fmt: skip
    con.execute("drop table if exists _wanted")
    con.execute("drop table if exists _stood")


def sign(con: duckdb.DuckDBPyConnection, lake: str, import_id: str) -> None:
    """Writes the import's id on the snapshot that the running transaction makes."""
    con.execute(f"call {lake}.set_commit_message('wellheard', ?)", [MESSAGE + import_id])


def snapshots_of(con: duckdb.DuckDBPyConnection, lake: str) -> dict[str, int]:
    """The snapshot that each import made in a lake, as far as the lake still keeps the state before it."""
    rows = con.execute(
        "select s.commit_message, min(s.snapshot_id) from ducklake_snapshots(?) s "
        "semi join ducklake_snapshots(?) before on before.snapshot_id = s.snapshot_id - 1 "
        "where starts_with(s.commit_message, ?) group by 1",
        [lake, lake, MESSAGE],
    ).fetchall()
    return {str(message).removeprefix(MESSAGE): int(number) for message, number in rows}


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
