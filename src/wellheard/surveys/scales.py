"""Questions that are answered by a point on a scale."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from wellheard.surveys.question import Answer, Asked, BadAnswer, Outcome, QuestionType, Scale, whole_number


def point_words(asked: Asked, scale: Scale) -> list[dict[str, Any]]:
    """The points as pages show them. The words of the ends belong to the first and last point's spoken name."""
    ends = {scale.low: asked.word("low"), scale.high: asked.word("high")}
    named = {n: asked.word(f"point_{n}") or ends.get(n, "") for n in range(scale.low, scale.high + 1)}
    return [{"value": n, "label": str(n), "spoken": words} for n, words in named.items()]


@dataclass(frozen=True)
class Points(QuestionType):
    """A question whose answer is a whole number; `scale` and `outcome_of` are what a type adds."""

    @abstractmethod
    def outcome_of(self, options: Any, score: int) -> Outcome:
        """Whether a score is bad, middling or good news."""

    def bounds(self, asked: Asked) -> Scale:
        """The scale, which such a question always has."""
        scale = self.scale(asked.options)
        assert scale is not None
        return scale

    def outcome(self, asked: Asked, raw: Any) -> Outcome | None:
        """That of the score; None for what is no score."""
        scale = self.bounds(asked)
        try:
            return self.outcome_of(asked.options, whole_number(asked, raw, scale.low, scale.high))
        except BadAnswer:
            return None

    def view(self, asked: Asked) -> dict[str, Any]:
        """The points, each with its outcome, and the words at both ends."""
        points = point_words(asked, self.bounds(asked))
        for point in points:
            point["outcome"] = self.outcome_of(asked.options, point["value"])
        look = getattr(asked.options, "look", "numbers")
        return {"points": points, "low": asked.word("low"), "high": asked.word("high"), "look": look}

    def read(self, asked: Asked, raw: Any) -> tuple[Answer, ...]:
        """One answer with its score."""
        scale = self.bounds(asked)
        return (self.answer(asked, score=whole_number(asked, raw, scale.low, scale.high)),)
