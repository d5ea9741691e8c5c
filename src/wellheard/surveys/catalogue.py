"""Finds the question types: each is a folder in `surveys/questions/`, and no list of them is kept anywhere."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from wellheard.base.errors import Unknown
from wellheard.surveys.question import QuestionType
from wellheard.surveys.words import LANGUAGES, Standard, standard

FOLDER = Path(__file__).parent / "questions"
PARTS = ("question.py", "page.html", "widget.js", "words.toml")


@cache
def question_types() -> dict[str, QuestionType]:
    """Every question type by its name. Raises TypeError for a folder without `QUESTION`."""
    found: dict[str, QuestionType] = {}
    for folder in sorted(path.parent for path in FOLDER.glob("*/question.py")):
        module = importlib.import_module(f"wellheard.surveys.questions.{folder.name}.question")
        value = getattr(module, "QUESTION", None)
        if not isinstance(value, QuestionType):
            raise TypeError(f"{module.__name__}.QUESTION is no QuestionType")
        found[folder.name] = value
    return found


def question_type(name: str) -> QuestionType:
    """The type of a name. Raises Unknown naming those that there are."""
    if name not in question_types():
        raise Unknown(
            f"there is no question type {name!r}", hint=f"there are {', '.join(question_types())}", field="type"
        )
    return question_types()[name]


def part_of(name: str, part: str) -> Path:
    """One of the files in the folder of a type."""
    return FOLDER / name / part


@cache
def standard_words(name: str) -> Standard:
    """The standard words of a type."""
    return standard(part_of(name, "words.toml"))


def missing_words(languages: Iterable[str] = tuple(LANGUAGES)) -> dict[str, dict[str, tuple[str, ...]]]:
    """By type and language, the keys of the standard words that a language has not, so that English stands there."""
    return {
        name: {language: keys for language in languages if (keys := standard_words(name).missing(language))}
        for name in question_types()
    }
