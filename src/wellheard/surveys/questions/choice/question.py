"""One of several options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellheard.surveys.options import OTHER, Offered, option_words
from wellheard.surveys.question import Answer, Asked, BadAnswer, Example, QuestionType, is_empty, offered, plain_text


@dataclass(frozen=True)
class Choice(QuestionType):
    """The key that was picked; the text beside `other` is its comment."""

    def makes_words(self, options: Any) -> tuple[str, ...]:
        return ("title", *options.choices)

    def view(self, asked: Asked) -> dict[str, Any]:
        return {"options": option_words(asked, asked.options.keys), "many": False, "other": asked.options.other}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        told = raw if isinstance(raw, Mapping) else {"choice": raw}
        if set(told) - {"choice", OTHER}:
            raise BadAnswer(asked.id, "not_offered", f"{asked.id} takes choice and other")
        text = None if is_empty(told.get(OTHER)) else plain_text(asked, told[OTHER], 400)
        picked = told.get("choice") or (OTHER if text and asked.options.other else None)
        choice = offered(asked, picked, asked.options.keys)
        return (self.answer(asked, choice=choice, comment=text if choice == OTHER else None),)


TWO = {"choices": ["price", "service"]}
MORE = {**TWO, "other": True}
EXAMPLES = (
    Example("price", ({"choice": "price"},), TWO),
    Example(
        {"choice": "other", "other": "Parking"}, ({"choice": "other", "comment": "Parking"},), {**TWO, "other": True}
    ),
    Example({"other": "Parking"}, ({"choice": "other", "comment": "Parking"},), MORE),
    Example("other", None, TWO),
    Example("quality", None, TWO),
    Example(["price"], None, TWO),
)
QUESTION = Choice("Single choice", "One of several options that you write.", options=Offered, examples=EXAMPLES)
