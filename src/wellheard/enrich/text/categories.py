"""Categories that people define by examples: logistic regression on the meanings of the examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wellheard.enrich.text.graph import Numbers
from wellheard.enrich.text.topics import SURE, Topics, nearest

STRENGTH = 10.0  # of the fit: how little it is held back
NONE = ""


def fitted(meanings: Numbers, names: Sequence[str]) -> Any:
    """A classifier of meanings from examples and their categories."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced").fit(meanings, list(names))


def assigned(
    topics: Topics, meanings: Numbers, meanings_of: Callable[[Sequence[str]], Sequence[Numbers]]
) -> list[str | None]:
    """The topic of each meaning. A defined category takes what its examples make likely, against all other topics."""
    found = nearest(topics, meanings)
    own = [topic for topic in topics.topics if topic.defined]
    if not own or not len(meanings):
        return found
    texts = [(topic.id, example) for topic in own for example in topic.examples]
    # What belongs to no defined category is shown by the quotes of the others, and by those of the found topics.
    others = [(NONE, quote) for topic in topics.topics if not topic.defined for quote in topic.quotes]
    names = [name for name, _ in (*texts, *others)]
    known = np.array(list(meanings_of([text for _, text in (*texts, *others)])), np.float32)
    if len(set(names)) < 2:
        likely = meanings @ known.mean(axis=0) / max(1e-9, float(np.linalg.norm(known.mean(axis=0))))
        return [own[0].id if like >= SURE else old for like, old in zip(likely, found, strict=True)]
    model = fitted(known, names)
    chance = model.predict_proba(meanings)
    for n, place in enumerate(chance.argmax(axis=1)):
        if chance[n, place] >= SURE and model.classes_[place] != NONE:
            found[n] = str(model.classes_[place])
    return found
