"""What people write: picks phrases from `phrases.toml` for many rows at once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa

from wellheard.simulate.company import LANGUAGES, Array


@dataclass(frozen=True)
class Phrases:
    """All phrases in a row, and for each kind and language where its own begin and how many there are."""

    kinds: tuple[str, ...]
    texts: pa.Array
    first: Array
    count: Array

    def code(self, kind: str) -> int:
        """The number of a kind of phrase."""
        return self.kinds.index(kind)

    def pick(self, rng: np.random.Generator, kind: Array, language: Array) -> pa.Array:
        """A phrase of the kind (by code; null for -1) and language of each row."""
        known = kind >= 0
        at = np.where(known, kind, 0)
        place = self.first[at, language] + (rng.random(len(kind)) * self.count[at, language]).astype(np.int64)
        return self.texts.take(pa.array(place, mask=~known))


@cache
def phrases() -> Phrases:
    """The phrases of the product's own file; a kind without a language speaks English."""
    given = tomllib.loads(files("wellheard.simulate").joinpath("phrases.toml").read_text("utf-8"))
    texts: list[str] = []
    first, count = np.zeros((len(given), len(LANGUAGES)), int), np.zeros((len(given), len(LANGUAGES)), int)
    for row, by_language in enumerate(given.values()):
        for place, language in enumerate(LANGUAGES):
            mine = by_language.get(language, by_language["en"])
            first[row, place], count[row, place] = len(texts), len(mine)
            texts.extend(mine)
    return Phrases(tuple(given), pa.array(texts), first, count)


def kind_codes(*names: str) -> Array:
    """The codes of several kinds, to be indexed by a row's own number."""
    return np.array([phrases().code(name) for name in names])
