"""Exports with one rating a row, and a column that says which kind of survey it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wellheard.sources.exports.questions import Candidate, Taken, Told, taken

Known = Mapping[str, tuple[str, int, int]]  # a system's word for a kind: ours, and the scale


@dataclass(frozen=True)
class Ratings:
    """The kinds of survey in a file: by the system's word, how its rating is taken."""

    by_word: Mapping[str, Taken]

    @property
    def questions(self) -> tuple[Taken, ...]:
        """What is taken as what, for a preview."""
        return tuple(self.by_word.values())

    def of(self, word: str | None) -> Taken | None:
        """How a rating is taken; None for a kind that the file was not seen to hold."""
        return self.by_word.get((word or "").casefold())


def ratings(words: Iterable[str], column: str, known: Known, told: Mapping[str, Told]) -> Ratings:
    """How the ratings of each kind of survey are taken: as told, else as the system defines them, else `custom`."""
    listed = sorted({word.casefold() for word in words})
    found = taken((Candidate(column, word, word, frozenset({"1"}), key=word) for word in listed), told)
    by_word = {}
    for word, one in zip(listed, found, strict=True):
        if one.why != "as you said" and word in known:
            form, low, high = known[word]
            one = replace(one, form=form, low=low, high=high, why="the export says so")
        by_word[word] = replace(one, main=one.scored and one.form != "custom")
    return Ratings(by_word)
