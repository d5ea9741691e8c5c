"""The reading side of a workspace on ClickHouse: the canonical tables of a lake's snapshot, copied there.

Every KPI is the same expression there. What differs between the engines is settled here and nowhere else: column types,
the name of the compensated sum, nulls of outer joins, and where intermediate rows are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.errors import BadCall, Refused
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Type
from wellheard.warehouse import schema
from wellheard.warehouse.engine import Lake, opened_of

TYPES = {
    schema.SQL_TYPES[kind]: name
    for kind, name in {
        Type.TEXT: "Nullable(String)",
        Type.INSTANT: "Nullable(DateTime64(6, 'UTC'))",
        Type.DATE: "Nullable(Date32)",  # Date knows no day before 1970
        Type.INTEGER: "Nullable(Int64)",
        Type.NUMBER: "Nullable(Float64)",
        Type.MONEY: "Nullable(Decimal(18, 4))",
        Type.BOOLEAN: "Nullable(Bool)",
        Type.MAP: "Map(String, Nullable(String))",
    }.items()
}
# Outer joins give null where nothing matches, not 0 or ''; sums of nothing are null too, as elsewhere.
SETTINGS = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "session_timezone": "UTC",
}

_COPIES = count(1)


class Backend:
    """Ibis' backend, with truth values that come back as such: the engine gives a comparison as 0 or 1."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def compile(self, expression: ir.Expr) -> str:
        """The statement for an expression."""
        return str(self._inner.compile(expression))

    def table(self, name: str) -> ir.Table:
        """A table as it lies there."""
        return self._inner.table(name)

    def to_pyarrow(self, expression: ir.Expr) -> Any:
        """The rows of a table as an Arrow table, a scalar as an Arrow scalar."""
        if isinstance(expression, ir.Scalar):
            return self.to_pyarrow(expression.name("x").as_table())["x"][0]
        truths = [name for name, kind in expression.schema().items() if kind.is_boolean()]
        numbers = {name: ibis.cases((expression[name], 1), (~expression[name], 0), else_=None) for name in truths}
        found = self._inner.to_pyarrow(expression.mutate(**numbers) if numbers else expression)
        for name in truths:
            place = found.column_names.index(name)
            found = found.set_column(place, name, found[name].cast(pa.bool_()))
        return found


class ClickHouse:
    """A copy of one snapshot of a lake, asked through Ibis as the lake itself is. One thread at a time."""

    runs_again = False  # its rows need a reading of their own, so statements are made for each question

    def __init__(self, client: Any) -> None:
        self.client = client
        self.backend = Backend(ibis.clickhouse.from_connection(client))
        self.folder = Path(f"clickhouse-{id(self)}")
        self._snapshot = 0
        self._lock = threading.RLock()
        self._held: list[str] = []
        self._numbers = count(1)
        client.command("create function if not exists fsum as x -> sumKahan(x)")

    @classmethod
    def in_process(cls) -> ClickHouse:
        """A database of its own, empty, in ClickHouse's engine inside this process."""
        try:
            import clickhouse_connect
        except ImportError:
            raise BadCall("ClickHouse's client is not installed", hint="install wellheard[clickhouse]") from None
        first = clickhouse_connect.get_client(interface="chdb")
        database = f"copy_{next(_COPIES)}"
        first.command(f"create database {database}")
        own = clickhouse_connect.get_client(interface="chdb", database=database, settings=SETTINGS)
        first.close()
        return cls(own)

    def copy(self, lake: Lake, names: Sequence[str] = ()) -> None:
        """Takes over the lake's tables as they are now, all of them or those named, through Parquet files."""
        with TemporaryDirectory() as folder, lake.reading() as snapshot:
            for name in names or tables():
                path = Path(folder) / f"{name}.parquet"
                lake.con.execute(f"copy facts.main.{schema.quoted(name)} to '{path}' (format parquet)")
                self._take(name, path)
            self._snapshot = snapshot

    def _take(self, name: str, path: Path) -> None:
        columns = schema.fact_columns(canonical(name))
        body = ", ".join(f"{schema.quoted(column)} {TYPES[kind]}" for column, kind in columns)
        listed = ", ".join(schema.quoted(column) for column, _ in columns)
        given = body.replace("'", "''")
        self.client.command(f"drop table if exists {schema.quoted(name)}")
        self.client.command(f"create table {schema.quoted(name)} ({body}) engine = MergeTree order by tuple()")
        self.client.command(
            f"insert into {schema.quoted(name)} select {listed} from file('{path}', 'Parquet', '{given}')"
        )

    @contextmanager
    def reading(self) -> Iterator[int]:
        """One state for all statements inside; what is held ends with it."""
        with self._lock:
            mark = len(self._held)
            try:
                yield self._snapshot
            finally:
                for name in self._held[mark:]:
                    self.client.command(f"drop table if exists {name}")
                del self._held[mark:]

    def snapshot(self) -> int:
        """The number of the lake's state that was copied."""
        return self._snapshot

    def version(self, tables: Iterable[str], snapshot: int) -> int:  # noqa: ARG002 - a copy is of one state
        """The state that was copied, whichever tables are asked for."""
        return self._snapshot

    def hold(self, sql: str) -> str:
        """Holds a statement's rows in a table, which ends with the `reading` it is made in; gives its name."""
        name = f"_held_{next(self._numbers)}"
        self.client.command(f"create table {name} engine = Memory as {sql}")
        self._held.append(name)
        return name

    def held(self, name: str) -> ir.Table:
        """A table that is held."""
        return self.backend.table(name)

    def table(self, name: str, *, private: bool = False, history: bool = False, as_of: int | None = None) -> ir.Table:
        """The canonical table `name`, as `Lake.table` gives it; no personal columns, no other snapshot."""
        if private:
            raise Refused("personal columns are not copied to ClickHouse", hint="ask the lake", field="private")
        if as_of is not None and as_of != self._snapshot:
            raise BadCall(
                f"this copy holds snapshot {self._snapshot}", hint="ask the lake for another one", field="as_of"
            )
        return opened_of(self.backend.table(name), canonical(name), history=history)

    def close(self) -> None:
        """Lets go of the engine."""
        self.client.close()
