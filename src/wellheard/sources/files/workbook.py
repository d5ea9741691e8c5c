"""Reads a sheet of an Excel or OpenDocument workbook. Cells arrive as the text they stand for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import python_calamine as calamine

from wellheard.base.errors import Ambiguous, BadInput, Place, Unknown
from wellheard.sources.files.format import ROWS_A_BATCH, Format, Opened, Tally
from wellheard.sources.files.naming import name_columns, numbered, text_schema
from wellheard.sources.files.stream import damaged, refuse_bomb, seekable


def open_workbook(path: Path, how: Format) -> Opened:
    """The columns of a sheet and the way to read it.

    Dates and times arrive in ISO form, durations in seconds, integers without a fraction, booleans as true and false,
    error cells (#N/A) empty. Rows without any value are no rows. Raises BadInput, Unknown or Ambiguous as
    `choose_sheet` does.
    """
    sheet = _sheet(path, how)
    header = next(_rows(sheet, how), None)
    if header is None:
        raise BadInput(
            f"the sheet has no row {how.header_row or 1} to take the column names from",
            hint="It is empty; choose another sheet.",
            place=Place(file=str(path)),
        )
    names, renames = name_columns([text or "" for text in header]) if how.header_row else (numbered(len(header)), ())
    schema = text_schema(names)

    def read(tally: Tally) -> Iterator[pa.RecordBatch]:
        numbers: list[int] = []
        kept: list[list[str | None]] = []
        for row in islice(_rows(sheet, how), 1 if how.header_row else 0, None):
            if any(text and "\0" in text for text in row):
                tally.reject("has a NUL character", "\t".join(text or "" for text in row))
                continue
            tally.good += 1
            numbers.append(tally.seen)
            kept.append(row)
            if len(kept) >= ROWS_A_BATCH:
                yield _assemble(schema, numbers, kept)
                numbers, kept = [], []
        if kept:
            yield _assemble(schema, numbers, kept)

    return Opened(schema, renames, read)


def choose_sheet(path: Path, how: Format) -> str:
    """The sheet to read: the one that is named, else the only one that holds anything and is not hidden.

    Raises Unknown when there is no such sheet, Ambiguous when several hold something, BadInput when none does.
    """
    with seekable(path, how.compression) as file:
        return _choose(_load(path, file), path, how.sheet)


def _choose(book: Any, path: Path, wanted: str | None) -> str:
    place = Place(file=str(path))
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
    names = [sheet.name for sheet in sheets]
    if wanted is not None:
        if wanted in names:
            return wanted
        raise Unknown(f"there is no sheet {wanted!r}", hint=f"It has: {', '.join(names)}.", field="sheet", place=place)
    shown = [sheet.name for sheet in sheets if sheet.visible == calamine.SheetVisibleEnum.Visible]
    filled = shown if len(shown) == 1 else [name for name in shown if _filled(book, name)]
    if len(filled) == 1:
        return str(filled[0])
    if not filled:
        raise BadInput("the workbook has no sheet with any content", hint="Check the export.", place=place)
    raise Ambiguous(
        f"the workbook has {len(filled)} sheets with content: {', '.join(filled)}",
        hint="Name the one to read.",
        field="sheet",
        place=place,
    )


def _filled(book: Any, name: str) -> bool:
    return any(value != "" for row in book.get_sheet_by_name(name).iter_rows() for value in row)


def _load(path: Path, file: str | BinaryIO | Any) -> Any:
    refuse_bomb(path, file)
    try:
        return calamine.load_workbook(file)
    except calamine.PasswordError as error:
        raise BadInput(
            "the workbook is locked with a password", hint="Save it without one.", place=Place(file=str(path))
        ) from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise damaged(path, error) from error


def _sheet(path: Path, how: Format) -> Any:
    """The sheet with its cells; a workbook is held in memory as a whole."""
    with seekable(path, how.compression) as file:
        book = _load(path, file)
        try:
            return book.get_sheet_by_name(_choose(book, path, how.sheet))
        except calamine.CalamineError as error:
            raise damaged(path, error) from error


def _rows(sheet: Any, how: Format) -> Iterator[list[str | None]]:
    """The rows that hold anything, from the header row on."""
    number = 0
    for cells in sheet.iter_rows():
        row = [_text(value) for value in cells]
        if any(row):
            number += 1
            if number >= how.header_row:
                yield row


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return _number(value.total_seconds())
    return str(value)


def _number(value: float) -> str:
    """The number without exponent, and without a fraction where it has none."""
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def _assemble(schema: pa.Schema, numbers: list[int], kept: list[list[str | None]]) -> pa.RecordBatch:
    texts = [pa.array(list(column), pa.string()) for column in zip(*kept, strict=True)]
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), *texts], schema=schema)
