"""What a question type is: what it measures, how an answer to it is read, and what a page or widget shows of it."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from wellheard.base.errors import BadCall

Direction = Literal["high_is_good", "low_is_good"]
Outcome = Literal["low", "middle", "high"]
OUTCOMES: tuple[Outcome, ...] = ("low", "middle", "high")
LONGEST_TEXT = 4_000  # characters of one open answer
KEPT_CONTROLS = frozenset("\n\t")


class BadAnswer(BadCall):
    """An answer that a question does not take; `word` is the key under which surveys/interface.toml says so."""

    code = "bad_answer"

    def __init__(self, question_id: str, word: str, message: str) -> None:
        self.word = word
        super().__init__(message, hint="answer as the question offers", field=question_id)


@dataclass(frozen=True)
class Scale:
    """The numbers from `low` to `high` that an answer may be, and whether a high one is good news."""

    low: int
    high: int
    direction: Direction = "high_is_good"


@dataclass(frozen=True)
class Answer:
    """What an answer says, under the names of the columns of `survey_responses`.

    `anchors` are the words at the two ends of the scale as they were read; they travel in `attributes`.
    """

    question_id: str
    kind: str
    main: bool
    question_version: str
    score: int | None = None
    scale_min: int | None = None
    scale_max: int | None = None
    direction: Direction | None = None
    choice: str | None = None
    task_success: bool | None = None
    comment: str | None = None
    anchors: str | None = None

    def fields(self) -> dict[str, Any]:
        """The row's columns; what was not said is left out."""
        named = {name: value for name, value in vars(self).items() if name != "anchors" and value is not None}
        return named | ({"attributes": {"anchors": self.anchors}} if self.anchors else {})


class Options(BaseModel):
    """What a survey may settle about a question of one type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Asked:
    """A question of a survey as one person reads it: `words` are those of one language, by their keys."""

    id: str
    options: Any
    words: Mapping[str, str]
    version: str
    main: bool = False
    required: bool = False

    def word(self, key: str) -> str:
        """The words under a key; empty where there are none."""
        return self.words.get(key, "")


@dataclass(frozen=True)
class Example:
    """What somebody may send, and what its rows must hold; None where it is refused. The contract suite tries it."""

    raw: Any
    rows: tuple[Mapping[str, Any], ...] | None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionType(ABC):
    """One type of question. A folder in `surveys/questions/` defines one as `QUESTION`; its name is the folder's.

    `kind` is what it measures in `survey_responses`. `makes_words` says of which keys, beside those in the folder's
    `words.toml`, a survey gives the words itself.
    """

    title: str
    about: str
    kind: str = "custom"
    options: type[Options] = field(default=Options)
    examples: tuple[Example, ...] = ()

    def scale(self, options: Any) -> Scale | None:
        """The scale of its answers; None where it has none."""
        del options
        return None

    def makes_words(self, options: Any) -> tuple[str, ...]:
        """The keys of words that only the survey can give, such as those of its own options."""
        del options
        return ()

    def beside(self, options: Any) -> str | None:
        """The question that its answer is a comment on; None where it stands for itself."""
        del options
        return None

    def outcome(self, asked: Asked, raw: Any) -> Outcome | None:
        """Whether an answer was bad, middling or good news; None where that cannot be said."""
        del asked, raw
        return None

    def view(self, asked: Asked) -> dict[str, Any]:
        """What `page.html` and `widget.js` need beside the title: plain lists, texts and numbers."""
        del asked
        return {}

    @abstractmethod
    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        """The answers that a filled-in field holds, at least one. Raises BadAnswer for what was not offered."""

    def answer(self, asked: Asked, **said: Any) -> Answer:
        """An answer with what the question itself knows: kind, scale, direction, anchors and version of wording."""
        scale = self.scale(asked.options)
        known: dict[str, Any] = {
            "question_id": asked.id,
            "kind": self.kind,
            "main": asked.main,
            "question_version": asked.version,
        }
        if scale is not None:
            known |= {"scale_min": scale.low, "scale_max": scale.high, "direction": scale.direction}
            known["anchors"] = " – ".join(w for w in (asked.word("low"), asked.word("high")) if w) or None
        return Answer(**(known | said))


def is_empty(raw: Any) -> bool:
    """Whether a field was left empty, by a form or in JSON."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return True
    if isinstance(raw, Mapping):
        return all(is_empty(value) for value in raw.values())
    return isinstance(raw, list | tuple) and all(is_empty(value) for value in raw)


def whole_number(asked: Asked, raw: Any, low: int, high: int) -> int:
    """A whole number between two bounds, given as such or as its digits. Raises BadAnswer for anything else."""
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit() and len(raw) < 10:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
        raise BadAnswer(asked.id, "not_offered", f"the answer to {asked.id} is no whole number from {low} to {high}")
    return raw


def offered(asked: Asked, raw: Any, options: tuple[str, ...]) -> str:
    """One of the options offered. Raises BadAnswer for anything else."""
    if not isinstance(raw, str) or raw not in options:
        raise BadAnswer(asked.id, "not_offered", f"the answer to {asked.id} is none of {', '.join(options)}")
    return raw


def plain_text(asked: Asked, raw: Any, most: int = LONGEST_TEXT) -> str:
    """A text as written, composed, without control characters. Raises BadAnswer where it is empty or too long."""
    if not isinstance(raw, str):
        raise BadAnswer(asked.id, "not_offered", f"the answer to {asked.id} is no text")
    composed = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    text = composed.strip() if composed.isprintable() else _without_controls(composed).strip()
    if not text:
        raise BadAnswer(asked.id, "missing", f"the answer to {asked.id} holds nothing that can be read")
    if len(text) > most:
        raise BadAnswer(asked.id, "too_long", f"the answer to {asked.id} is longer than {most} characters")
    return text


def _without_controls(text: str) -> str:
    return "".join(c for c in text if c in KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cs"))
