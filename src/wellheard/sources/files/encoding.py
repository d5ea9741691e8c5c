"""Tells how the characters of a file are written, from a bounded sample of its bytes."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from wellheard.base.errors import Ambiguous, BadCall, BadInput, Place

MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
JUDGED = 64 << 10  # bytes
NATURAL = 0.97  # share of its signs beyond ASCII that must make sense for a text to pass as Western European
FEW_LINES = 0.05  # bytes that make no sense in fewer lines than this are damage, not an encoding
CONTROLS = bytes(sorted(set(range(32)) - set(b"\t\n\r\f\x1a")))  # that no text holds
SIGNS = set("€‚„…‘’“”•–—™\u00a0¡¢£¥§©«®°²³´·¹º»¼½¾¿ª×÷±µ¶‰‹›")
INSIDE = set("’´·–—…\u00a0")  # signs that may stand between two letters
ELSEWHERE = set("ÐÞðþÿŠŽšžƒˆ˜†‡")  # in Western text rare; the bytes of other code pages' frequent letters


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and whether the file begins with a byte order mark."""

    name: str
    bom: bool


def find_encoding(
    sample: bytes, path: Path, *, given: str | None = None, whole: bool = False, unicode: bool = False
) -> Encoding:
    """The encoding of a text file from its first bytes; `whole` says that the sample is all of it, `unicode` that the
    file can be nothing but Unicode.

    UTF-8 and UTF-16 are recognised for certain. Bytes that are neither pass as Windows Western (cp1252, which holds
    Latin-1) when they make sense as such; otherwise raises Ambiguous with what they could be.
    """
    marked = next(((mark, name) for mark, name in MARKS if sample.startswith(mark)), None)
    if given is not None:
        return _named(given, marked[1] if marked else None)
    if marked:
        return Encoding(marked[1], True)
    wide = _wide(sample)
    if wide:
        return Encoding(wide, False)
    good, bad = _utf8(sample, whole)
    if not bad or good >= bad or unicode:
        return Encoding("utf-8", False)
    return _eight_bit(sample, path)


def _named(given: str, marked: str | None) -> Encoding:
    try:
        codec = codecs.lookup(given)
        "a".encode(given)
    except (LookupError, UnicodeError, TypeError) as error:
        raise BadCall(
            f"there is no text encoding called {given!r}",
            hint="Common ones: utf-8, cp1252, latin-1, utf-16, cp1250, cp1251, shift_jis, gb18030.",
            field="encoding",
        ) from error
    name = {"utf-8-sig": "utf-8", "utf-16": marked or "utf-16-le", "utf-32": marked or "utf-32-le"}.get(
        codec.name, codec.name
    )
    return Encoding(name, name == marked)


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of its ASCII signs is NUL.

    Text of other scripts has few ASCII signs, but its line ends are such, and it is not UTF-8.
    """
    pairs = len(sample) // 2
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    for name, here, there, end in (("utf-16-le", odd, even, b"\n\0"), ("utf-16-be", even, odd, b"\0\n")):
        mostly_latin = here > 0.3 * pairs and pairs > 1
        other_script = here > 0.02 * pairs and end in sample and _utf8(sample, whole=False)[1] > 0
        if there <= 0.05 * here and (mostly_latin or other_script):
            return name
    return None


def _utf8(sample: bytes, whole: bool) -> tuple[int, int]:
    """How many characters beyond ASCII are right UTF-8, and how many bytes are not."""
    cut = sample if whole else sample[: len(sample) - _begun(sample)]
    text = cut.decode("utf-8", "surrogateescape")
    bad = sum(1 for sign in text if "\udc80" <= sign <= "\udcff") if not text.isascii() else 0
    return sum(1 for sign in text if sign > "\x7f") - bad, bad


def _begun(sample: bytes) -> int:
    """Bytes at the end of a sample that begin a character which the sample cuts off."""
    for back in range(1, min(4, len(sample)) + 1):
        byte = sample[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0


def _eight_bit(sample: bytes, path: Path) -> Encoding:
    if len(sample.translate(None, CONTROLS)) < 0.99 * len(sample):
        raise BadInput(
            "the file is neither text nor a table we know",
            hint="Export it as CSV, JSON lines, Parquet or Excel.",
            place=Place(file=str(path)),
        )
    lines = sample.splitlines()
    strange = [line for line in lines if not line.isascii()]
    if _western(b"\n".join(strange)[:JUDGED]):
        return Encoding("cp1252", False)
    if len(lines) >= 4 and len(strange) <= max(1, FEW_LINES * len(lines)):
        return Encoding("utf-8", False)  # their rows are refused one by one, with the reason
    guesses = _guesses(b"\n".join(strange)[:JUDGED])
    raise Ambiguous(
        f"the file is not UTF-8, and its bytes could be {' or '.join(guesses) or 'several encodings'}",
        hint="Name the encoding, for example cp1252 (Western Windows), cp1250 (Central European) or cp1251 (Cyrillic).",
        field="encoding",
        place=Place(file=str(path)),
    )


def _guesses(sample: bytes) -> list[str]:
    matches = charset_normalizer.from_bytes(sample, enable_fallback=False)
    return list(dict.fromkeys(match.encoding for match in matches))[:3]


def _western(sample: bytes) -> bool:
    """Does the sample make sense as Windows Western text?"""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    judged = list(_judge(text))
    return bool(judged) and sum(judged) >= NATURAL * len(judged)


def _judge(text: str) -> Iterator[bool]:
    """For each sign beyond ASCII, whether it stands where Western European text would have it."""
    for word in _words(text):
        plain = sum(1 for sign in word if sign.isascii())
        for at, sign in enumerate(word):
            if sign.isascii():
                continue
            rises = at > 0 and word[at - 1].islower() and sign.isupper()
            # Portuguese has õ before e alone; elsewhere it is Hungarian's ő.
            misplaced = sign in ELSEWHERE or (sign in "õÕ" and word[at + 1 : at + 2] not in ("e", "E"))
            yield not misplaced and not rises and (len(word) == 1 or 3 * plain >= len(word))
    padded = f" {text} "
    for before, sign, after in zip(padded, padded[1:], padded[2:], strict=False):
        if not sign.isascii() and not _letter(sign):
            joined = _letter(before) and _letter(after) and sign not in INSIDE
            tail = sign in "¹³¿¡" and _letter(before) and before != "m"
            yield sign in SIGNS and not joined and not tail


def _letter(sign: str) -> bool:
    return unicodedata.category(sign) in {"Lu", "Ll"}


def _words(text: str) -> Iterator[str]:
    word: list[str] = []
    for sign in f"{text} ":
        if _letter(sign):
            word.append(sign)
        elif word:
            yield "".join(word)
            word = []
