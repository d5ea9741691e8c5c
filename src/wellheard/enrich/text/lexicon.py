"""VADER (C. J. Hutto and E. Gilbert, ICWSM 2014): reads where there is no model, and says which words spoke.

It has a lexicon of English words alone; a text in another language is never given to it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from wellheard.enrich.text.cleaning import for_model
from wellheard.enrich.text.reading import Read

NAME = "vader-3.3.2"
NEUTRAL = 0.05  # the size of the compound score up to which its authors call a text neutral


@cache
def _analyser() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def compound(text: str) -> float:
    """The compound score of a cleaned text, −1 to 1."""
    return float(_analyser().polarity_scores(text)["compound"])


def lexicon_read(text: str) -> Read:
    """What the lexicon reads in a plain text: sentiment, valence and strength, and no emotions."""
    score = compound(for_model(text))
    sentiment = "positive" if score >= NEUTRAL else "negative" if score <= -NEUTRAL else "neutral"
    size = abs(score)
    strength = None if sentiment == "neutral" else "low" if size < 0.4 else "medium" if size < 0.75 else "high"
    return Read(
        sentiment=sentiment,
        valence=round(score, 4),
        strength=strength,
        score=round(size, 4) if strength else None,
    )


def words_that_spoke(text: str) -> list[tuple[str, float]]:
    """The words of a plain text with a weight of their own, in their order; each with what it adds to the score.

    The weight is the change of the compound score when the word is left out, so negation and boosters are in it.
    """
    words = for_model(text).split()
    if len(words) > 120:
        words = words[:120]
    whole, found = _raw(" ".join(words)), []
    for n, word in enumerate(words):
        without = _raw(" ".join(words[:n] + words[n + 1 :]))
        if abs(whole - without) >= 0.05:
            found.append((word, round(whole - without, 3)))
    return found


def _raw(text: str) -> float:
    """The compound score before it is squeezed into −1 to 1, in its tanh-like scale."""
    score = compound(text)
    return (
        math.copysign(math.sqrt(15 * score**2 / max(1e-9, 1 - score**2)), score) if abs(score) < 0.9999 else score * 60
    )
