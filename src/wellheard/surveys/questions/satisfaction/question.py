"""The satisfaction question, 1 to 5, answered by numbers, stars or faces."""

from dataclasses import dataclass
from typing import Any, Literal

from wellheard.surveys.question import Example, Options, Outcome, Scale
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


EXAMPLES = (
    Example("5", ({"score": 5, "scale_min": 1, "scale_max": 5},)),
    Example(1, ({"score": 1},), {"look": "faces"}),
    Example(2, ({"score": 2},), {"look": "stars"}),
    Example(0, None),
    Example("five", None),
)
QUESTION = Satisfaction("Satisfaction", "How satisfied somebody is, 1 to 5: the CSAT.", "csat", Look, EXAMPLES)
