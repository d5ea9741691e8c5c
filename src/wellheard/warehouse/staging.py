"""Brings files into temporary tables: first as they came, then as typed rows of a canonical table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa

from wellheard.sources.recipe import Recipe, Rule
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Table
from wellheard.warehouse import dates, plan, schema
from wellheard.warehouse.engine import Lake

Progress = Callable[[str, int], None]


class Delivery(Protocol):
    """What a source hands over: a name, the names of its columns, and rows in batches of bounded size."""

    name: str
    columns: Sequence[str]

    def batches(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True)
class Typed:
    """Typed candidate rows of one rule in a temporary table, with the file columns that were read."""

    rule: Rule
    relation: str
    columns: tuple[str, ...]
    readings: dict[str, dates.Reading]
    raw: str


class Stage:
    """The temporary tables of one import, dropped when it ends."""

    def __init__(self, lake: Lake, progress: Progress) -> None:
        self.lake = lake
        self.progress = progress
        self._names: list[str] = []
        self.rows_in: dict[str, int] = {}

    def name(self, kind: str) -> str:
        """A fresh name for a temporary table of this import."""
        name = f"_stage_{kind}_{len(self._names)}"
        self._names.append(name)
        return name

    def drop(self) -> None:
        """Lets go of every temporary table."""
        for name in self._names:
            self.lake.con.execute(f"drop table if exists temp.main.{schema.quoted(name)}")

    def take(self, delivery: Delivery) -> str:
        """Copies a delivery into a temporary table, batch by batch, with `__row` and `__file`; gives its name."""
        name, con, seen = self.name("raw"), self.lake.con, 0
        target = f"temp.main.{schema.quoted(name)}"
        made = False
        for batch in delivery.batches():
            labelled = batch.append_column(plan.FILE, pa.array([delivery.name] * batch.num_rows, pa.string()))
            table = pa.Table.from_batches([labelled])
            con.register("_batch", table)
            try:
                con.execute(
                    f"insert into {target} by name select * from _batch"
                    if made
                    else f"create temp table {schema.quoted(name)} as select * from _batch"
                )
            finally:
                con.unregister("_batch")
            made = True
            seen += batch.num_rows
            self.progress(f"reading {delivery.name}", seen)
        if not made:
            columns = ", ".join(f"{schema.quoted(c)} VARCHAR" for c in (*delivery.columns, plan.FILE))
            row = schema.quoted(plan.ROW)
            con.execute(f"create temp table {schema.quoted(name)} ({columns}, {row} BIGINT)")
        self.rows_in[delivery.name] = seen
        return name

    def together(self, raws: Sequence[str]) -> str:
        """One relation over several raw tables, their columns matched by name."""
        if len(raws) == 1:
            return raws[0]
        name = self.name("all")
        union = " union all by name ".join(f"select * from temp.main.{schema.quoted(raw)}" for raw in raws)
        self.lake.con.execute(f"create temp table {schema.quoted(name)} as {union}")
        return name

    def keyed(self, raw: str) -> str:
        """Adds `__key`: the hash of a row and its ordinal among equal rows of its file, whatever their order."""
        name = self.name("keyed")
        columns = self._columns(raw)
        content = row_text([c for c in columns if c not in (plan.ROW, plan.FILE)])
        self.lake.con.execute(
            f"create temp table {schema.quoted(name)} as "
            f"select * exclude (__hash), __hash || '-' || row_number() over (partition by {plan.FILE}, __hash) as {plan.KEY} "
            f"from (select *, md5({content}) as __hash from temp.main.{schema.quoted(raw)})"
        )
        return name

    def typed(self, rule: Rule, raw: str, recipe: Recipe, default_zone: str) -> Typed:
        """Reads the rows of `raw` as the rule says, into a temporary table with `__why` for each that is refused."""
        columns = tuple(c for c in self._columns(raw) if c not in (plan.ROW, plan.FILE, plan.KEY))
        rows = self.lake.backend.table(raw, database=("temp", "main"))
        file = str(next(iter(self.rows_in), raw)) if len(self.rows_in) == 1 else rule.files
        staged = plan.Staged(rows, columns, {}, dates.Reading(recipe.tz or default_zone), recipe.decimal)
        plan.check_columns(rule, staged, recipe)
        formats = recipe.date_formats
        by_field = {e.column: n for n, e in rule.columns.items() if isinstance(e, plan.Take)}
        readings = {
            column: dates.reading_of(
                self.lake.backend,
                rows,
                column,
                zone=recipe.tz,
                default_zone=default_zone,
                format=formats.get(column) or formats.get(by_field.get(column, "")),
                fold=recipe.fold,
                file=file,
            )
            for column in plan.instant_columns(rule)
        }
        staged = plan.Staged(rows, columns, readings, staged.plain, recipe.decimal)
        expression = plan.candidates(rule, staged)
        name = self.name("typed")
        self.progress(f"checking {rule.table}", 0)
        self._create(name, expression)
        return Typed(rule, name, columns, readings, raw)

    def _create(self, name: str, expression: ir.Table) -> None:
        self.lake.con.execute(f"create temp table {schema.quoted(name)} as {self.lake.backend.compile(expression)}")

    def _columns(self, relation: str) -> list[str]:
        return [row[0] for row in self.lake.con.execute(f"describe temp.main.{schema.quoted(relation)}").fetchall()]

    def prepared(self, typed: Typed, source: str, import_id: str, taken_at: datetime) -> str:
        """The accepted rows of `typed` in the lake's own columns, one a key and version, with `__dated`.

        Of several rows with one key and version the greatest by content stays, so that the order of rows is nothing.
        """
        table = canonical(typed.rule.table)
        have = set(self._columns(typed.relation))
        parameters = {"taken": taken_at, "import_id": import_id} | ({} if "source" in have else {"source": source})
        columns = dict(schema.fact_columns(table)) | {c.name: schema.SQL_TYPES[c.type] for c in table.private}
        selected = ", ".join(
            f"cast({_stored(column, table, have)} as {kind}) as {schema.quoted(column)}"
            for column, kind in columns.items()
        )
        dated = "s.updated_at is not null" if "updated_at" in have else "false"
        name = self.name("ready")
        self.lake.con.execute(
            f"create temp table {schema.quoted(name)} as select {selected}, {dated} as __dated "
            f"from temp.main.{schema.quoted(typed.relation)} s where {plan.WHY} is null "
            "qualify row_number() over (partition by id, updated_at order by row_hash desc) = 1",
            parameters,
        )
        return name


def _stored(column: str, table: Table, have: set[str]) -> str:
    """The SQL that fills one of the lake's columns from a typed row `s`."""
    source = "s.source" if "source" in have else "$source"
    deleted = "coalesce(s.deleted, false)" if "deleted" in have else "false"
    own = [c.name for c in table.columns]
    match column:
        case "id":
            return f"md5(concat({source}, chr(31), s.source_id))"
        case "source":
            return source
        case "updated_at":
            return "coalesce(s.updated_at, $taken)" if "updated_at" in have else "$taken"
        case "ingested_at":
            return "$taken"
        case "deleted":
            return deleted
        case "import_id":
            return "$import_id"
        case "row_hash":
            content = row_text(
                [c for c in (*own, "attributes", "updated_at", "deleted") if c in have], prefix="s.", named=True
            )
            return f"(md5_number_upper({content}) >> 1)"
    if column not in have:
        return "null"
    text = f"s.{schema.quoted(column)}"
    private = table.by_name[column].private if column in table.by_name else False
    return f"case when {deleted} then null else {text} end" if private else text


def row_text(columns: Sequence[str], *, prefix: str = "", named: bool = False) -> str:
    """SQL for one text that differs whenever a row differs. Named and null-free, it survives a new, empty column."""
    pieces = []
    for column in sorted(columns) if named else columns:
        quoted = prefix + schema.quoted(column)
        label = "'" + column.replace("'", "''") + "='" if named else "''"
        empty = "''" if named else "chr(30)"
        pieces.append(f"case when {quoted} is null then {empty} else concat({label}, {quoted}, chr(31)) end")
    return f"concat({', '.join(pieces)})" if pieces else "''"


@contextmanager
def staging(lake: Lake, progress: Progress) -> Iterator[Stage]:
    """A stage that is dropped at the end, whatever happens."""
    stage = Stage(lake, progress)
    try:
        yield stage
    finally:
        stage.drop()
