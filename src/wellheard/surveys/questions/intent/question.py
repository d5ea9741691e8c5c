"""What a visitor came for, and whether they could do it. Intents after A. Broder, SIGIR Forum 36 (2) 2002, 3–10."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellheard.surveys.options import option_words
from wellheard.surveys.question import (
    Answer,
    Asked,
    BadAnswer,
    Example,
    Options,
    Outcome,
    QuestionType,
    is_empty,
    offered,
)

INTENTS = ("informational", "transactional", "support", "navigational", "other")
DONE: dict[str, Outcome] = {"yes": "high", "no": "low"}


class Success(Options):
    """Whether it is asked, too, if the visitor could do it."""

    task_success: bool = True


@dataclass(frozen=True)
class Intent(QuestionType):
    """The answer has two parts, `choice` and `done`; without `done` the intent alone is known."""

    def outcome(self, asked: Asked, raw: Any) -> Outcome | None:
        del asked
        return DONE.get(str(raw.get("done"))) if isinstance(raw, Mapping) else None

    def view(self, asked: Asked) -> dict[str, Any]:
        done = option_words(asked, tuple(DONE), dict(DONE)) if asked.options.task_success else []
        return {"options": option_words(asked, INTENTS), "done": done, "done_title": asked.word("done")}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        told = raw if isinstance(raw, Mapping) else {"choice": raw}
        if set(told) - {"choice", "done"}:
            raise BadAnswer(asked.id, "not_offered", f"{asked.id} takes choice and done")
        choice = None if is_empty(told.get("choice")) else offered(asked, told["choice"], INTENTS)
        if choice is None:
            raise BadAnswer(asked.id, "missing", f"{asked.id} does not say what somebody came for")
        done = None if is_empty(told.get("done")) else _done(asked, told["done"])
        return (self.answer(asked, choice=choice, task_success=done),)


def _done(asked: Asked, raw: Any) -> bool:
    return raw if isinstance(raw, bool) else offered(asked, raw, tuple(DONE)) == "yes"


EXAMPLES = (
    Example({"choice": "support", "done": "no"}, ({"choice": "support", "task_success": False},)),
    Example({"choice": "other", "done": "yes"}, ({"choice": "other", "task_success": True},)),
    Example("navigational", ({"choice": "navigational"},)),
    Example({"done": "yes"}, None),
    Example({"choice": "shopping"}, None),
)
QUESTION = Intent(
    "Visitor intent", "What a visitor came for, and whether they could do it.", "intent", Success, EXAMPLES
)
