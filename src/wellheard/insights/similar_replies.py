"""What was replied to customers who wrote something like this: found in our own past conversations, on this machine.

Texts are compared by the words they share, the rarer the heavier (TF-IDF with cosine similarity; Salton and Buckley,
Information Processing & Management 24 (1988) 513–523). Nothing is written anew: a reply is one that a colleague wrote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import sparse

WORD = re.compile(r"[^\W\d_]{2,}")
LEAST = 0.12  # of similarity, below which two texts have little in common
SHORTEST = 30  # letters of a reply that says something


@dataclass(frozen=True)
class Suggestion:
    """A reply from the past: to which text, in which conversation, and how alike the two texts are, from 0 to 1."""

    conversation_id: str
    source: str
    asked: str
    reply: str
    replied_at: datetime
    similarity: float


class SimilarReplies:
    """Past texts of customers, each with the reply that a person gave to it."""

    def __init__(self, pairs: Sequence[Suggestion]) -> None:
        self.pairs = list(pairs)
        counts = [Counter(words(pair.asked)) for pair in self.pairs]
        seen = Counter(word for count in counts for word in count)
        self._place = {word: n for n, word in enumerate(sorted(seen))}
        many = max(len(self.pairs), 1)
        self._rarity = np.array([np.log((1 + many) / (1 + seen[word])) + 1 for word in self._place])
        self._matrix = sparse.vstack([self._vector(count) for count in counts]) if counts else None

    def like(self, text: str, most: int = 3) -> list[Suggestion]:
        """The replies to the most similar texts, the most similar first; none where nothing is like it."""
        if self._matrix is None:
            return []
        asked = Counter(words(text))
        similar = (self._matrix @ self._vector(asked).T).toarray().ravel() * self._known(asked)
        found: dict[str, Suggestion] = {}
        for place in np.argsort(-similar, kind="stable"):
            if similar[place] < LEAST or len(found) == most:
                break
            pair = self.pairs[int(place)]
            if pair.reply not in found:
                found[pair.reply] = Suggestion(**{**vars(pair), "similarity": float(similar[place])})
        return list(found.values())

    def _known(self, count: Counter[str]) -> float:
        """How much of a text is words that were seen before: the others, the rarest of all, make it unlike any."""
        rarest = np.log(1 + max(len(self.pairs), 1)) + 1
        weights = {word: (1 + np.log(n)) * (self._rarity[self._place[word]] if word in self._place else rarest)
                   for word, n in count.items()}  # fmt: skip
        whole = sum(weight**2 for weight in weights.values())
        return float(np.sqrt(sum(w**2 for word, w in weights.items() if word in self._place) / whole)) if whole else 0.0

    def _vector(self, count: Counter[str]) -> Any:
        known = [(self._place[word], 1 + np.log(n)) for word, n in count.items() if word in self._place]
        places = [place for place, _ in known]
        values = np.array([weight for _, weight in known]) * self._rarity[places] if known else np.array([])
        length = float(np.sqrt((values**2).sum())) or 1.0
        shape = (1, len(self._place))
        return sparse.csr_matrix((values / length, (np.zeros(len(places), dtype=int), places)), shape=shape)


def words(text: str) -> list[str]:
    """The words of a text, in small letters; numbers and signs are left out."""
    return WORD.findall(text.lower())


def pairs_of(messages: Sequence[Mapping[str, Any]]) -> list[Suggestion]:
    """Each text of a customer with the first public reply of a person after it.

    `messages` have `conversation_id, source, author_type, visibility, auto_reply, body, instant`, in order of time.
    """
    waiting: dict[tuple[str, str], str] = {}
    found = []
    for message in messages:
        key, body = (message["source"], message["conversation_id"]), (message["body"] or "").strip()
        if message["author_type"] == "customer" and body and not message["auto_reply"]:
            waiting[key] = body
        elif message["author_type"] == "human" and message["visibility"] != "internal" and len(body) >= SHORTEST:
            asked = waiting.pop(key, "")
            if asked and not message["auto_reply"]:
                found.append(Suggestion(key[1], key[0], asked, body, message["instant"], 0.0))
    return found
