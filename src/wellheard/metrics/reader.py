"""What a KPI may look at: one snapshot of the lake, and facts about its tables that hold as long as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.periods import local_day
from wellheard.base.settings import Settings
from wellheard.metrics.metric import Span
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.touched import Side, Touched

T = TypeVar("T")
Shaping = Callable[["Reader"], Any]
KEPT_FACTS = 4096


@dataclass(frozen=True)
class Bounds:
    """The first and last instant of a table, and how many rows it has."""

    first: datetime | None
    last: datetime | None
    rows: int


class Reader:
    """Reads one snapshot. All statements of an answer go through one reader, so they agree."""

    _facts: dict[Any, Any] = {}  # noqa: RUF012 - facts of a snapshot never change, so the process keeps them together

    def __init__(self, lake: Lake, settings: Settings, snapshot: int, as_of: int | None = None) -> None:
        self.lake = lake
        self.settings = settings
        self.snapshot = snapshot if as_of is None else as_of
        self.as_of = as_of
        self.opened: set[str] = set()  # the tables that were looked at
        self.shape: list[tuple[Shaping, Any]] = []  # what the statements' text hangs on, and what it was
        self.statements: list[tuple[str, str]] = []  # their text, each with the name under which it is held, if it is
        self.ends = False  # whether the figure looks at where the data end
        self.summing = False  # once the rows are stated, and only sums are left to be asked for
        self.peeked = False  # whether the statements' text hangs on what rows hold that belong to this question alone
        self._knowing = False
        self.zone = settings.time_zone

    side = ""  # of a change, where it reads one side's rows alone

    def prepare(self, tables: Iterable[str]) -> None:
        """Makes sure that statements find these tables."""

    @property
    def all_rows(self) -> Reader:
        """The reader of everyone's rows at this snapshot: itself, but for one that reads some people's rows alone."""
        return self

    def table(self, name: str, *, private: bool = False, history: bool = False) -> ir.Table:
        """A canonical table as of the reader's snapshot."""
        self.opened.add(name)
        return self.lake.table(name, private=private, history=history, as_of=self.as_of)

    def run(self, expression: ir.Expr) -> pa.Table:
        """The rows of an expression."""
        if self.lake.runs_again and not self._knowing:
            self.peeked |= not self.summing
            self.statements.append(("", self.lake.backend.compile(expression)))
            return self.lake.fetch(self.statements[-1][1])
        return self.lake.backend.to_pyarrow(expression)

    def held(self, expression: ir.Table) -> ir.Table:
        """The rows of an expression, computed once for several statements of one answer."""
        sql = self.lake.backend.compile(expression)
        name = self.lake.hold(sql)
        self.peeked |= not self.summing
        self.statements.append((name, sql))
        rows, types = self.lake.held(name), expression.schema()
        return rows if rows.schema() == types else rows.cast(types)  # ClickHouse keeps yes and no as numbers

    def bounds(self, name: str, instant: str | None = None) -> Bounds:
        """First and last instant of a table and its number of rows."""
        return self._known(("bounds", name, instant), lambda every: every._bounds(name, instant), (name,))

    def has_rows(self, name: str) -> bool:
        """Whether a table has any rows."""
        return self.shaped(lambda every: every.bounds(name).rows > 0)

    def extent(self, spans: tuple[Span, ...]) -> tuple[datetime | None, datetime | None]:
        """The first and last instant of the first of `spans` that has rows; nothing beyond this moment is data."""
        now = datetime.now(UTC)
        for table, columns in spans:
            bounds = [self.bounds(table, column) for column in columns]
            firsts = [b.first for b in bounds if b.first is not None]
            lasts = [min(b.last, now) for b in bounds if b.last is not None]
            if firsts:
                return min(firsts), max(lasts)
        return None, None

    def attributes(self, name: str) -> frozenset[str]:
        """The keys that occur in a table's attributes."""
        return self.kept(("attributes", name), lambda every: every._attributes(name), (name,))

    def sources(self, name: str) -> tuple[str, ...]:
        """The sources that a table's rows came from."""
        return self.kept(("sources", name), lambda every: every._sources(name), (name,))

    def kept(self, key: Any, make: Callable[[Reader], T], tables: tuple[str, ...]) -> T:
        """`make` of the reader of all rows, computed once for as long as none of `tables` changes."""
        return self.shaped(lambda every: every._known(key, make, tables))

    def shaped(self, make: Callable[[Reader], T]) -> T:
        """`make` of the reader of all rows, noted as something that the text of statements hangs on."""
        value = make(self.all_rows)
        self.opened.update(self.all_rows.opened)
        self.shape.append((make, value))
        return value

    def _known(self, key: Any, make: Callable[[Reader], T], tables: tuple[str, ...]) -> T:
        self.opened.update(tables)
        every = self.all_rows
        full = (str(every.lake.folder), every.lake.version(tables, every.snapshot), key)
        if full not in self._facts:
            if len(self._facts) >= KEPT_FACTS:
                self._facts.clear()
            outer, every._knowing = every._knowing, True
            try:
                self._facts[full] = make(every)
            finally:
                every._knowing = outer
        return self._facts[full]  # type: ignore[no-any-return]

    def local_day(self, instant: datetime) -> date:
        """The day on the workspace's wall at `instant`."""
        return local_day(instant, self.zone)

    def _bounds(self, name: str, instant: str | None) -> Bounds:
        column = instant or canonical(name).instant

        def state(t: ir.Table) -> ir.Table:
            ends = {} if column is None else {"first": t[column].min(), "last": t[column].max()}
            return t.aggregate(**ends, n=t.count())

        row = self._told("bounds", name, state, column)[0]
        return Bounds(row.get("first"), row.get("last"), int(row["n"] or 0))

    def _sources(self, name: str) -> tuple[str, ...]:
        rows = self._told("sources", name, lambda t: t.select("source").distinct())
        return tuple(sorted(row["source"] for row in rows))

    def _told(self, fact: str, name: str, state: Callable[[ir.Table], ir.Table], *more: str | None) -> list[Any]:
        """The rows of a statement about one whole table, which is compiled once where its text never changes."""
        if self.as_of is None and self.lake.runs_again:
            self.opened.add(name)
            rows = self.lake.fetch(self.lake.text((fact, name, *more), lambda: state(self.table(name))))
        else:
            rows = self.run(state(self.table(name)))
        return list(rows.to_pylist())

    def _attributes(self, name: str) -> frozenset[str]:
        t = self.table(name)
        some = t.filter(t.attributes.notnull())
        keys = some.select(key=some.attributes.keys().unnest()).distinct()
        return frozenset(row["key"] for row in self.run(keys).to_pylist())


class NotLocal(Exception):
    """A figure's rows look at those of other people, so that some people's rows alone do not tell them."""


class PartReader(Reader):
    """Reads the rows of some people alone, on one side of a change; what holds of whole tables is still that of all."""

    def __init__(self, every: Reader, touched: Touched, side: Side) -> None:
        super().__init__(every.lake, every.settings, every.snapshot)
        self.every, self.touched, self._side = every, touched, side
        self.side = side

    @property
    def all_rows(self) -> Reader:
        return self.every

    def table(self, name: str, *, private: bool = False, history: bool = False) -> ir.Table:
        if private:
            raise NotLocal(name)
        self.opened.add(name)
        return self.touched.table(name, self._side, history=history)

    def prepare(self, tables: Iterable[str]) -> None:
        for name in sorted(tables):
            self.touched.make(name, self._side)

    def run(self, expression: ir.Expr) -> pa.Table:
        if not self.summing:
            raise NotLocal
        return super().run(expression)


def instant_literal(moment: datetime) -> ir.TimestampScalar:
    """A UTC instant as a literal of an expression."""
    return ibis.literal(moment.replace(tzinfo=None), type="timestamp(6)").cast("timestamp('UTC', 6)")
