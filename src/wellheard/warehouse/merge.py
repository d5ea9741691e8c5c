"""Merges typed rows into the lake by natural key and version.

The newest `updated_at` wins; among equal ones a tombstone, then the greatest content, so that no order of delivery
matters. A tombstone is a row. Delivering rows again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from wellheard.tables.table import Table
from wellheard.warehouse import schema

MOVED = ("new", "changed")


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table: read = new + changed + unchanged + older + repeated + rejected."""

    table: str
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    repeated: int = 0
    rejected: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def classify(
    con: duckdb.DuckDBPyConnection, table: Table, typed: str, fresh: Callable[[str], str], changes: str
) -> Counts:
    """Says what the rows of the temporary table `typed` would do to the lake; rows with a `__why` are refused.

    Makes the temporary view `changes` of those that would change it, with `__state`; `fresh` names temporary tables.
    """
    rows, target = f"temp.main.{schema.quoted(typed)}", f"facts.main.{schema.quoted(table.name)}"
    read, rejected = _row(con, f"select count(*), count(__why) from {rows}")
    accepted = f"select rowid as rid, id, updated_at, row_hash, __dated as dated from {rows} where __why is null"
    best, repeated, older = _best(con, table, accepted, fresh)
    held = con.execute(f"select 1 from {target} limit 1").fetchone() is not None
    if not (held or repeated or older or table.versioned):
        found = {"new": read - rejected}
    else:
        states = schema.quoted(fresh("states"))
        con.execute(
            f"create temp table {states} as {_versions(best, target) if table.versioned else _rows(best, target)}"
        )
        found = dict(con.execute(f"select state, count(*) from {states} group by 1").fetchall())
        con.execute(f"delete from {states} where state not in {MOVED}")
    if found.get("new", 0) == read - rejected:
        view = f"select *, 'new' as __state from {rows} where __why is null"
    else:
        view = f"select t.*, s.state as __state from {rows} t join temp.main.{states} s on s.rid = t.rowid"
    con.execute(f"create or replace temp view {schema.quoted(changes)} as {view}")
    new, changed, unchanged, late = (int(found.get(s, 0)) for s in ("new", "changed", "unchanged", "older"))
    return Counts(table.name, read, new, changed, unchanged, older + late, repeated, rejected)


def _row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    row = con.execute(sql).fetchone()
    assert row is not None
    return tuple(int(n or 0) for n in row)


def _best(
    con: duckdb.DuckDBPyConnection, table: Table, accepted: str, fresh: Callable[[str], str]
) -> tuple[str, int, int]:
    """The rows of a batch that may count, one a key (and version); how many repeat another; how many are older."""
    twice, ranked = schema.quoted(fresh("twice")), schema.quoted(fresh("ranked"))
    con.execute(f"create temp table {twice} as select id from ({accepted}) group by id having count(*) > 1")
    if not _row(con, f"select count(*) from {twice}")[0]:
        return accepted, 0, 0
    con.execute(f"""
        create temp table {ranked} as select *,
            row_number() over (partition by id, updated_at order by row_hash desc) as again,
            max(updated_at) over (partition by id) as newest
        from ({accepted}) semi join {twice} using (id)""")
    late = "false" if table.versioned else "updated_at < newest"
    repeated, older = _row(
        con, f"select count(*) filter (again > 1), count(*) filter (again = 1 and {late}) from {ranked}"
    )
    best = f"""
        select rid, id, updated_at, row_hash, dated from ({accepted}) anti join {twice} using (id)
        union all
        select rid, id, updated_at, row_hash, dated from {ranked} where again = 1 and not ({late})"""
    return best, repeated, older


def _rows(best: str, target: str) -> str:
    """Tables that keep the newest row of each key."""
    return f"""
        select s.rid, case
            when t.id is null then 'new'
            when t.row_hash = s.row_hash then 'unchanged'
            when s.updated_at > t.updated_at or (s.updated_at = t.updated_at and s.row_hash > t.row_hash) then 'changed'
            else 'older' end as state
        from ({best}) s left join (select id, updated_at, row_hash from {target}) t on t.id = s.id"""


