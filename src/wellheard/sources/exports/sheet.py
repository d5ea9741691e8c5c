"""A file as an export's reader sees it: its columns with their labels, its first rows, and which values it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

ROW = "__row"
FIRST = 3  # rows that may hold labels
MOST_VALUES = 60  # different values of a column that are kept, enough for any scale

Row = Mapping[str, str | None]


class Rows(Protocol):
    """A file that was opened: its name, its columns, and its rows in batches with `__row`."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def blank(self) -> frozenset[str]: ...
    def batches(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True)
class Head:
    """The beginning of a file: its columns, those of them that have no name in it, and its first three rows."""

    name: str
    columns: tuple[str, ...]
    blank: frozenset[str]
    rows: tuple[Row, ...]

    def has(self, *columns: str) -> bool:
        """Whether it has all these columns, by whatever case."""
        mine = {column.casefold() for column in self.columns}
        return all(column.casefold() in mine for column in columns)

    def label(self, row: int, column: str) -> str:
        """The cell of a column in one of the first rows; empty where there is none."""
        return (self.rows[row].get(column) or "").strip() if row < len(self.rows) else ""


@dataclass
class Profile:
    """Which values a column holds in all rows that are answers; `values` is None where there are too many."""

    filled: int = 0
    values: set[str] | None = field(default_factory=set)

    def see(self, text: str) -> None:
        """Counts a value."""
        self.filled += 1
        if self.values is not None:
            self.values.add(text)
            if len(self.values) > MOST_VALUES:
                self.values = None


@dataclass(frozen=True)
class Sheet:
    """A whole file: its head, how many rows after the names are labels, and what each column holds below them."""

    head: Head
    labels: int
    profiles: Mapping[str, Profile]

    def values(self, column: str) -> frozenset[str] | None:
        """The different values of a column, as they stand there; None where there are too many to be a scale."""
        found = self.profiles[column].values
        return None if found is None else frozenset(found)

    def filled(self, column: str) -> int:
        """How many rows have something in a column."""
        return self.profiles[column].filled


def head_of(rows: Rows) -> Head:
    """The head of a file; only its beginning is read."""
    first = next(_read(rows), [])
    return Head(rows.name, tuple(rows.columns), rows.blank, tuple(row for _, row in first[:FIRST]))


def profiled(rows: Rows, head: Head, labels: int) -> Sheet:
    """The file with what its columns hold; reads it once."""
    profiles = {column: Profile() for column in head.columns}
    for batch in _read(rows):
        for number, row in batch:
            if number > labels:
                for column, text in row.items():
                    if text:
                        profiles[column].see(text.strip())
    return Sheet(head, labels, profiles)


def answers(rows: Rows, labels: int) -> Iterator[list[tuple[int, Row]]]:
    """The rows below the labels, in batches, each with its number in the file."""
    for batch in _read(rows):
        yield [(number, row) for number, row in batch if number > labels]


def _read(rows: Rows) -> Iterator[list[tuple[int, Row]]]:
    for batch in rows.batches():
        numbers = batch.column(ROW).to_pylist()
        names = [name for name in batch.schema.names if name != ROW]
        columns = [_texts(batch.column(name)) for name in names]
        cells: Iterable[tuple[str | None, ...]] = zip(*columns, strict=True) if columns else [()] * len(numbers)
        yield [(number, dict(zip(names, row, strict=True))) for number, row in zip(numbers, cells, strict=True)]


def _texts(column: pa.Array) -> list[str | None]:
    values = column.to_pylist()
    return values if pa.types.is_string(column.type) else [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
