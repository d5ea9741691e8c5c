"""Brings files into temporary tables: first as they came, then as typed rows of a canonical table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Protocol

import duckdb
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.errors import BadInput
from wellheard.sources.recipe import Recipe, Rule, Take
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import COMMON, Column, Table, Type
from wellheard.warehouse import dates, plan, schema
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.layers import Layers

KEPT_STATEMENTS = 256
RAW = "raw"  # in the names of the temporary tables of rows as they came
ENDING = 8  # places at the end of a row's content that are looked at for being empty
HASHED = tuple(c for c in COMMON if c.name in ("updated_at", "deleted", "attributes"))
_STATEMENTS: dict[str, tuple[str, tuple[str, ...]]] = {}  # by the shape of what is read: SQL, and its columns

Progress = Callable[[str, int], None]


class Delivery(Protocol):
    """What a source hands over: a name, the names of its columns, and rows in batches of bounded size."""

    name: str
    columns: Sequence[str]

    def batches(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True)
class Typed:
    """One rule's rows, read: the file columns they came from, how instants were read, and where the rows lie."""

    rule: Rule
    number: int
    columns: tuple[str, ...]
    readings: dict[str, dates.Reading]
    raw: str


class Stage:
    """The temporary tables of one import, dropped when it ends."""

    def __init__(self, lake: Lake, progress: Progress) -> None:
        self.lake = lake
        self.progress = progress
        self._names: dict[str, str] = {}
        self.rows_in: dict[str, int] = {}

    def name(self, purpose: str, kind: str = "table") -> str:
        """A fresh name for a temporary table (or view) of this import."""
        name = f"_stage_{purpose}_{len(self._names)}"
        self._names[name] = kind
        return name

    def release(self) -> None:
        """Lets go of the rows as they came, once they are typed and those that were refused are written down."""
        for name in self._names:
            if name.startswith(f"_stage_{RAW}_"):
                self.lake.con.execute(f"drop table if exists temp.main.{schema.quoted(name)}")

    def drop(self) -> None:
        """Lets go of everything temporary, views before the tables they look at."""
        for name, kind in reversed(self._names.items()):
            self.lake.con.execute(f"drop {kind} if exists temp.main.{schema.quoted(name)}")

    def take(self, delivery: Delivery) -> str:
        """Streams a delivery into a temporary table with `__row` and `__file`; gives its name."""
        name, con = self.name(RAW), self.lake.con
        flow = _Flow(delivery, self.progress)
        first = next(flow, None)
        if first is None:
            columns = ", ".join(f"{schema.quoted(c)} VARCHAR" for c in (*delivery.columns, plan.FILE))
            con.execute(f"create temp table {schema.quoted(name)} ({columns}, {schema.quoted(plan.ROW)} BIGINT)")
        else:
            stream = pa.RecordBatchReader.from_batches(first.schema, chain([first], flow))
            con.register("_delivery", stream)
            try:
                con.execute(
                    f"create temp table {schema.quoted(name)} as select *, $file as {plan.FILE} from _delivery",
                    {"file": delivery.name},
                )
            except duckdb.Error:
                if flow.error is not None:
                    raise flow.error from None
                raise
            finally:
                con.unregister("_delivery")
        self.rows_in[delivery.name] = flow.seen
        return name

    def together(self, raws: Sequence[str]) -> str:
        """One relation over several raw tables, their columns matched by name."""
        if len(raws) == 1:
            return raws[0]
        name = self.name("all", "view")
        union = " union all by name ".join(f"select * from temp.main.{schema.quoted(raw)}" for raw in raws)
        self.lake.con.execute(f"create temp view {schema.quoted(name)} as {union}")
        return name

    def keyed(self, raw: str) -> str:
        """Adds `__key`: the hash of a row and its ordinal among equal rows of its file, whatever their order."""
        twice, name = self.name("twice"), self.name("keyed", "view")
        content = named_text((c, schema.quoted(c)) for c in self._columns(raw) if c not in (plan.ROW, plan.FILE))
        source = f"temp.main.{schema.quoted(raw)}"
        hashed = f"select {plan.FILE}, {plan.ROW}, md5({content}) as __hash from {source}"
        self.lake.con.execute(
            f"create temp table {schema.quoted(twice)} as with h as ({hashed}), "
            f"again as (select {plan.FILE}, __hash from h group by all having count(*) > 1) "
            f"select *, row_number() over (partition by {plan.FILE}, __hash order by {plan.ROW}) as __ordinal "
            f"from h semi join again using ({plan.FILE}, __hash)"
        )
        self.lake.con.execute(
            f"create temp view {schema.quoted(name)} as "
            f"select r.*, md5({content}) || '-' || coalesce(t.__ordinal, 1) as {plan.KEY} from {source} r "
            f"left join (select {plan.FILE} as f, {plan.ROW} as n, __ordinal from temp.main.{schema.quoted(twice)}) t "
            f"on t.f = r.{plan.FILE} and t.n = r.{plan.ROW}"
        )
        return name

    def beside(self, raw: str, other: str, on: tuple[str, ...]) -> str:
        """Adds the columns of another relation that `raw` lacks, from its row that agrees in the columns `on`.

        Raises BadInput where a column is missing, or where several rows agree, since either could be meant.
        """
        mine, theirs = self._columns(raw), self._columns(other)
        for name in on:
            if name not in mine or name not in theirs:
                side = "the file" if name not in mine else "the file that is looked up"
                raise BadInput(f"{side} has no column {name!r} to look rows up by", field="recipe")
        keys = ", ".join(schema.quoted(c) for c in on)
        source = f"temp.main.{schema.quoted(other)}"
        twice = self.lake.con.execute(
            f"select {keys} from {source} group by all having count(*) > 1 limit 1"
        ).fetchone()
        if twice:
            raise BadInput(
                f"several rows of the file that is looked up have {', '.join(on)} {', '.join(map(str, twice))}",
                hint="look rows up by a column that tells them apart",
                field="recipe",
            )
        name = self.name("beside", "view")
        more = "".join(f", o.{schema.quoted(c)}" for c in theirs if c not in mine)
        same = " and ".join(f"r.{schema.quoted(c)} = o.{schema.quoted(c)}" for c in on)
        self.lake.con.execute(
            f"create temp view {schema.quoted(name)} as select r.*{more} "
            f"from temp.main.{schema.quoted(raw)} r left join {source} o on {same}"
        )
        return name

    def target(self, table: Table) -> str:
        """An empty temporary table for typed rows of a canonical table, with `__rule`, `__why` and `__dated` beside."""
        name = self.name("typed")
        columns = dict(schema.fact_columns(table)) | {c.name: schema.SQL_TYPES[c.type] for c in table.private}
        control = {
            "__rule": "INTEGER",
            plan.ROW: "BIGINT",
            plan.FILE: "VARCHAR",
            plan.WHY: "VARCHAR",
            "__dated": "BOOLEAN",
        }
        body = ", ".join(f"{schema.quoted(c)} {kind}" for c, kind in (columns | control).items())
        self.lake.con.execute(f"create temp table {schema.quoted(name)} ({body})")
        return name

    def typed(self, rule: Rule, number: int, raw: str, recipe: Recipe, zone: str, into: str, given: Given) -> Typed:
        """Reads the rows of `raw` as the rule says and adds them to `into`, with `__why` for each that is refused."""
        columns = tuple(c for c in self._columns(raw) if c not in (plan.ROW, plan.FILE, plan.KEY))
        backend = self.lake.backend
        rows = backend.table(raw, database=("temp", "main"))
        layers = Layers(backend)
        staged = plan.Staged(rows, columns, {}, dates.Reading(recipe.tz or zone), recipe.decimal, layers)
        plan.check_columns(rule, staged, recipe)
        readings = self._readings(rule, rows, recipe, zone)
        self.progress(f"checking {rule.table}", 0)
        # What a file of the same shape was read with is known already: small imports take most of their time here.
        shape = repr((rule, raw, rows.schema(), readings, staged.plain, staged.decimal))
        if shape not in _STATEMENTS:
            if len(_STATEMENTS) >= KEPT_STATEMENTS:
                _STATEMENTS.clear()
            expression = plan.candidates(rule, replace(staged, readings=readings))
            _STATEMENTS[shape] = layers.sql(expression), tuple(expression.columns)
        sql, have = _STATEMENTS[shape]
        stored = _stored(canonical(rule.table), have)
        parameters = {"taken": given.taken_at, "import_id": given.import_id, "number": number}
        parameters |= {} if "source" in have else {"source": given.source}
        self.lake.con.execute(
            f"insert into temp.main.{schema.quoted(into)} by name select $number as __rule, "
            f"s.{plan.ROW}, s.{plan.FILE}, s.{plan.WHY}, {', '.join(f'{sql} as {c}' for c, sql in stored.items())} "
            f"from ({sql}) s",
            parameters,
        )
        return Typed(rule, number, columns, readings, raw)

    def _readings(self, rule: Rule, rows: ir.Table, recipe: Recipe, zone: str) -> dict[str, dates.Reading]:
        by_field = {e.column: n for n, e in rule.columns.items() if isinstance(e, Take)}
        formats = recipe.date_formats
        return dates.readings_of(
            self.lake.backend,
            rows,
            {c: formats.get(c) or formats.get(by_field.get(c, "")) for c in plan.instant_columns(rule)},
            zone=recipe.tz,
            default_zone=zone,
            fold=recipe.fold,
            file=next(iter(self.rows_in)) if len(self.rows_in) == 1 else rule.files,
        )

    def _columns(self, relation: str) -> list[str]:
        return [row[0] for row in self.lake.con.execute(f"describe temp.main.{schema.quoted(relation)}").fetchall()]


