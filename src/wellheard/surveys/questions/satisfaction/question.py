"""The satisfaction question, 1 to 5, answered by numbers, stars or faces."""

from dataclasses import dataclass
from typing import Any, Literal

from wellheard.surveys.question import Options, Outcome, Scale
from wellheard.surveys.scales import Points


class Look(Options):
    """How the points look. Faces are drawn alike in size and weight, so that none of them draws the eye."""

    look: Literal["numbers", "stars", "faces"] = "numbers"


@dataclass(frozen=True)
class Satisfaction(Points):
    """1 and 2 are dissatisfied, 4 and 5 satisfied."""

    def scale(self, options: Any) -> Scale:
        del options
        return Scale(1, 5)

    def outcome_of(self, options: Any, score: int) -> Outcome:
        del options
        return "low" if score <= 2 else "middle" if score == 3 else "high"


QUESTION = Satisfaction("Satisfaction", "How satisfied somebody is, 1 to 5: the CSAT.", "csat", Look)
