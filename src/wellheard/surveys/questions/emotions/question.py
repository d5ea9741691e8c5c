"""How strongly each of some emotions was felt, 1 to 5. Items after C. Shaw, The DNA of Customer Experience, 2007."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from wellheard.surveys.options import option_words
from wellheard.surveys.question import (
    Answer,
    Asked,
    BadAnswer,
    Example,
    Options,
    QuestionType,
    Scale,
    is_empty,
    whole_number,
)
from wellheard.surveys.scales import point_words

Item = Literal[
    "happy", "pleased", "trusting", "valued", "safe", "interested", "relieved", "confident",
    "irritated", "hurried", "neglected", "unhappy", "stressed", "disappointed", "frustrated", "confused",
]  # fmt: skip


class Items(Options):
    """Which emotions are asked for. Those of both sides are needed, or there is no net emotion score."""

    items: tuple[Item, ...] = Field(("happy", "valued", "frustrated", "neglected"), min_length=1, max_length=12)


@dataclass(frozen=True)
class Emotions(QuestionType):
    """One answer an emotion that was rated; its question is called ID-EMOTION."""

    def scale(self, options: Any) -> Scale:
        del options
        return Scale(1, 5)

    def view(self, asked: Asked) -> dict[str, Any]:
        return {
            "items": option_words(asked, asked.options.items),
            "points": point_words(asked, self.scale(asked.options)),
            "low": asked.word("low"),
            "high": asked.word("high"),
        }

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        if not isinstance(raw, Mapping) or set(raw) - set(asked.options.items):
            raise BadAnswer(asked.id, "not_offered", f"{asked.id} takes a rating for each of {asked.options.items}")
        rated = {item: raw[item] for item in asked.options.items if not is_empty(raw.get(item))}
        return tuple(
            self.answer(
                asked, question_id=f"{asked.id}-{item}", choice=item, score=whole_number(asked, given, 1, 5), main=True
            )
            for item, given in rated.items()
        )


EXAMPLES = (
    Example(
        {"happy": "5", "neglected": 1},
        (
            {"choice": "happy", "score": 5, "scale_min": 1, "scale_max": 5, "main": True},
            {"choice": "neglected", "score": 1},
        ),
    ),
    Example({"stressed": "3"}, ({"choice": "stressed", "score": 3},), {"items": ["stressed", "safe"]}),
    Example({"stressed": 3}, None),
    Example({"happy": 6}, None),
    Example("happy", None),
)
QUESTION = Emotions(
    "Emotions", "How strongly some emotions were felt: the net emotion score.", "emotion", Items, EXAMPLES
)