@dataclass(frozen=True)
class Given:
    """What every row of an import gets."""

    source: str
    import_id: str
    taken_at: datetime


class _Flow:
    """A delivery's batches as they are pulled by the engine, which hides the error of a source: it is kept here."""

    def __init__(self, delivery: Delivery, progress: Progress) -> None:
        self._batches = iter(delivery.batches())
        self._name = delivery.name
        self._progress = progress
        self.seen = 0
        self.error: BaseException | None = None

    def __iter__(self) -> _Flow:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            batch = next(self._batches)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise
        self.seen += batch.num_rows
        self._progress(f"reading {self._name}", self.seen)
        return batch


def _stored(table: Table, have: Sequence[str]) -> dict[str, str]:
    """The SQL for each of the lake's columns that a typed row `s` fills."""
    source = "s.source" if "source" in have else "$source"
    deleted = "coalesce(s.deleted, false)" if "deleted" in have else "false"
    own = [c for c in (*table.columns, *COMMON) if c.name in have and c.name not in ("source", "source_id", "id")]
    content = _content(table, have)
    result = {
        "id": f"md5(concat({source}, chr(31), s.source_id))",
        "source": source,
        "source_id": "s.source_id",
        "updated_at": "coalesce(s.updated_at, $taken)" if "updated_at" in have else "$taken",
        "ingested_at": "$taken",
        "deleted": deleted,
        "import_id": "$import_id",
        # 62 bits of the content, under one that lets a tombstone win over a row of its own instant
        "row_hash": f"(md5_number_upper({content}) >> 2)::bigint + case when {deleted} then {1 << 62} else 0 end",
        "__dated": "s.updated_at is not null" if "updated_at" in have else "false",
    }
    for column in own:
        if column.name not in result:
            text = f"s.{schema.quoted(column.name)}"
            private = column.private and "deleted" in have
            result[schema.quoted(column.name)] = f"case when {deleted} then null else {text} end" if private else text
    return result


