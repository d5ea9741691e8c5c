"""Reads delimited text: whole blocks by Arrow where they are clean, row by row where they are not."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from wellheard.base.errors import BadInput, Place
from wellheard.sources.files.format import (
    LARGEST_HEADER,
    LARGEST_ROW,
    MOST_COLUMNS,
    ROW,
    ROWS_A_BATCH,
    SHOWN,
    Format,
    Opened,
    Tally,
)
from wellheard.sources.files.naming import name_columns, numbered, text_schema
from wellheard.sources.files.rows import TOO_LONG, Row, grammar, lay_out, split_rows
from wellheard.sources.files.stream import CHUNK, Bytes, Unpacked, Utf8

HEAD = 64 << 10  # bytes read at a time until the header is whole
PIECE = 64 << 10  # a block with a bad row is parted down to this size, then read row by row
PARTS = 16
ARROW_BLOCK = 2 << 20  # what one thread of Arrow parses at a time


def open_delimited(path: Path, how: Format) -> Opened:
    """The columns of a CSV file and the way to read it. Raises BadInput when it has no header or too long a one."""
    with Unpacked(path, how.compression) as stream:
        found = _head(Utf8(stream, how.encoding or "utf-8"), how, path)[0]
    if len(found) > MOST_COLUMNS:
        raise BadInput(
            f"the file has {len(found):,} columns, and at most {MOST_COLUMNS:,} are read",
            hint="Check its delimiter.",
            place=Place(file=str(path)),
        )
    names, renames = name_columns(found) if how.header_row else (numbered(len(found)), ())
    schema = text_schema(names)

    def read(tally: Tally) -> Iterator[pa.RecordBatch]:
        with Unpacked(path, how.compression) as raw:
            text = Utf8(raw, how.encoding or "utf-8")
            rest = _head(text, how, path)[1]
            yield from Reading(schema, how, tally).batches(text, rest)

    return Opened(schema, renames, read)


def _head(stream: Bytes, how: Format, path: Path) -> tuple[list[str], bytes]:
    """The cells of the header row, and the bytes already read after it (or from the first row, without a header)."""
    rules = grammar(how.delimiter, how.quote)
    data, last = b"", False
    while not last:
        chunk = stream.read(HEAD)
        data, last = data + chunk, not chunk
        for number, row in enumerate(split_rows(data, rules, last=last), 1):
            if number < how.header_row:
                continue
            return _names(row, path), data[row.next :] if how.header_row else data
        if len(data) > LARGEST_HEADER:
            raise BadInput(
                f"row {how.header_row or 1} is longer than {LARGEST_HEADER >> 20} MB, which no header is",
                hint="Check that this is a text file with a row of column names, and its delimiter and quote.",
                place=Place(file=str(path)),
            )
    raise BadInput(
        f"the file has no row {how.header_row or 1} to take the column names from",
        hint="It is empty or holds only empty lines; check the export that made it.",
        place=Place(file=str(path)),
    )


def _names(row: Row, path: Path) -> list[str]:
    problem = row.reason or _unreadable(row.raw)
    if problem or row.cells is None or len(row.raw) > LARGEST_HEADER:
        raise BadInput(
            f"the row of column names cannot be read: {problem or 'it is too long'}",
            hint="Name the right encoding, delimiter or header row.",
            place=Place(file=str(path)),
        )
    return [cell.decode() for cell in row.cells]


def _unreadable(raw: bytes, encoding: str = "utf-8") -> str:
    """Why the bytes are no text that can be kept, or nothing."""
    if b"\0" in raw:
        return "has a NUL byte"
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        # In another encoding than UTF-8, the place in the converted bytes would mislead.
        which = f" ({raw[error.start]:#04x} at byte {error.start + 1})" if encoding == "utf-8" else ""
        return f"has bytes that are not {encoding}{which}; if the file is in another encoding, name it"
    return ""


class Reading:
    """One pass over the body of a file."""

    def __init__(self, schema: pa.Schema, how: Format, tally: Tally) -> None:
        self.schema = schema
        self.names = [name for name in schema.names if name != ROW]
        self.encoding = how.encoding or "utf-8"
        self.rules = grammar(how.delimiter, how.quote)
        self.tally = tally
        self.skipping = False  # inside a row too long to keep, until its line end

    def batches(self, stream: Bytes, rest: bytes) -> Iterator[pa.RecordBatch]:
        """The batches of everything after the header; `rest` is what was read beyond it."""
        last = False
        while not last:
            chunk = stream.read(CHUNK)
            last = not chunk
            data = self._skip(rest + chunk)
            used = yield from self._block(data, last)
            rest = data[used:]

    def _skip(self, data: bytes) -> bytes:
        """What follows the line end that ends a row too long to keep."""
        if not self.skipping:
            return data
        ends = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
        self.skipping = not ends
        return data[min(ends) :] if ends else b""

    def _block(self, data: bytes, last: bool) -> Generator[pa.RecordBatch, None, int]:
        """The complete rows of a block; returns how much of the block they are."""
        layout = lay_out(data, self.rules) if 0 < len(data) <= LARGEST_ROW else None
        if layout is None or (layout.open and last):
            return (yield from self._exactly(data, last))
        end = len(data) if last else int(layout.ends[-1]) if len(layout.ends) else 0
        if end:
            yield from self._clean(data[:end], layout.ends, layout.folded)
        return end

    def _clean(self, data: bytes, ends: NDArray[np.int64], folded: bool) -> Iterator[pa.RecordBatch]:
        """The rows of a piece whose quotes are in order: by Arrow, or in parts when some row in it is bad."""
        table = None if b"\0" in data else self._by_arrow(data, folded)
        if table is not None:
            yield from self._numbered(table)
        elif len(data) <= PIECE or len(ends) < 3:
            yield from self._exactly(data, last=True)
        else:
            start = 0
            for part in np.array_split(ends, min(PARTS, len(ends) - 1)):
                # What follows the last line end belongs to the last part.
                stop = int(part[-1]) if part[-1] != ends[-1] else len(data)
                yield from self._clean(data[start:stop], part - start, folded)
                start = stop

    def _by_arrow(self, data: bytes, folded: bool) -> pa.Table | None:
        """The piece as a table, or None when any row of it has too many or too few cells or bytes that are no text."""
        try:
            return arrow_csv.read_csv(
                pa.py_buffer(data),
                read_options=arrow_csv.ReadOptions(
                    column_names=self.names, block_size=max(len(data), 1) if folded else ARROW_BLOCK
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.rules.delimiter.decode(),
                    quote_char=self.rules.quote.decode(),
                    newlines_in_values=folded,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _numbered(self, table: pa.Table) -> Iterator[pa.RecordBatch]:
        for batch in table.combine_chunks().to_batches(max_chunksize=2 * ROWS_A_BATCH):
            first = self.tally.seen + 1
            numbers = np.arange(first, first + batch.num_rows, dtype=np.int64)
            self.tally.good += batch.num_rows
            yield self._batch(numbers, batch)

    def _exactly(self, data: bytes, last: bool) -> Generator[pa.RecordBatch, None, int]:
        """The complete rows of a block, one by one; returns how much of the block they are."""
        numbers: list[int] = []
        kept: list[bytes] = []
        used = 0
        for row in split_rows(data, self.rules, last=last):
            used = row.next
            if problem := self._problem(row):
                self.tally.reject(problem, row.raw[: 4 * SHOWN].decode(errors="replace"))
            elif row.cells is not None:
                self.tally.good += 1
                numbers.append(self.tally.seen)
                kept.append(self._clean_row(row.cells, row.raw))
            if len(kept) >= ROWS_A_BATCH:
                yield self._assemble(numbers, kept)
                numbers, kept = [], []
            self.skipping = row.reason is TOO_LONG and not last and used == len(data) and data[-1:] not in b"\r\n"
        if kept:
            yield self._assemble(numbers, kept)
        return len(data) if last else used

    def _problem(self, row: Row) -> str:
        if row.cells is None:
            return row.reason
        if len(row.cells) != len(self.names):
            has = "1 field" if len(row.cells) == 1 else f"{len(row.cells)} fields"
            return f"has {has}, the header has {len(self.names)}"
        return _unreadable(row.raw, self.encoding)

    def _clean_row(self, cells: list[bytes], raw: bytes) -> bytes:
        """The row with quotes as Arrow wants them."""
        quote = self.rules.quote
        if quote not in raw:
            return raw
        return self.rules.delimiter.join(quote + cell.replace(quote, quote * 2) + quote for cell in cells)

    def _assemble(self, numbers: list[int], kept: list[bytes]) -> pa.RecordBatch:
        table = self._by_arrow(b"\n".join(kept), folded=True)
        if table is None:
            raise AssertionError("rows that were judged readable are not")
        [batch] = table.combine_chunks().to_batches()
        return self._batch(np.array(numbers, dtype=np.int64), batch)

    def _batch(self, numbers: NDArray[np.int64], batch: pa.RecordBatch) -> pa.RecordBatch:
        # From a buffer, because pa.array() would load pandas to see whether it was given a Series.
        rows = pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
        return pa.RecordBatch.from_arrays([rows, *batch.columns], schema=self.schema)
