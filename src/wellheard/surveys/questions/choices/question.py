"""Any number of several options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellheard.surveys.options import OTHER, Offered, option_words
from wellheard.surveys.question import Answer, Asked, BadAnswer, Example, QuestionType, is_empty, offered, plain_text


@dataclass(frozen=True)
class Choices(QuestionType):
    """An answer for every option offered, 1 where it was picked and 0 where not; its question is called ID-OPTION.

    So an option that is unpicked in a later edit is not left behind, and its share has a denominator.
    """

    def makes_words(self, options: Any) -> tuple[str, ...]:
        return ("title", *options.choices)

    def view(self, asked: Asked) -> dict[str, Any]:
        return {"options": option_words(asked, asked.options.keys), "many": True, "other": asked.options.other}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        told = raw if isinstance(raw, Mapping) else {"choice": raw}
        if set(told) - {"choice", OTHER}:
            raise BadAnswer(asked.id, "not_offered", f"{asked.id} takes choice and other")
        given = told.get("choice") or []
        listed = list(given) if isinstance(given, list | tuple) else [given]
        picked = {offered(asked, key, asked.options.keys) for key in listed}
        text = None if is_empty(told.get(OTHER)) else plain_text(asked, told[OTHER], 400)
        picked |= {OTHER} if text and asked.options.other else set()
        return tuple(
            self.answer(
                asked,
                question_id=f"{asked.id}-{key}",
                choice=key,
                score=int(key in picked),
                scale_min=0,
                scale_max=1,
                comment=text if key == OTHER and key in picked else None,
            )
            for key in asked.options.keys
        )


TWO = {"choices": ["price", "service"]}
EXAMPLES = (
    Example(
        ["price"],
        ({"choice": "price", "score": 1, "scale_min": 0, "scale_max": 1}, {"choice": "service", "score": 0}),
        TWO,
    ),
    Example("service", ({"choice": "price", "score": 0}, {"choice": "service", "score": 1}), TWO),
    Example(
        {"choice": ["price"], "other": "Parking"},
        ({"score": 1}, {"score": 0}, {"choice": "other", "score": 1, "comment": "Parking"}),
        {**TWO, "other": True},
    ),
    Example(["price", "quality"], None, TWO),
    Example([["price"]], None, TWO),
)
QUESTION = Choices(
    "Multiple choice", "Any number of several options that you write.", options=Offered, examples=EXAMPLES
)
