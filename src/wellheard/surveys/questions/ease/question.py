"""The ease question: a high score is easy. 1 to 7 after Dixon, Toman and DeLisi, The Effortless Experience, 2013."""

from dataclasses import dataclass
from typing import Any, Literal

from wellheard.surveys.question import Example, Options, Outcome, Scale
from wellheard.surveys.scales import Points


class Length(Options):
    """How many points the scale has. Answers on 7 and on 5 points never stand in one figure."""

    points: Literal[7, 5] = 7


@dataclass(frozen=True)
class Ease(Points):
    """Easy are 5 to 7 of 7 and 4 to 5 of 5, hard 1 to 3 of 7 and 1 to 2 of 5, as the KPI has it."""

    def scale(self, options: Any) -> Scale:
        return Scale(1, options.points)

    def outcome_of(self, options: Any, score: int) -> Outcome:
        middle = (options.points + 1) // 2
        return "low" if score < middle else "middle" if score == middle else "high"


EXAMPLES = (
    Example(7, ({"score": 7, "scale_min": 1, "scale_max": 7, "direction": "high_is_good"},)),
    Example("5", ({"score": 5, "scale_max": 5},), {"points": 5}),
    Example(6, None, {"points": 5}),
    Example(8, None),
)
QUESTION = Ease("Ease", "How easy something was, 1 to 7 or 1 to 5: the customer effort score.", "ces", Length, EXAMPLES)
