"""What is read out of one text: the one shape that every reader gives, whether ours, another model's or a service's."""

from __future__ import annotations

from dataclasses import dataclass

SENTIMENTS = ("negative", "neutral", "positive")
STRENGTHS = ("low", "medium", "high")
EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
# The groups of the GoEmotions paper (Demszky et al. 2020); what is in neither is ambiguous and counts for no side.
PLEASANT = frozenset({
    "admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love", "optimism",
    "pride", "relief",
})  # fmt: skip
UNPLEASANT = frozenset({
    "anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief", "nervousness",
    "remorse", "sadness",
})  # fmt: skip
NO_CONTENT = "no content"


@dataclass(frozen=True)
class Read:
    """What was read: `valence` is −1 to 1, `score` of the strength 0 to 1, `emotions` the strongest first.

    `strength` is None where no emotion was found. All but `language` and `why` are empty where `why` says why.
    """

    language: str | None = None
    sentiment: str | None = None
    valence: float | None = None
    emotions: tuple[str, ...] = ()
    strength: str | None = None
    score: float | None = None
    sure: float | None = None  # the probability of the sentiment
    aspects: tuple[Aspect, ...] = ()
    why: str | None = None
    model: str | None = None

    @property
    def pleasant(self) -> bool | None:
        """Whether any emotion is a pleasant one; None where no emotions were read, not even `neutral`."""
        return bool(PLEASANT & set(self.emotions)) if self.emotions else None

    @property
    def unpleasant(self) -> bool | None:
        """Whether any emotion is an unpleasant one; None where no emotions were read, not even `neutral`."""
        return bool(UNPLEASANT & set(self.emotions)) if self.emotions else None


@dataclass(frozen=True)
class Aspect:
    """A side of the product or service that a text speaks of, and how."""

    aspect: str
    sentiment: str
    valence: float


def overall(parts: list[tuple[float, Read]]) -> Read:
    """One reading of a text from those of its sentences, each with its weight; the rarest emotions are dropped."""
    if len(parts) == 1:
        return parts[0][1]
    total = sum(weight for weight, _ in parts)
    valence = sum(weight * (read.valence or 0.0) for weight, read in parts) / total
    share = {name: sum(w for w, r in parts if r.sentiment == name) / total for name in SENTIMENTS}
    felt: dict[str, float] = {}
    for weight, read in parts:
        for place, emotion in enumerate(read.emotions):
            felt[emotion] = felt.get(emotion, 0.0) + weight / (1 + place)
    named = sorted((e for e in felt if e != "neutral"), key=lambda e: (-felt[e], e)) or list(felt)
    strongest = max((read for _, read in parts if read.strength), key=lambda r: r.score or 0.0, default=None)
    sentiment = "positive" if valence > 0 else "negative"
    if share["neutral"] > 0.75 or abs(valence) < 0.06:
        sentiment = "neutral"
    return Read(
        sentiment=sentiment,
        valence=valence,
        emotions=tuple(named[:3]),
        strength=strongest.strength if strongest else None,
        score=strongest.score if strongest else None,
        sure=max(share.values()),
    )
