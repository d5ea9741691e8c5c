"""Cuts JSON text into its values: lines, or elements of an array. What cannot be parsed spoils only itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from wellheard.sources.files.format import LARGEST_ROW, SHOWN
from wellheard.sources.files.stream import Bytes

CHUNK = 1 << 20
BLANK = re.compile(r"[ \t\r\n\ufeff]*+")
BETWEEN = re.compile(r"[ \t\r\n,]*+")
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*+"|[\[\]{},]', re.DOTALL)
OPEN_TOKEN = re.compile(TOKEN.pattern + r'|"(?:[^"\\\n]|\\.)*+\\?\Z', re.DOTALL)  # or a string that goes on
NOT_TEXT = re.compile("[\0\ud800-\udfff]")
TOO_LONG = f"is longer than {LARGEST_ROW >> 20} MB"
NOT_UTF8 = "has bytes that are not text in the file's encoding"
NEVER_CLOSED = "the array is never closed; the file may be cut off"


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class Element(NamedTuple):
    """One value, or why there is none; `raw` is its text."""

    value: object
    raw: str
    reason: str


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse_constant)


def parse(text: str) -> Element:
    """The value of a text."""
    try:
        return Element(DECODER.decode(text), text, "")
    except (ValueError, RecursionError) as error:
        return Element(None, text, _why(error))


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is broken JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return f"is broken JSON: {error}"


def lines(stream: Bytes) -> Iterator[Element]:
    """The value of each line that is not blank."""
    rest, skipping = b"", False
    while chunk := stream.read(CHUNK):
        whole = (rest + chunk).splitlines()
        rest = b"" if chunk.endswith((b"\n", b"\r")) else whole.pop()
        for line in whole:
            if skipping:
                skipping = False
            elif line.strip():
                yield _line(line)
        if len(rest) > LARGEST_ROW:
            if not skipping:
                yield Element(None, rest[: 4 * SHOWN].decode(errors="replace"), TOO_LONG)
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield _line(rest)


def _line(line: bytes) -> Element:
    try:
        return parse(line.decode().strip())
    except UnicodeDecodeError:
        return Element(None, line[: 4 * SHOWN].decode(errors="replace"), NOT_UTF8)


class Elements:
    """The elements of the one array in a stream."""

    def __init__(self, stream: Bytes) -> None:
        self._stream = stream
        self._undecoded = b""
        self._text = ""
        self._at = 0
        self._ended = False
        self._lost = False  # the brackets of the last element do not close: the array's own may lie within it

    def __iter__(self) -> Iterator[Element]:
        self._more()
        self._at = BLANK.match(self._text).end() + 1  # type: ignore[union-attr]
        while True:
            self._at = BETWEEN.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at >= len(self._text):
                if self._more():
                    continue
                if self._lost:
                    return
                yield Element(None, "", NEVER_CLOSED)
                return
            if self._text[self._at] == "]":
                yield from self._after()
                return
            element = self._next()
            if element is not None:
                yield element

    def _next(self) -> Element | None:
        """The element that begins here, or None when more text was needed and has now been read."""
        try:
            value, end = DECODER.raw_decode(self._text, self._at)
        except (ValueError, RecursionError) as error:
            return self._broken(error)
        if end >= len(self._text) and self._more():  # a number may go on
            return None
        raw = self._text[self._at : end]
        self._at = end
        return Element(None, raw, NOT_UTF8) if NOT_TEXT.search(raw) else Element(value, raw, "")

    def _broken(self, error: Exception) -> Element | None:
        may_grow = not self._ended and len(self._text) - self._at <= LARGEST_ROW
        end = self._end(OPEN_TOKEN if may_grow else TOKEN)
        if end >= len(self._text) and may_grow:
            self._more()
            return None
        self._lost = end >= len(self._text)
        raw = self._text[self._at : end]
        too_long = len(raw) > LARGEST_ROW
        self._at = max(end, self._at + 1)
        reason = TOO_LONG if too_long else NOT_UTF8 if NOT_TEXT.search(raw) else _why_here(error)
        return Element(None, raw, reason)

    def _end(self, tokens: re.Pattern[str]) -> int:
        """Where the element that begins here ends, by its brackets; at the end of the text when they stay open."""
        inside: list[str] = []
        for token in tokens.finditer(self._text, self._at):
            sign = token[0]
            if sign in "[{":
                inside.append(sign)
            elif not inside and sign in ",]}":
                return token.end() if sign == "}" else token.start()
            elif sign in "]}" and (opened := "[" if sign == "]" else "{") in inside:
                while inside.pop() != opened:
                    pass
                if not inside:
                    return token.end()
        return len(self._text)

    def _after(self) -> Iterator[Element]:
        self._at += 1
        while len(self._text) - self._at < SHOWN and self._more():
            pass
        if tail := self._text[self._at :].strip():
            yield Element(None, tail[:SHOWN], "stands after the end of the array")

    def _more(self) -> bool:
        """Reads on, and forgets what is used; False at the end of the file."""
        chunk = b"" if self._ended else self._stream.read(CHUNK)
        if not chunk and self._ended:
            return False
        data = self._undecoded + chunk
        self._ended = not chunk
        cut = len(data) if self._ended else _whole(data)
        self._undecoded = data[cut:]
        self._text = self._text[self._at :] + data[:cut].decode("utf-8", "surrogateescape")
        self._at = 0
        return bool(data[:cut]) or self._more()


def _why_here(error: Exception) -> str:
    """As `_why`, without a place: within an array it would count from the beginning of what was read."""
    return f"is broken JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else _why(error)


def _whole(data: bytes) -> int:
    """How much of the data is whole characters."""
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] < 0x80:
            return len(data)
        if data[-back] >= 0xC0:
            return len(data) - back
    return len(data)
