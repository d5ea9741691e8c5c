"""The open question after a score: its wording depends on whether the score was bad, middling or good."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from wellheard.surveys.question import (
    LONGEST_TEXT,
    OUTCOMES,
    Answer,
    Asked,
    Example,
    Options,
    QuestionType,
    plain_text,
)


class Of(Options):
    """The id of the earlier question whose answer it asks about, and how long a text may be."""

    of: str
    most: int = Field(2_000, ge=1, le=LONGEST_TEXT)
    lines: int = Field(4, ge=1, le=20)


@dataclass(frozen=True)
class FollowUp(QuestionType):
    """The text is kept in the row of the answer that it explains; alone it is an answer without a score."""

    def beside(self, options: Any) -> str | None:
        return str(options.of)

    def view(self, asked: Asked) -> dict[str, Any]:
        titles = {outcome: asked.word(outcome) or asked.word("title") for outcome in OUTCOMES}
        return {"of": asked.options.of, "titles": titles, "most": asked.options.most, "lines": asked.options.lines}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        return (self.answer(asked, comment=plain_text(asked, raw, asked.options.most)),)


EXAMPLES = (
    Example("Too slow", ({"comment": "Too slow"},), {"of": "earlier"}),
    Example("abcd", None, {"of": "earlier", "most": 3}),
    Example(["a"], None, {"of": "earlier"}),
)
QUESTION = FollowUp("Follow-up", "Why they gave that score, in words that fit it.", options=Of, examples=EXAMPLES)