def _content(table: Table, have: Sequence[str]) -> str:
    """SQL for one text that differs whenever a row differs: every column in its place, an empty one like one not given.

    Columns that a later release adds at the end of a table change nothing while they are empty.
    """
    places = [_as_text(c) if c.name in have else "" for c in (*HASHED, *table.columns)]
    while places and not places[-1]:
        places.pop()
    # To trim is to look at every character: only the end of the text is trimmed, and the rest where that end is empty.
    head, tail = _parted(places[:-ENDING]), _parted(places[-ENDING:])
    ending = f"rtrim(concat({tail}), chr(31))"
    if not head:
        return ending
    return f"case when {ending} <> '' then concat({head}, {ending}) else rtrim(concat({head}), chr(31)) end"


def _parted(places: Sequence[str]) -> str:
    """SQL for the arguments of `concat`: each place and the sign that ends it."""
    return ", ".join(piece for place in places for piece in ((place,) if place else ()) + ("chr(31)",))


def _as_text(column: Column) -> str:
    """A text that is the same wherever and whenever the value is."""
    name = f"s.{schema.quoted(column.name)}"
    return f"epoch_us({name})" if column.type is Type.INSTANT else name


def named_text(columns: Iterable[tuple[str, str]]) -> str:
    """SQL for one text that differs whenever a row differs. Named and null-free, it survives a new, empty column."""
    pieces = []
    for name, value in sorted(columns):
        label = name.replace("'", "''")
        pieces.append(f"'{label}=' || {value}")
    return f"concat_ws(chr(31), {', '.join(pieces)})" if pieces else "''"


@contextmanager
def staging(lake: Lake, progress: Progress) -> Iterator[Stage]:
    """A stage that is dropped at the end, whatever happens."""
    stage = Stage(lake, progress)
    try:
        yield stage
    finally:
        stage.drop()
