"""Finds the delimiter, the quote and the decimal sign of delimited text, from a bounded sample in UTF-8."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from wellheard.base.errors import Ambiguous, Place
from wellheard.sources.files.rows import grammar, split_rows

DELIMITERS = (",", ";", "\t", "|")
WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
ROWS = 1000  # rows looked at
CLOSE = 0.02  # two readings whose shares of fitting rows differ by less are equally good
SINGLE_QUOTED = re.compile(rb"^\s*'[^'\r\n]*'(?:[,;\t|]'[^'\r\n]*')*\s*(?:[\r\n]|$)")
WITH_COMMA = re.compile(r"[-+]?(?:\d+,(?:\d{1,2}|\d{4,})|\d{1,3}(?:\.\d{3})+,\d+)")
WITH_POINT = re.compile(r"[-+]?(?:\d+\.(?:\d{1,2}|\d{4,})|\d{1,3}(?:,\d{3})+\.\d+)")


class Reading(NamedTuple):
    """How one delimiter would read the sample: fields in the header, share of the other rows that have as many."""

    delimiter: str
    width: int
    share: float


def find_quote(sample: bytes) -> str:
    """A single quote where every cell of the first row stands in such, else the double quote."""
    return "'" if SINGLE_QUOTED.match(sample) else '"'


def find_delimiter(sample: bytes, quote: str, header_row: int, path: Path, *, whole: bool) -> str | None:
    """The delimiter under which the rows agree with the header, None where each line is one cell.

    Raises Ambiguous when two delimiters fit equally well, or when the first row is a title above the table.
    """
    tables = {sign: _widths(sample, sign, quote, whole)[max(header_row - 1, 0) :] for sign in DELIMITERS}
    readings = [_judge(sign, widths) for sign, widths in tables.items() if widths and widths[0] > 1]
    if not readings:
        _refuse_title(tables, path)
        # A first row that is broken under a delimiter is no single cell: its reader says what is wrong with it.
        return next((sign for sign, widths in tables.items() if widths and not widths[0]), None)
    best = max(readings, key=lambda reading: (reading.share, reading.width))
    rivals = [
        other
        for other in readings
        if other is not best and best.share - other.share < CLOSE and best.width < 2 * other.width
    ]
    if rivals:
        told = " or ".join(f"{WORDS[one.delimiter]} ({one.width} columns)" for one in (best, *rivals))
        raise Ambiguous(
            f"the columns could be parted by {told}",
            hint="Name the delimiter.",
            field="delimiter",
            place=Place(file=str(path)),
        )
    return best.delimiter


def _widths(sample: bytes, delimiter: str, quote: str, whole: bool) -> list[int]:
    rows = islice(split_rows(sample, grammar(delimiter, quote), last=whole), ROWS)
    return [len(row.cells) if row.cells else 0 for row in rows]


def _judge(delimiter: str, widths: list[int]) -> Reading:
    header, *body = widths
    return Reading(delimiter, header, sum(1 for width in body if width == header) / len(body) if body else 1.0)


def _refuse_title(tables: dict[str, list[int]], path: Path) -> None:
    for sign, (_, *body) in ((sign, widths) for sign, widths in tables.items() if len(widths) > 3):
        width, count = Counter(body).most_common(1)[0]
        if width > 1 and count == len(body):
            raise Ambiguous(
                f"the first row is one cell, the others have {width} fields parted by {WORDS[sign]}",
                hint="Say which row holds the column names (header row 2 if the first is a title), or the delimiter.",
                field="header_row",
                place=Place(file=str(path), row=1),
            )


def find_decimal(sample: bytes, delimiter: str | None, quote: str, *, whole: bool) -> str | None:
    """The decimal sign of the sample's numbers; None when it holds none, or both kinds.

    Where a comma parts the columns, `1,5` in quotes may as well be a list: then it is no evidence for a comma.
    """
    comma = point = 0
    for row in islice(split_rows(sample, grammar(delimiter, quote), last=whole), 1, ROWS):
        for cell in row.cells or ():
            text = cell[:40].strip().decode(errors="replace")
            comma += bool(WITH_COMMA.fullmatch(text))
            point += bool(WITH_POINT.fullmatch(text))
    if bool(comma) == bool(point) or (comma and delimiter == ","):
        return None
    return "," if comma else "."


def refuse_data_as_names(sample: bytes, delimiter: str | None, quote: str, path: Path, *, whole: bool) -> None:
    """Raises Ambiguous when the first row holds figures and not one letter: it could be data, and would be lost."""
    row = next(split_rows(sample, grammar(delimiter, quote), last=whole), None)
    text = b" ".join(row.cells).decode(errors="replace") if row and row.cells else ""
    if any(sign.isdigit() for sign in text) and not any(sign.isalpha() for sign in text):
        raise Ambiguous(
            f"the first row ({text[:60]}) looks like data, not like column names",
            hint="Say that the file has no header, or that row 1 is the header.",
            field="header",
            place=Place(file=str(path), row=1),
        )
