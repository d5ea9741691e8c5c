"""Tells what a file is: by its first bytes, then by its text; its name decides only what the content leaves open."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

from wellheard.base.errors import BadCall, BadInput, Place
from wellheard.sources.files.encoding import find_encoding
from wellheard.sources.files.format import Compression, Format
from wellheard.sources.files.separator import find_decimal, find_delimiter, find_quote, refuse_data_as_names
from wellheard.sources.files.stream import Unpacked, Utf8, damaged, missing, sole_member
from wellheard.sources.files.workbook import choose_sheet

SAMPLE = 1 << 20  # bytes looked at
PACKED: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
)
STRANGE = {
    b"%PDF": "a PDF document",
    b"\xfd7zXZ": "packed with xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
ZIP, OLE, PARQUET = b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1"
JSON_START = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[{\]])")  # JSON is Unicode by its standard
JSON_NAMES = {".json", ".jsonl", ".ndjson"}


def detect(
    path: str | Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    header: bool | int = True,
) -> Format:
    """How the file at `path` is to be read.

    What is given is believed, the rest is found. `header` is True (the first row that is not empty holds the column
    names), False (no row does) or the number of the row that does. Raises BadInput when the file is missing, empty or
    nothing we read, Ambiguous when it can be read in more than one way.
    """
    path = Path(path)
    _check(delimiter)
    packing, head = _unpacking(path)
    if head.startswith((OLE, ZIP)):
        book = Format("excel", packing, header_row=int(header), sheet=sheet)
        return replace(book, sheet=choose_sheet(path, book))
    if head.startswith(PARQUET):
        return Format("parquet", packing)
    _refuse_strange(head, path)
    whole = len(head) < SAMPLE
    coded = find_encoding(head, path, given=encoding, whole=whole, unicode=JSON_START.match(head) is not None)
    text = _text(path, packing, coded.name)
    _refuse_page(text, path)
    if kind := _json_kind(text, path, whole):
        return Format(kind, packing, coded.name, coded.bom)  # type: ignore[arg-type]
    quote = find_quote(text)
    sign = delimiter or find_delimiter(text, quote, int(header), path, whole=whole)
    if header is True:
        refuse_data_as_names(text, sign, quote, path, whole=whole)
    decimal = find_decimal(text, sign, quote, whole=whole)
    return Format("csv", packing, coded.name, coded.bom, sign, quote, int(header), decimal=decimal)


def _check(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in "\"'\r\n "):
        raise BadCall(
            f"{delimiter!r} cannot part columns",
            hint="A delimiter is one character: a comma, a semicolon, a tab or a vertical bar.",
            field="delimiter",
        )


def _unpacking(path: Path) -> tuple[Compression | None, bytes]:
    """How the file is packed, and the first bytes of what is in it."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise missing(path, error) from error
    packing = next((name for magic, name in PACKED if head.startswith(magic)), None)
    if head.startswith(ZIP) and not _is_workbook(path):
        packing = "zip"
    with Unpacked(path, packing) as stream:
        sample = stream.read(SAMPLE)
    if not sample.strip(b"\r\n\t \xef\xbb\xbf\xff\xfe\0"):
        raise BadInput("the file is empty", hint="Check the export that made it.", place=Place(file=str(path)))
    return packing, sample


def _is_workbook(path: Path) -> bool:
    """Is this zip archive an Excel or OpenDocument workbook, and not a packed file?"""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
                return True
            sole_member(archive, path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise damaged(path, error) from error
    return False


def _refuse_strange(head: bytes, path: Path) -> None:
    nested = next((f"packed twice ({name} inside)" for magic, name in PACKED if head.startswith(magic)), None)
    what = nested or next((words for magic, words in STRANGE.items() if head.startswith(magic)), None)
    if what:
        raise BadInput(
            f"the file is {what}, not a table",
            hint="Unpack or export it as CSV, JSON lines, Parquet or Excel.",
            place=Place(file=str(path)),
        )


def _text(path: Path, packing: Compression | None, encoding: str) -> bytes:
    """The beginning of the file as UTF-8."""
    with Unpacked(path, packing) as stream:
        return Utf8(stream, encoding).read(SAMPLE)


def _refuse_page(text: bytes, path: Path) -> None:
    start = text[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise BadInput(
            "the file is a web page or XML, whatever its name says",
            hint="A download without being signed in often gives such a page; export it again as CSV or xlsx.",
            place=Place(file=str(path)),
        )


def _json_kind(text: bytes, path: Path, whole: bool) -> str | None:
    """jsonl, json (one array) or None for text that is not JSON."""
    start = text.lstrip()
    named = bool(JSON_NAMES & {suffix.lower() for suffix in path.suffixes[-2:]})
    if start.startswith(b"["):
        return "json" if named or start[1:].lstrip()[:1] in (b"{", b"]") else None
    if not start.startswith(b"{") and not named:
        return None
    lines = [line for line in start.splitlines()[:50] if line.strip()]
    objects = [_object(line) for line in lines]
    if sum(one is not None for one in objects) * 2 >= len(objects):
        if len(objects) == 1 and whole:
            _refuse_envelope(objects[0], path)
        return "jsonl"
    if whole and (page := _object(start)) is not None:
        _refuse_envelope(page, path)
        raise BadInput(
            "the file is one JSON object over several lines",
            hint="Write one object a line, or an array of objects.",
            place=Place(file=str(path)),
        )
    return "jsonl" if named else None


def _object(line: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_envelope(page: dict[str, object] | None, path: Path) -> None:
    """An answer of an API, whose rows lie in a list under some key, is not itself a row."""
    for key, value in (page or {}).items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            raise BadInput(
                f"the file is one object whose rows lie under {key!r}",
                hint=f"Save the list under {key!r} by itself, as a JSON array or one object a line.",
                place=Place(file=str(path)),
            )
