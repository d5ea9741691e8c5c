"""An open text."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from wellheard.surveys.question import LONGEST_TEXT, Answer, Asked, Example, Options, QuestionType, plain_text


class Length(Options):
    """How many characters are taken at the most, and how many lines the field shows."""

    most: int = Field(2_000, ge=1, le=LONGEST_TEXT)
    lines: int = Field(4, ge=1, le=20)


@dataclass(frozen=True)
class Text(QuestionType):
    """The text is kept as the comment of an answer without a score."""

    def view(self, asked: Asked) -> dict[str, Any]:
        return {"most": asked.options.most, "lines": asked.options.lines}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        return (self.answer(asked, comment=plain_text(asked, raw, asked.options.most)),)


EXAMPLES = (
    Example("It was fine.\r\nMostly.", ({"comment": "It was fine.\nMostly."},)),
    Example("abcd", None, {"most": 3}),
    Example(5, None),
)
QUESTION = Text("Open text", "A text in the customer's own words.", options=Length, examples=EXAMPLES)
