"""Merges ready rows into the lake by natural key and version.

The newest `updated_at` wins; among equal ones the greatest content, so that no order of delivery matters. A tombstone is
a row. Delivering rows again changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wellheard.tables.table import Table
from wellheard.warehouse import schema
from wellheard.warehouse.engine import Lake


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


def classify(lake: Lake, table: Table, ready: str, name: str) -> dict[str, int]:
    """Writes the temporary table `name`: the rows of `ready` that would change the lake. Counts every kind."""
    source = f"temp.main.{schema.quoted(ready)}"
    target = f"facts.main.{schema.quoted(table.name)}"
    compared = _versions(source, target) if table.versioned else _rows(source, target)
    lake.con.execute(f"create or replace temp table {schema.quoted(name)} as {compared}")
    counted = lake.con.execute(f"select __state, count(*) from temp.main.{schema.quoted(name)} group by 1").fetchall()
    lake.con.execute(f"delete from temp.main.{schema.quoted(name)} where __state in ('unchanged', 'older')")
    return {str(state): int(n) for state, n in counted}


def _rows(source: str, target: str) -> str:
    """Tables that keep the newest row: each key once, with its state."""
    return f"""
        with s as (
            select *, row_number() over (partition by id order by updated_at desc, row_hash desc) as __rank from {source}
        )
        select s.* exclude (__rank), case
            when __rank > 1 then 'older'
            when t.id is null then 'new'
            when t.row_hash = s.row_hash then 'unchanged'
            when (s.updated_at, s.row_hash) > (t.updated_at, t.row_hash) then 'changed'
            else 'older' end as __state
        from s left join (select id, updated_at, row_hash from {target}) t on t.id = s.id"""


def _versions(source: str, target: str) -> str:
    """Tables that keep every version: each key and instant once, with its state.

    A row that came without a version says how things are now; it is a new version only where it differs from the latest.
    """
    return f"""
        with t as (select id, updated_at, row_hash, valid_to from {target}),
        known as (select id, max(updated_at) as newest from t group by id),
        latest as (select t.id, max(t.row_hash) as row_hash from t where t.valid_to is null group by t.id)
        select s.*, case
            when t.id is not null and t.row_hash >= s.row_hash then 'unchanged'
            when not s.__dated and latest.row_hash = s.row_hash then 'unchanged'
            when known.id is null and s.updated_at = max(s.updated_at) over (partition by s.id) then 'new'
            else 'changed' end as __state
        from {source} s
        left join t on t.id = s.id and t.updated_at = s.updated_at
        left join known on known.id = s.id
        left join latest on latest.id = s.id"""


def write_personal(lake: Lake, table: Table, changes: str) -> None:
    """Merges the private columns of the changed rows into the personal lake."""
    columns = [name for name, _ in schema.personal_columns(table)]
    if not columns:
        return
    keys = ["id", "updated_at"] if table.versioned else ["id"]
    lake.con.execute(
        _merge(f"personal.main.{schema.quoted(table.name)}", f"temp.main.{schema.quoted(changes)}", columns, keys)
    )


def write_facts(lake: Lake, table: Table, changes: str) -> None:
    """Merges the changed rows into the lake of facts, then sets the spans of versions anew."""
    columns = [name for name, _ in schema.fact_columns(table)]
    target = f"facts.main.{schema.quoted(table.name)}"
    keys = ["id", "updated_at"] if table.versioned else ["id"]
    lake.con.execute(_merge(target, f"temp.main.{schema.quoted(changes)}", columns, keys))
    if table.versioned:
        span_versions(lake, table, f"select distinct id from temp.main.{schema.quoted(changes)}")


def span_versions(lake: Lake, table: Table, ids: str) -> None:
    """Sets `valid_from` and `valid_to` of every version of the given keys; the first reaches back without end."""
    target = f"facts.main.{schema.quoted(table.name)}"
    lake.con.execute(f"""
        merge into {target} t using (
            select id, updated_at,
                case when lag(updated_at) over w is null then null else updated_at end as valid_from,
                lead(updated_at) over w as valid_to
            from {target} where id in ({ids})
            window w as (partition by id order by updated_at)
        ) s on t.id = s.id and t.updated_at = s.updated_at
        when matched and (t.valid_from is distinct from s.valid_from or t.valid_to is distinct from s.valid_to)
            then update set valid_from = s.valid_from, valid_to = s.valid_to""")


def _merge(target: str, source: str, columns: list[str], keys: list[str]) -> str:
    quoted = [schema.quoted(c) for c in columns]
    matched = " and ".join(f"t.{schema.quoted(k)} = s.{schema.quoted(k)}" for k in keys)
    updates = ", ".join(f"{c} = s.{c}" for c in quoted)
    return (
        f"merge into {target} t using (select {', '.join(quoted)} from {source}) s on {matched} "
        f"when matched then update set {updates} "
        f"when not matched then insert ({', '.join(quoted)}) values ({', '.join(f's.{c}' for c in quoted)})"
    )
