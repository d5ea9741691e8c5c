"""Why a text was read as it was: what each word adds to its valence, by the model and by the lexicon.

By leaving a word out and reading again (occlusion: Zeiler and Fergus, 2014; of words: Li, Monroe and Jurafsky, 2016).
What words do together is in the figure of each of them, so the figures do not add up to the valence.
"""

from __future__ import annotations

from dataclasses import dataclass

from wellheard.enrich.text.cleaning import for_model, sentences
from wellheard.enrich.text.decoding import valences
from wellheard.enrich.text.graph import Graph
from wellheard.enrich.text.lexicon import words_that_spoke

MOST = 120  # words that are left out in turn
LEAST = 0.05  # a smaller part of the valence is within what eight bits move it by


@dataclass(frozen=True)
class Spoke:
    """A word and what it adds: to the model's valence (−1 to 1) and to the lexicon's raw score; None where nothing."""

    word: str
    model: float | None
    lexicon: float | None


def words_that_moved(text: str, graph: Graph | None) -> list[Spoke]:
    """The words of a plain English text that add to what was read, in their order; by the lexicon alone without a
    model."""
    by_lexicon = dict(words_that_spoke(text))
    moved = dict(_moved(text, graph)) if graph is not None else {}
    order = dict.fromkeys(for_model(text).split())
    return [Spoke(word, moved.get(word), by_lexicon.get(word)) for word in order if word in moved or word in by_lexicon]


def _moved(text: str, graph: Graph) -> list[tuple[str, float]]:
    parts = [for_model(part).split() for part in sentences(text)]
    whole = sum(map(len, parts))
    asked: list[str] = []
    told: list[tuple[str, float, int]] = []  # a word, its sentence's part of the text, and which sentence
    for words in parts:
        asked.append(" ".join(words))
        for n in range(min(len(words), MOST - len(told))):
            told.append((words[n], len(words) / whole, len(asked) - 1))
    first = len(asked)
    where: dict[int, int] = {}
    for _, _, part in told:
        n = where[part] = where.get(part, -1) + 1
        asked.append(" ".join(parts[part][:n] + parts[part][n + 1 :]) or ".")
    valence = valences(graph.read(asked), graph.manifest)
    found: dict[str, float] = {}
    for n, (word, share, part) in enumerate(told):
        change = share * float(valence[part] - valence[first + n])
        if abs(change) > abs(found.get(word, 0.0)):
            found[word] = change
    return [(word, round(change, 3)) for word, change in found.items() if abs(change) >= LEAST]
