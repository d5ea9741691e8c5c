"""Cuts delimited text into rows and cells, exactly.

The grammar is RFC 4180 with what files really hold: any of LF, CR LF and CR ends a row, an empty line is no row, blanks
may stand around a quoted cell, and a quote inside an unquoted cell is a character like any other. A quoted cell that is
never closed, or that goes on after its closing quote, spoils only the line it began on: reading goes on with the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wellheard.sources.files.format import LARGEST_ROW

NO_DELIMITER = b"\x1f"  # the unit separator: stands where each line is one cell
NEWLINE = re.compile(rb"[\r\n]")
NEVER_CLOSED = "a quoted cell is never closed"
GOES_ON = "a quoted cell goes on after its closing quote"
TOO_LONG = f"is longer than {LARGEST_ROW >> 20} MB"


class Row(NamedTuple):
    """One row: its cells, or None and why; its bytes without the line end; and where the next row starts."""

    cells: list[bytes] | None
    raw: bytes
    reason: str
    next: int


@dataclass(frozen=True)
class Grammar:
    """The patterns for one delimiter and quote."""

    delimiter: bytes
    quote: bytes
    quoted: re.Pattern[bytes]
    plain: re.Pattern[bytes]


@cache
def grammar(delimiter: str | None, quote: str) -> Grammar:
    """The patterns for a delimiter and a quote, one ASCII character each; no delimiter means one cell a line."""
    sign, mark = (delimiter.encode() if delimiter else NO_DELIMITER), quote.encode()
    d, q = re.escape(sign), re.escape(mark)
    # Possessive repeats never go back, so that a hostile cell costs no more than its length.
    quoted = rb" *+" + q + rb"([^" + q + rb"]*+(?:" + q + q + rb"[^" + q + rb"]*+)*+)" + q + rb" *+"
    return Grammar(sign, mark, re.compile(quoted), re.compile(rb"[^" + d + rb"\r\n]*+"))


def split_rows(data: bytes, how: Grammar, *, last: bool) -> Iterator[Row]:
    """The rows of `data` that are complete; with `last` the end of the data ends a row too."""
    position, size = 0, len(data)
    while position < size:
        end = NEWLINE.search(data, position)
        stop = end.start() if end else size
        following = _after(data, stop)
        if stop == position:
            position = following
            continue
        if end is None and not last:
            if size - position > LARGEST_ROW:
                yield Row(None, data[position:size], TOO_LONG, size)
            return
        row = _row(data, position, stop, following, how, last)
        if row is None:
            return
        yield row
        position = row.next


def _row(data: bytes, start: int, stop: int, following: int, how: Grammar, last: bool) -> Row | None:
    line = data[start:stop]
    if len(line) > LARGEST_ROW:
        return Row(None, line, TOO_LONG, following)
    if how.quote not in line:
        return Row(line.split(how.delimiter), line, "", following)
    read = _cells(data, start, how, last)
    if read is None and len(data) - start <= LARGEST_ROW:
        return None
    if read is None or isinstance(read, str):
        return Row(None, line, read or NEVER_CLOSED, following)
    cells, end = read
    if end - start > LARGEST_ROW:
        return Row(None, line, TOO_LONG, following)
    return Row(cells, data[start:end], "", _after(data, end))


def _after(data: bytes, stop: int) -> int:
    """Where the next row starts when one stops here."""
    return stop + 2 if data[stop : stop + 2] == b"\r\n" else min(stop + 1, len(data))


def _cells(data: bytes, position: int, how: Grammar, last: bool) -> tuple[list[bytes], int] | str | None:
    """The cells of a row and its end, or why it is none, or None when more data is needed to tell."""
    cells: list[bytes] = []
    while True:
        quoted = how.quoted.match(data, position)
        if quoted:
            cells.append(quoted[1].replace(how.quote * 2, how.quote))
            end = quoted.end()
        else:
            plain = how.plain.match(data, position)
            end = plain.end() if plain else position
            cells.append(data[position:end])
            if cells[-1].lstrip(b" ").startswith(how.quote):
                return NEVER_CLOSED if last else None
        sign = data[end : end + 1]
        if not sign:
            return (cells, end) if last else None
        if sign in b"\r\n":
            return cells, end
        if sign != how.delimiter:
            return GOES_ON
        position = end + 1


class Layout(NamedTuple):
    """Where rows end in a block whose quotes all stand at the borders of cells, and whether it breaks off in a cell.

    `ends` are the offsets just after each row's line end, `folded` says that some cell holds a line end.
    """

    ends: NDArray[np.int64]
    folded: bool
    open: bool


def lay_out(data: bytes, how: Grammar) -> Layout | None:
    """Finds the row ends of a block by counting quotes, or None when a quote stands where only `split_rows` can judge.

    Where every odd quote follows a border (or another quote) and every even one precedes a border (or another quote),
    the number of quotes before a place tells whether it is inside a cell.
    """
    block = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(block == 10) + 1
    if b"\r" in data:
        lone = np.flatnonzero(block[:-1] == 13) + 1
        ends = np.union1d(ends, lone[block[lone] != 10])
    if how.quote not in data:
        return Layout(ends, False, False)
    quotes = np.flatnonzero(block == how.quote[0])
    border = np.zeros(256, dtype=bool)
    border[[how.delimiter[0], 10, 13, how.quote[0]]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    before = border[block[opening[opening > 0] - 1]]
    after = border[block[closing[closing < len(block) - 1] + 1]]
    if not (before.all() and after.all()):
        return None
    outside = np.searchsorted(quotes, ends) % 2 == 0
    return Layout(ends[outside], not bool(outside.all()), len(quotes) % 2 == 1)
