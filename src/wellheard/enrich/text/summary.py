"""A summary in the customers' own words: the few sentences that stand for most of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from wellheard.enrich.text.cleaning import plain, says_nothing, sentences
from wellheard.enrich.text.graph import Numbers

MOST_READ = 400  # sentences that are compared
ALIKE = 0.75  # the likeness from which a second sentence adds nothing
SHORTEST, LONGEST = 4, 45  # words


def summary(texts: Sequence[str], meanings: Callable[[Sequence[str]], Sequence[Numbers]], n: int = 3) -> list[str]:
    """At most `n` sentences of the texts, the most central first, none like another (LexRank's idea: Erkan and Radev,
    2004; choosing apart: Carbonell and Goldstein, 1998)."""
    parts = list(dict.fromkeys(s for text in texts for s in sentences(plain(text)) if _fit(s)))[:MOST_READ]
    if not parts:
        return []
    vectors = np.array(list(meanings(parts)), np.float32)
    likeness = vectors @ vectors.T
    central = likeness.mean(axis=1)
    chosen: list[int] = []
    for place in np.argsort(-central, kind="stable"):
        if all(likeness[place, other] < ALIKE for other in chosen):
            chosen.append(int(place))
        if len(chosen) == n:
            break
    return [parts[place] for place in chosen]


def _fit(sentence: str) -> bool:
    return SHORTEST <= len(sentence.split()) <= LONGEST and not says_nothing(sentence)
