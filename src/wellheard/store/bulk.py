"""Many rows at once in SQLite, without the work that SQLAlchemy does for each value; elsewhere as SQLAlchemy does it.

Answers are written by the thousand a second, and there a batch costs mostly what its values do on their way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from wellheard.store.columns import Instant

AT_ONCE = 400  # values in one `in`, below what any engine takes
Row = dict[str, Any]


def add(con: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all have the same columns."""
    if not rows:
        return
    if con.dialect.name != "sqlite":
        con.execute(table.insert(), list(rows))
        return
    sql, names, moments = _insert(table, tuple(rows[0]))
    con.exec_driver_sql(sql, [_values(row, names, moments) for row in rows])


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


@cache
def _insert(table: sa.Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """The statement, its columns in order, and the places of those that hold moments."""
    places = ", ".join("?" * len(names))
    moments = tuple(i for i, name in enumerate(names) if isinstance(table.c[name].type, Instant))
    return f"insert into {table.name} ({', '.join(names)}) values ({places})", names, moments  # noqa: S608


def _values(row: Mapping[str, Any], names: tuple[str, ...], moments: tuple[int, ...]) -> tuple[Any, ...]:
    values = [row[name] for name in names]
    for place in moments:
        values[place] = _moment(values[place])
    return tuple(values)


def _moment(value: datetime | None) -> str | None:
    """A moment as `Instant` keeps it in SQLite: the wall clock of UTC, with microseconds. Raises ValueError."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{value} has no zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
