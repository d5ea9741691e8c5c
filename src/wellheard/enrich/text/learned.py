"""The head that learned from a workspace's labels, as a reader of English: meanings beside the model's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wellheard.enrich.text.cleaning import for_model
from wellheard.enrich.text.decoding import probabilities
from wellheard.enrich.text.graph import Graph
from wellheard.enrich.text.heads import LabelHead
from wellheard.enrich.text.reading import SENTIMENTS, Read

WEIGHT = 3.0  # of the model's own numbers beside 384 of the meaning


def features(graph: Graph, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """n × 389: meaning, log probabilities of the sentiments, valence and strength."""
    out = graph.read([for_model(text) for text in texts], meaning=True)
    assert out.meaning is not None
    chance = np.log(np.maximum(probabilities(out.sentiment, graph.manifest), 1e-4))
    return np.concatenate([out.meaning, WEIGHT * chance / 3, WEIGHT * out.feeling / 2], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Learned:
    """Gives sentiment alone; emotions, valence and strength stay the model's."""

    head: LabelHead
    graph: Graph

    @property
    def name(self) -> str:
        return self.head.name

    def read(self, texts: Sequence[str]) -> list[Read]:
        """What it reads in plain texts."""
        found = self.head.chances(features(self.graph, texts))
        return [Read(sentiment=SENTIMENTS[int(c.argmax())], sure=round(float(c.max()), 4)) for c in found]
