"""Reads Parquet. Types stay as they are, except those that a table here cannot hold."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wellheard.base.errors import BadInput, Place
from wellheard.sources.files.format import ROW, ROWS_A_BATCH, SHOWN, Format, Opened, Tally
from wellheard.sources.files.naming import name_columns
from wellheard.sources.files.stream import damaged, seekable

BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last where a column's name is no text


def open_parquet(path: Path, how: Format) -> Opened:
    """The columns of a Parquet file and the way to read it.

    Dictionaries become plain, every kind of string becomes string, bytes become text or else hex, structs, lists and
    maps become JSON text; numbers, decimals, dates and instants stay. Raises BadInput when the file is damaged.
    """
    with _opened(path, how) as file:
        found = file.schema_arrow
        try:
            names, renames = name_columns(found.names)
        except BROKEN as error:
            raise damaged(path, error) from error
    if not names:
        raise BadInput("the file has no columns", hint="Check the export that made it.", place=Place(file=str(path)))
    types = [_kept(one.type) for one in found]
    schema = pa.schema([(ROW, pa.int64()), *zip(names, types, strict=True)])

    def read(tally: Tally) -> Iterator[pa.RecordBatch]:
        with _opened(path, how) as file:
            try:
                for batch in file.iter_batches(batch_size=ROWS_A_BATCH):
                    yield from _readable(batch, schema, tally)
            except BROKEN as error:
                raise damaged(path, error) from error

    return Opened(schema, renames, read)


@contextlib.contextmanager
def _opened(path: Path, how: Format) -> Iterator[pq.ParquetFile]:
    with seekable(path, how.compression) as source:
        try:
            file = pq.ParquetFile(source)
        except BROKEN as error:
            raise damaged(path, error) from error
        yield file


def _textual(kind: pa.DataType) -> bool:
    return bool(
        _promised_text(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _kept(kind: pa.DataType) -> pa.DataType:
    """The type in which a column arrives."""
    if pa.types.is_dictionary(kind):
        return _kept(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_nested(kind) or pa.types.is_null(kind) or _textual(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def _readable(batch: pa.RecordBatch, schema: pa.Schema, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The rows of a batch whose texts are texts; counts and notes the others."""
    columns = [_converted(column) for column in batch.columns]
    bad: dict[int, str] = {}
    for name, (_, problems) in zip(batch.schema.names, columns, strict=True):
        for at, why in problems.items():
            bad.setdefault(at, f"{why} in {name!r}")
    numbers = np.arange(tally.seen + 1, tally.seen + 1 + batch.num_rows, dtype=np.int64)
    for at in range(batch.num_rows) if bad else ():
        if at in bad:
            tally.reject(bad[at], _shown(batch, at))
        else:
            tally.good += 1
    whole = pa.RecordBatch.from_arrays([pa.array(numbers), *(column for column, _ in columns)], schema=schema)
    if not bad:
        tally.good += batch.num_rows
        yield whole
        return
    keep = np.ones(batch.num_rows, dtype=bool)
    keep[list(bad)] = False
    yield whole.filter(pa.array(keep))


def _converted(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The column in the type in which it arrives, and for each row of it that is no text, why; null stands there."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_nested(kind):
        return pa.array([None if one is None else _json(one) for one in column.to_pylist()], pa.string()), {}
    if _textual(kind):
        return _texts(column)
    return (column if kind == _kept(kind) else column.cast(_kept(kind))), {}


def _texts(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    raw = column.cast(pa.large_binary())
    try:
        text = raw.cast(pa.large_string()).cast(pa.string())
        if not pc.any(pc.match_substring(text, "\0")).as_py():
            return text, {}
    except pa.ArrowInvalid:
        pass
    cells: list[bytes | None] = raw.to_pylist()
    if not _promised_text(column.type):
        return pa.array([None if cell is None else _text_or_hex(cell) for cell in cells], pa.string()), {}
    problems = {at: why for at, cell in enumerate(cells) if cell is not None and (why := _not_text(cell))}
    readable = pa.array([None if at in problems else cell for at, cell in enumerate(cells)], pa.binary())
    return readable.cast(pa.string()), problems


def _promised_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _text_or_hex(cell: bytes) -> str:
    return cell.hex() if _not_text(cell) else cell.decode()


def _not_text(cell: bytes) -> str:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return "has bytes that are not UTF-8"
    return "has a NUL character" if b"\0" in cell else ""


def _json(value: object) -> str:
    if not isinstance(value, (dict, list, tuple)):
        return str(value)
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _shown(batch: pa.RecordBatch, at: int) -> str:
    cells = []
    for column in batch.columns:
        try:
            cells.append(str(column[at].as_py()))
        except UnicodeDecodeError:
            cells.append(repr(column[at].cast(pa.binary()).as_py()))
    return ", ".join(cells)[:SHOWN]
