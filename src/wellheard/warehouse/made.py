"""Writes the columns that an enrichment made, beside the values that the source gave."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from wellheard.tables.table import Table
from wellheard.warehouse import schema
from wellheard.warehouse.engine import Lake


def fill(lake: Lake, table: Table, enrichment: str, version: str, batches: Iterable[pa.RecordBatch]) -> int:
    """Fills the made columns of rows by `id`, from batches of `id` and the columns' names. Gives the rows filled."""
    columns = [c.name for c in table.made_by(enrichment)]
    kinds = {c.name: schema.SQL_TYPES[c.type] for c in table.made_by(enrichment)}
    name, target = f"_made_{enrichment}", f"facts.main.{schema.quoted(table.name)}"
    body = ", ".join(f"{schema.quoted(c)} {kinds[c]}" for c in columns)
    lake.con.execute(f"create or replace temp table {name} (id VARCHAR, {body})")
    filled = 0
    for batch in batches:
        lake.con.register("_batch", pa.Table.from_batches([batch]))
        try:
            lake.con.execute(f"insert into {name} by name select * from _batch")
        finally:
            lake.con.unregister("_batch")
        filled += batch.num_rows
    if filled:
        made = {c.name: schema.made_name(c) for c in table.made_by(enrichment)}
        seen = schema.made_version(enrichment)
        same = " and ".join(f"t.{schema.quoted(made[c])} is not distinct from s.{schema.quoted(c)}" for c in columns)
        updates = ", ".join(f"{schema.quoted(made[c])} = s.{schema.quoted(c)}" for c in columns)
        lake.con.execute(
            f"merge into {target} t using {name} s on t.id = s.id "
            f"when matched and not (t.{schema.quoted(seen)} is not distinct from ? and {same}) "
            f"then update set {updates}, {schema.quoted(seen)} = ?",
            [version, version],
        )
    lake.con.execute(f"drop table {name}")
    return filled
