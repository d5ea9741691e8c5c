"""In which language a text is written: as declared where it is short, else as detected."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

SHORT = 15  # letters up to which detectors guess
SURE = 0.5  # the probability from which a detected language is believed against the declared one
SCRIPTS = (
    (0x3040, 0x30FF, "ja"), (0x4E00, 0x9FFF, "zh"), (0xAC00, 0xD7AF, "ko"), (0x0400, 0x04FF, "ru"),
    (0x0600, 0x06FF, "ar"),
    (0x0590, 0x05FF, "he"), (0x0900, 0x097F, "hi"), (0x0E00, 0x0E7F, "th"), (0x0370, 0x03FF, "el"),
)  # fmt: skip
_lock = threading.Lock()


@cache
def _detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detected(text: str) -> tuple[str, float]:
    """The most likely language by its two letters, with its probability."""
    with _lock:
        found, sure = _detector().classify(text)
    return str(found), float(sure)


def language_of(text: str, declared: str | None = None, expected: str = "en") -> str:
    """The language of a plain text: `declared`, such as `pt-BR`, holds for short texts and against a weak guess.

    A short text of which nothing is declared counts as `expected`, the workspace's language.
    """
    said = declared.replace("_", "-").split("-")[0].strip().lower() if declared else None
    if sum(c.isalpha() for c in text) <= SHORT:
        return said or (_script(text) or expected)
    found, sure = detected(text)
    if sure >= SURE or said is None:
        return found if sure >= SURE else said or expected
    return said


def _script(text: str) -> str | None:
    """The language that a script alone betrays."""
    for letter in text:
        for first, last, language in SCRIPTS:
            if first <= ord(letter) <= last:
                return language
    return None
