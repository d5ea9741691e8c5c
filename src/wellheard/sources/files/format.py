"""What a file is and what reading it gave: its format, its columns, its batches and the rows that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

Kind = Literal["csv", "jsonl", "json", "parquet", "excel"]
Compression = Literal["gzip", "zstd", "bz2", "zip"]

ROW = "__row"  # the column of every batch that holds the 1-based number of the data row
ROWS_A_BATCH = 65_536
LARGEST_HEADER = 1 << 20  # bytes
LARGEST_ROW = 16 << 20  # bytes; a cell can be no larger than its row
MOST_COLUMNS = 10_000
SHOWN = 500  # characters of a bad row that are kept, enough to find it in the file


@dataclass(frozen=True)
class Format:
    """How a file is read.

    `kind` is csv (any text with one delimiter), jsonl (one object a line), json (an array of objects), parquet or
    excel. `encoding` is the codec's name, None for parquet and excel. `delimiter` is None where each line is one cell.
    `header_row` counts the rows that are not empty: the names stand in that one, rows before it are passed over; 0
    means that the file has no names. `decimal` is the decimal sign seen in its numbers, None where none was seen or
    both were.
    """

    kind: Kind
    compression: Compression | None = None
    encoding: str | None = None
    bom: bool = False
    delimiter: str | None = None
    quote: str = '"'
    header_row: int = 1
    sheet: str | None = None
    decimal: str | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its number among the data rows (the first after the header is 1), why, and its
    beginning as text."""

    row: int
    reason: str
    text: str


@dataclass(frozen=True)
class Rename:
    """A column that is not called as in the file; `position` is 1-based."""

    position: int
    was: str
    now: str


@dataclass
class Tally:
    """What one reading counted. `bad_rows` may be emptied by whoever reads the batches; the counts stay."""

    good: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Data rows so far, good and bad."""
        return self.good + self.bad

    def reject(self, reason: str, text: str) -> None:
        """Counts the next row as one that could not be read."""
        self.bad_rows.append(BadRow(self.seen + 1, reason, text[:SHOWN]))
        self.bad += 1


@dataclass(frozen=True)
class Opened:
    """A file whose columns are known: what each kind of file hands to `FileBatches`."""

    schema: pa.Schema
    renames: tuple[Rename, ...]
    read: Callable[[Tally], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class FileBatches:
    """A file as a stream of record batches.

    `columns` are its names in order, `renames` those that differ from the file. While `batches()` runs, `tally` counts
    and `bad_rows` fills; afterwards rows yielded + bad rows = rows of the file, exactly. A second call reads anew.
    """

    path: Path
    format: Format
    opened: Opened
    tally: Tally = field(default_factory=Tally)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.opened.schema.names if name != ROW)

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch, `__row` first."""
        return self.opened.schema

    @property
    def renames(self) -> tuple[Rename, ...]:
        return self.opened.renames

    @property
    def bad_rows(self) -> list[BadRow]:
        """The rows that could not be read so far, in the order of the file."""
        return self.tally.bad_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields the readable rows, with bounded memory.

        Raises BadInput when the file itself breaks off or is damaged; what was yielded before stands.
        """
        self.tally.good = self.tally.bad = 0
        self.tally.bad_rows.clear()
        yield from self.opened.read(self.tally)
