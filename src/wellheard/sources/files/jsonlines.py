"""Reads JSON: one object a line, or one array of objects. Values arrive as text, numbers exactly as written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring
from pathlib import Path

import pyarrow as pa

from wellheard.base.errors import BadInput, Place
from wellheard.sources.files.elements import NOT_TEXT, Element, Elements, Number, lines
from wellheard.sources.files.format import MOST_COLUMNS, ROWS_A_BATCH, Format, Opened, Tally
from wellheard.sources.files.naming import name_columns, text_schema
from wellheard.sources.files.stream import Unpacked, Utf8

DEEPEST = 20  # objects within objects
BATCH_CHARACTERS = 16 << 20


def open_json(path: Path, how: Format, looked_at: int | None = None) -> Opened:
    """The columns of a JSON file, found by reading all of it once, and the way to read it.

    Objects within objects become columns with dotted names, arrays become JSON text. For a preview `looked_at` bounds
    how many values are searched for columns; later ones are then left out. Raises BadInput when the file has
    no object, or more columns than a table has.
    """
    keys = _keys(path, how, looked_at)
    names, renames = name_columns(keys)
    schema = text_schema(names)

    def read(tally: Tally) -> Iterator[pa.RecordBatch]:
        numbers: list[int] = []
        rows: list[dict[str, str | None]] = []
        size = 0
        for element in _elements(path, how):
            row = _cells(element)
            if isinstance(row, str):
                tally.reject(row, element.raw)
                continue
            tally.good += 1
            numbers.append(tally.seen)
            rows.append(row)
            size += len(element.raw)
            if len(rows) >= ROWS_A_BATCH or size >= BATCH_CHARACTERS:
                yield _assemble(schema, keys, numbers, rows)
                numbers, rows, size = [], [], 0
        if rows:
            yield _assemble(schema, keys, numbers, rows)

    return Opened(schema, renames, read)


def _elements(path: Path, how: Format) -> Iterator[Element]:
    with Unpacked(path, how.compression) as stream:
        text = Utf8(stream, how.encoding or "utf-8")
        yield from Elements(text) if how.kind == "json" else lines(text)


def _keys(path: Path, how: Format, looked_at: int | None) -> list[str]:
    """The columns of all objects, in the order in which they first appear."""
    keys: dict[str, None] = {}
    reason = "it is an empty array" if how.kind == "json" else "it is empty"
    for element in islice(_elements(path, how), looked_at):
        row = _flatten(element)
        if isinstance(row, str):
            reason = f"its first value {row}" if not keys else reason
            continue
        keys.update((key, None) for key in row if key not in keys and not NOT_TEXT.search(key))
        if len(keys) > MOST_COLUMNS:
            raise BadInput(
                f"the objects have more than {MOST_COLUMNS:,} different keys",
                hint="Keys that are themselves data (dates, ids) belong into values; reshape the file.",
                place=Place(file=str(path)),
            )
    if not keys:
        raise BadInput(
            f"the file holds no JSON object with a key: {reason}",
            hint='Each row is one object, as in {"id": 1, "score": 9}.',
            place=Place(file=str(path)),
        )
    return list(keys)


def _flatten(element: Element) -> dict[str, object] | str:
    """The values of an object by dotted name, or why it is no row."""
    if element.reason:
        return element.reason
    if not isinstance(element.value, dict):
        return "is not a JSON object"
    values: dict[str, object] = {}
    return _fill(values, "", element.value, 0) or values


def _fill(values: dict[str, object], prefix: str, found: dict[str, object], depth: int) -> str:
    if depth > DEEPEST:
        return "is nested too deeply"
    for key, inner in found.items():
        name = prefix + key
        if isinstance(inner, dict):
            if problem := _fill(values, f"{name}.", inner, depth + 1):
                return problem
        elif name in values:
            return f"has two values for {name}"
        else:
            values[name] = inner
    return ""


def _cells(element: Element) -> dict[str, str | None] | str:
    """The cells of an object by dotted name, or why it is no row."""
    row = _flatten(element)
    if isinstance(row, str):
        return row
    cells = {name: _cell(value) for name, value in row.items()}
    # An escape can hide what the bytes of the file cannot hold.
    if "\\u" in element.raw:
        for name, text in cells.items():
            if NOT_TEXT.search(name) or (text and NOT_TEXT.search(text)):
                return "has a NUL character or a lone surrogate"
    return cells


def _cell(value: object) -> str | None:
    if isinstance(value, str):
        return str(value) or None
    return None if value is None else _json(value)


def _json(value: object) -> str:
    """The value as JSON text, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return str(encode_basestring(value))
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(key)}: {_json(inner)}" for key, inner in value.items()) + "}"
    return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]


def _assemble(
    schema: pa.Schema, keys: list[str], numbers: list[int], rows: list[dict[str, str | None]]
) -> pa.RecordBatch:
    texts = [pa.array([row.get(key) for row in rows], pa.string()) for key in keys]
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), *texts], schema=schema)
