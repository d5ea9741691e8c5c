"""Whether the matter was solved the first time, as the customer sees it."""

from dataclasses import dataclass
from typing import Any

from wellheard.surveys.options import option_words
from wellheard.surveys.question import Answer, Asked, Example, Outcome, QuestionType, Scale, offered

OUTCOMES: dict[str, Outcome] = {"yes": "high", "no": "low"}


@dataclass(frozen=True)
class Resolution(QuestionType):
    """Yes is 1 and no is 0."""

    def scale(self, options: Any) -> Scale:
        del options
        return Scale(0, 1)

    def outcome(self, asked: Asked, raw: Any) -> Outcome | None:
        del asked
        return OUTCOMES.get(raw) if isinstance(raw, str) else None

    def view(self, asked: Asked) -> dict[str, Any]:
        return {"options": option_words(asked, tuple(OUTCOMES), dict(OUTCOMES)), "many": False}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        said = offered(asked, raw, tuple(OUTCOMES))
        return (self.answer(asked, score=int(said == "yes"), choice=said),)


EXAMPLES = (
    Example("yes", ({"score": 1, "scale_min": 0, "scale_max": 1, "choice": "yes"},)),
    Example("no", ({"score": 0, "choice": "no"},)),
    Example("maybe", None),
    Example(1, None),
)
QUESTION = Resolution(
    "First contact resolution", "Whether it was solved the first time, yes or no.", "fcr", examples=EXAMPLES
)
