"""The words of questions and pages by language: those that a survey gives, else the standard ones, else English."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ENGLISH = "en"
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "it": "Italiano",
    "nl": "Nederlands",
    "pl": "Polski",
    "tr": "Türkçe",
    "ar": "العربية",
    "ja": "日本語",
    "hi": "हिन्दी",
}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
INTERFACE = Path(__file__).parent / "interface.toml"

Words = Mapping[str, str]


@dataclass(frozen=True)
class Standard:
    """The standard words of a question type, or of the pages: by language, with their version.

    `read_by_natives` names the languages that a native speaker has read.
    """

    version: str
    read_by_natives: tuple[str, ...]
    by_language: Mapping[str, Words]

    def in_language(self, language: str) -> Words:
        """The words of a language; where one is missing, the English one."""
        return {**self.by_language[ENGLISH], **self.by_language.get(language, {})}

    def missing(self, language: str) -> tuple[str, ...]:
        """The keys of which a language has no words, so that English stands there."""
        own = self.by_language.get(language, {})
        return tuple(key for key, text in self.by_language[ENGLISH].items() if text and key not in own)


@cache
def standard(path: Path) -> Standard:
    """The words of a file: `version`, `read_by_natives`, and a table for every language."""
    told = tomllib.loads(path.read_text("utf-8"))
    by_language = {name: value for name, value in told.items() if isinstance(value, dict)}
    return Standard(str(told["version"]), tuple(told["read_by_natives"]), by_language)


def interface(language: str) -> Words:
    """The words of buttons, notes and errors on the page and in the widget."""
    return standard(INTERFACE).in_language(language)


def direction(language: str) -> str:
    """How a language is written, as HTML's `dir` takes it."""
    return "rtl" if language.split("-")[0] in RIGHT_TO_LEFT else "ltr"


def resolved(base: Standard, own: Mapping[str, Words], language: str, first: str) -> Words:
    """A question's words in a language.

    A word that the survey gives in any language replaces the standard one in all: a translation of another sentence
    would be another question. Where the survey has it not in this language, its `first` language stands.
    """
    words = dict(base.in_language(language))
    for key in {key for given in own.values() for key in given}:
        for candidate in (language, first, ENGLISH, *own):
            if key in own.get(candidate, {}):
                words[key] = own[candidate][key]
                break
    return words


def wording_version(type_name: str, base: Standard, own: Mapping[str, Words], words: Words) -> str:
    """What names a wording for ever: the standard's version, or the mark of the words that the survey gave itself."""
    if not any(own.values()):
        return f"{type_name}-{base.version}"
    text = "\n".join(f"{key}={words[key]}" for key in sorted(words))
    return f"own-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
