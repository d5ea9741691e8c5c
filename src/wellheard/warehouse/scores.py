"""Adds scores of customers to the lake, each once: a score that is there is never rewritten."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse import merge, schema, takeback
from wellheard.warehouse.engine import Lake

TABLE = "customer_scores"
BY = "scores"  # what stands as the source of their imports
SCHEMA = pa.schema(
    [
        ("source", pa.string()), ("customer_id", pa.string()), ("account_id", pa.string()),
        ("as_of", pa.timestamp("us", "UTC")), ("kind", pa.string()), ("value", pa.float64()), ("low", pa.float64()),
        ("high", pa.float64()), ("coverage", pa.float64()), ("currency", pa.string()), ("model", pa.string()),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Added:
    """How many scores were new, and the import by which they can be taken back."""

    import_id: str
    rows: int


def add(lake: Lake, batches: Iterable[pa.Table], words: str) -> Added:
    """Adds scores of the columns of SCHEMA as one import that `words` describes.

    A score's key is its kind, whose it is and its instant, under the source of the customer: one that is there stays.
    """
    at = datetime.now(UTC)
    import_id = f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    con = lake.con
    body = ", ".join(f"{schema.quoted(name)} {kind}" for name, kind in schema.fact_columns(canonical(TABLE)))
    con.execute(f"create or replace temp table _scores ({body})")
    for batch in batches:
        _stage(lake, batch, import_id, at)
    added = 0

    def facts() -> None:
        nonlocal added
        takeback.sign(con, "facts", import_id)
        row = con.execute(
            f"insert into facts.main.{TABLE} by name select * from _scores "
            f"anti join (select id from facts.main.{TABLE}) using (id)"
        ).fetchone()
        added = int(row[0]) if row else 0
        counts = merge.Counts(TABLE, read=added, new=added)
        report = {"files": [words], "recipe": BY, "unreadable": 0, "tables": [counts.as_dict()]}
        con.execute(
            "insert into facts.main._imports values (?, ?, ?, ?, ?, null)",
            [import_id, at, BY, words, json.dumps(report)],
        )

    with lake.writing():
        lake.commit(facts)
    con.execute("drop table _scores")
    return Added(import_id, added)


def _stage(lake: Lake, batch: pa.Table, import_id: str, at: datetime) -> None:
    lake.con.register("_batch", batch.cast(SCHEMA))
    whose = "coalesce('c:' || customer_id, 'a:' || account_id)"
    line = "if(starts_with(model, 'learned'), kind || '.learned', kind)"  # two lines of scores of one kind
    key = f"concat_ws('|', 'score', {line}, {whose}, strftime(as_of, '%Y%m%dT%H%M%S'))"
    try:
        lake.con.execute(
            "insert into _scores by name select *, md5(concat(source, chr(31), source_id)) as id, "
            "(md5_number_upper(concat_ws(chr(31), source_id, value, low, high, model)) >> 2)::bigint as row_hash from ("
            f"select *, {key} as source_id, as_of as updated_at, ?::timestamptz as ingested_at, false as deleted, "
            "?::varchar as import_id from _batch)",
            [at, import_id],
        )
    finally:
        lake.con.unregister("_batch")


def kinds_at(lake: Lake, as_of: datetime) -> frozenset[str]:
    """The kinds of which there are scores of ours as of an instant."""
    rows = lake.con.execute(
        f"select distinct kind from facts.main.{TABLE} where as_of = ? and source_id like 'score|%' and not deleted",
        [as_of],
    ).fetchall()
    return frozenset(row[0] for row in rows)


def instants(lake: Lake) -> Sequence[datetime]:
    """The instants as of which there are scores of ours from dated facts, the newest first."""
    rows = lake.con.execute(
        f"select distinct as_of from facts.main.{TABLE} where source_id like 'score|%' and not deleted "
        "and kind not like '%\\_snapshot' escape '\\' order by 1 desc"
    ).fetchall()
    return tuple(row[0].astimezone(UTC) for row in rows)


def newest_given(lake: Lake) -> datetime | None:
    """The newest instant of scores that are not ours but came with a source; None where there are none."""
    row = lake.con.execute(
        f"select max(as_of) from facts.main.{TABLE} where source_id not like 'score|%' and not deleted"
    ).fetchone()
    return row[0].astimezone(UTC) if row and row[0] is not None else None
