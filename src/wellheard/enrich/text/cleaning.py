"""What becomes of a text before a model reads it, and which texts say nothing. Training cleans alike."""

from __future__ import annotations

import html
import re
import unicodedata

from wellheard.enrich.text.emoji import emoji_to_words
from wellheard.enrich.text.masking import MARKS, mask

LONGEST = 5_000  # characters that are read; what follows is left out
LONG = 220  # characters from which on a text is read sentence by sentence
NOTHING = frozenset({
    "", "n a", "na", "nil", "none", "nothing", "no", "no comment", "no comments", "null", "nan", "not applicable", "x",
    "xx", "xxx", "test", "testing", "nope", "nothing to say", "nothing to add", "no remarks", "same", "same as above",
    "see above", "as above", "keine", "nichts", "rien", "nada", "ninguno", "nenhum", "niente", "no reply",
})  # fmt: skip
_SPACE = re.compile(r"\s+")
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONG_RUN = re.compile(r"([^\W\d_]|[!?.])\1{3,}")
_LETTERS = re.compile(r"[^\W\d_]")
_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]?[^\W\d_a-z])|\n+|(?<=[。！？])")
_MARK = re.compile("|".join(re.escape(mark) for mark in MARKS))


def plain(text: str) -> str:
    """The text as it may be kept and shown: HTML entities read, hidden signs gone, personal data masked."""
    text = html.unescape(text[: 2 * LONGEST])
    text = unicodedata.normalize("NFKC", text).translate({0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"'})
    return mask(_SPACE.sub(" ", _HIDDEN.sub("", text)).strip()[:LONGEST])


def for_model(text: str) -> str:
    """What the model sees of a plain text: emoji as words, long runs of one letter cut to three."""
    return _SPACE.sub(" ", _LONG_RUN.sub(r"\1\1\1", emoji_to_words(text))).strip()


def says_nothing(text: str) -> bool:
    """Whether a plain text has no content: 'n/a', '-', digits only, masked data only. An emoji is content."""
    words = _MARK.sub(" ", emoji_to_words(text))
    if not _LETTERS.search(words):
        return True
    return _SPACE.sub(" ", re.sub(r"[\W_]+", " ", words)).strip().lower() in NOTHING


def sentences(text: str) -> list[str]:
    """A plain text's sentences, each with a letter or an emoji in it; a short text is one."""
    if len(text) <= LONG:
        return [text]
    parts = [part.strip() for part in _END.split(text)]
    return [part for part in parts if _LETTERS.search(emoji_to_words(part))] or [text]