def _versions(best: str, target: str) -> str:
    """Tables that keep every version: each key and instant once.

    A row without a version says how things are now: it is a new version only where it differs from the latest.
    """
    return f"""
        with s as ({best}),
        t as (select id, updated_at, row_hash, valid_to from {target} semi join s using (id)),
        known as (select distinct id from t),
        latest as (select id, max(row_hash) as row_hash from t where valid_to is null group by id)
        select s.rid, case
            when t.id is not null and t.row_hash >= s.row_hash then 'unchanged'
            when not s.dated and latest.row_hash = s.row_hash then 'unchanged'
            when known.id is null and s.updated_at = max(s.updated_at) over (partition by s.id) then 'new'
            else 'changed' end as state
        from s
        left join t on t.id = s.id and t.updated_at = s.updated_at
        left join known on known.id = s.id
        left join latest on latest.id = s.id"""


def note_touched(con: duckdb.DuckDBPyConnection, table: Table, changes: str, name: str, before: str) -> None:
    """Makes the temporary view `name` of the rows that are about to change, as they will be and as they are.

    Both matter to what is computed from them: a message may move from one conversation to another, and the row of a
    tombstone names no conversation at all. The view holds the keys and references alone.
    """
    columns = ", ".join(["id", "source", "source_id", *(c.name for c in table.public if c.refers)])
    source, target = f"temp.main.{schema.quoted(changes)}", f"facts.main.{schema.quoted(table.name)}"
    con.execute(
        f"create or replace temp table {schema.quoted(before)} as "
        f"select {columns} from {target} semi join (select id from {source} where __state = 'changed') using (id)"
    )
    con.execute(
        f"create or replace temp view {schema.quoted(name)} as "
        f"select {columns} from {source} union all from temp.main.{schema.quoted(before)}"
    )


def write_personal(con: duckdb.DuckDBPyConnection, table: Table, changes: str) -> None:
    """Merges the private columns of the changed rows into the personal lake."""
    if table.private:
        _write(con, "personal", table, changes)


def write_facts(con: duckdb.DuckDBPyConnection, table: Table, changes: str) -> None:
    """Merges the changed rows into the lake of facts, then sets the spans of versions anew."""
    _write(con, "facts", table, changes)
    if table.versioned:
        span_versions(con, table, f"select distinct id from temp.main.{schema.quoted(changes)}")


def _write(con: duckdb.DuckDBPyConnection, lake: str, table: Table, changes: str) -> None:
    """Inserts what is new and merges what has changed. A key stays single because one writer writes at a time."""
    columns = [schema.quoted(name) for name, _ in schema.columns_in(lake, table)]
    target, source = f"{lake}.main.{schema.quoted(table.name)}", f"temp.main.{schema.quoted(changes)}"
    listed = ", ".join(columns)
    states = {row[0] for row in con.execute(f"select distinct __state from {source}").fetchall()}
    if "changed" in states or table.versioned:
        con.execute(_merge(target, f"select {listed} from {source}", columns, schema.version_key(table)))
    elif states:
        con.execute(f"insert into {target} ({listed}) select {listed} from {source}")


def span_versions(con: duckdb.DuckDBPyConnection, table: Table, ids: str) -> None:
    """Sets `valid_from` and `valid_to` of every version of the given keys; the first reaches back without end."""
    target = f"facts.main.{schema.quoted(table.name)}"
    con.execute(f"""
        merge into {target} t using (
            select id, updated_at,
                case when lag(updated_at) over w is null then null else updated_at end as valid_from,
                lead(updated_at) over w as valid_to
            from {target} where id in ({ids})
            window w as (partition by id order by updated_at)
        ) s on t.id = s.id and t.updated_at = s.updated_at
        when matched and (t.valid_from is distinct from s.valid_from or t.valid_to is distinct from s.valid_to)
            then update set valid_from = s.valid_from, valid_to = s.valid_to""")


def _merge(target: str, source: str, columns: Sequence[str], keys: Sequence[str]) -> str:
    matched = " and ".join(f"t.{k} = s.{k}" for k in keys)
    updates = ", ".join(f"{c} = s.{c}" for c in columns)
    return (
        f"merge into {target} t using ({source}) s on {matched} "
        f"when matched then update set {updates} "
        f"when not matched then insert ({', '.join(columns)}) values ({', '.join(f's.{c}' for c in columns)})"
    )
