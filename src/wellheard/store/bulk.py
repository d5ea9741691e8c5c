"""Many rows at once in SQLite, without the work that SQLAlchemy does for each value; elsewhere as SQLAlchemy does it.

Answers are written by the thousand a second, and there a batch costs mostly what its values do on their way. The driver
lets go of the interpreter at every step of a statement and waits in line to get it back, so many rows are one step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json

from wellheard.store.columns import Instant

AT_ONCE = 400  # values in one `in`, below what any engine takes
TOGETHER = 64  # rows in one statement; the driver keeps the statements of so many lengths prepared
PLACES = 32_000  # values in one statement of SQLite, which takes 32,766
AS_TEXT = 500  # rows that SQLite writes into one text, so that to read them is one step and not one a row
Row = dict[str, Any]


def add(con: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all have the same columns."""
    if not rows:
        return
    if con.dialect.name != "sqlite":
        con.execute(table.insert(), list(rows))
        return
    names = tuple(rows[0])
    moments = _moments(table, names)
    start = 0
    while start < len(rows):
        number = min(len(rows) - start, TOGETHER, PLACES // len(names))
        values = [value for row in rows[start : start + number] for value in _values(row, names, moments)]
        con.exec_driver_sql(_insert(table, names, number), tuple(values))
        start += number


def rows_with(con: sa.Connection, column: sa.Column[Any], values: Iterable[str]) -> list[Row]:
    """The rows of a column's table in which it has one of the values, as rows that may be changed."""
    wanted, found = sorted(set(values)), []
    table = column.table
    (key,) = table.primary_key.columns
    if wanted and con.dialect.name == "sqlite":
        # Nearly always there is none: to look for keys alone is one statement that is ready.
        sql = f"select {key.name} from {table.name} where {column.name} in (select value from json_each(?))"  # noqa: S608 - names of our own
        keys = [row[0] for row in con.exec_driver_sql(sql, (json.dumps(wanted),))]
        column, wanted = key, sorted(keys)
    for start in range(0, len(wanted), AT_ONCE):
        some = table.select().where(column.in_(wanted[start : start + AT_ONCE]))
        found += [{str(name): value for name, value in row.items()} for row in con.execute(some).mappings()]
    return found


def rows_of(con: sa.Connection, some: sa.Select[Any], key: sa.Column[Any]) -> list[Row]:
    """The rows that a statement finds, in the order of `key`."""
    ordered = some.order_by(key)
    if con.dialect.name != "sqlite":
        return [{str(name): value for name, value in row.items()} for row in con.execute(ordered).mappings()]
    columns = some.selected_columns
    names = [column.name for column in columns]
    readers = [(c.name, _READERS[type(c.type)]) for c in columns if type(c.type) in _READERS]
    found: list[Row] = []
    while True:
        part = ordered.limit(AS_TEXT).offset(len(found)).subquery()
        told = con.execute(sa.select(sa.func.json_group_array(sa.func.json_array(*part.c)))).scalar_one()
        rows = [dict(zip(names, values, strict=True)) for values in from_json(told)]
        for row in rows:
            for name, read in readers:
                if row[name] is not None:
                    row[name] = read(row[name])
        found += rows
        if len(rows) < AS_TEXT:
            return found


@cache
def _insert(table: sa.Table, names: tuple[str, ...], number: int) -> str:
    """The statement that inserts so many rows with these columns."""
    row = f"({', '.join('?' * len(names))})"
    return f"insert into {table.name} ({', '.join(names)}) values {', '.join([row] * number)}"  # noqa: S608


@cache
def _moments(table: sa.Table, names: tuple[str, ...]) -> tuple[int, ...]:
    """The places of the columns that hold moments."""
    return tuple(i for i, name in enumerate(names) if isinstance(table.c[name].type, Instant))


def _values(row: Mapping[str, Any], names: tuple[str, ...], moments: tuple[int, ...]) -> list[Any]:
    values = [row[name] for name in names]
    for place in moments:
        if values[place] is not None:
            values[place] = _moment(values[place])
    return values


@lru_cache(maxsize=1024)
def _moment(value: datetime) -> str:
    """A moment as `Instant` keeps it in SQLite: the wall clock of UTC, with microseconds. Raises ValueError."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@lru_cache(maxsize=1024)
def _instant(text: str) -> datetime:
    """What `_moment` wrote."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_READERS: Mapping[type[Any], Callable[[Any], Any]] = {Instant: _instant, sa.Boolean: bool}
