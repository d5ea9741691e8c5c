"""The recommendation question, 0 to 10. Wording and groups: F. Reichheld, Harvard Business Review 81 (12) 2003."""

from dataclasses import dataclass
from typing import Any

from wellheard.surveys.question import Example, Outcome, Scale
from wellheard.surveys.scales import Points


@dataclass(frozen=True)
class Recommendation(Points):
    """Detractors answer 0 to 6, passives 7 and 8, promoters 9 and 10."""

    def scale(self, options: Any) -> Scale:
        del options
        return Scale(0, 10)

    def outcome_of(self, options: Any, score: int) -> Outcome:
        del options
        return "low" if score <= 6 else "middle" if score <= 8 else "high"


QUESTION = Recommendation(
    "Recommendation",
    "How likely is it that they recommend us, 0 to 10: the NPS.",
    "nps",
    examples=(
        Example(10, ({"score": 10, "scale_min": 0, "scale_max": 10, "direction": "high_is_good"},)),
        Example("0", ({"score": 0},)),
        Example(11, None),
        Example("-1", None),
        Example(7.5, None),
        Example(True, None),
    ),
)
