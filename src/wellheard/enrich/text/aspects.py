"""Which thing a sentence is about: a few sides of any business, by the words people use for them.

A lexicon and not a model: what it finds can be pointed at. A workspace adds its own words in `aspects.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from wellheard.base.errors import BadInput
from wellheard.enrich.text.reading import Aspect, Read

WORDS: Mapping[str, str] = {
    "price": "price prices pricing priced pricey cost costs expensive cheap cheaper overpriced value money fee fees "
    "charge charged charges bill billed billing invoice refund refunded discount affordable",
    "delivery": "delivery deliver delivered delivers shipping shipped shipment parcel package courier driver tracking "
    "arrive arrived arrives dispatch dispatched",
    "quality": "quality broke broken breaks faulty defective flimsy sturdy durable durability damaged material fabric "
    "workmanship scratched cracked",
    "staff": "staff agent agents employee employees waiter waitress waiters receptionist crew consultant advisor "
    "technician manager representative rep cashier team lady guy",
    "support": "support service help helpdesk hotline helpline assistance response reply replied answer answered "
    "callback",
    "waiting": "wait waited waiting queue queues hold hour hours minutes slow slowly quick quickly fast delay delayed "
    "late",
    "product": "product products item items device model feature features battery screen sound camera taste food meal "
    "size fit fits colour color",
    "app": "app website site login password page interface dashboard crash crashes crashed bug bugs update software "
    "online portal screen",
    "checkout": "checkout payment payments pay paying paid card cart basket order ordered ordering booking booked",
    "place": "room rooms hotel shop store branch location parking toilet toilets clean dirty noise noisy seat seats",
    "returns": "return returns returned returning exchange exchanged replacement warranty guarantee",
    "information": "information instructions manual explained explanation communication unclear confusing description",
}
_CLAUSE = re.compile(
    r"[.!?;…]+\s*|,?\s+(?:but|yet|however|although|though|while|whereas|except that|still)\s+"
    r"|,\s+(?=\w+ ?\w* (?:is|was|are|were)\b)|\s+and\s+(?=(?:the|your|their|our|my)\s+\w+\s+(?:is|was|are|were)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=8)
def vocabulary(file: Path | None = None) -> Mapping[str, str]:
    """Each word with its aspect, those of a workspace's `aspects.toml` first. Raises BadInput where that is wrong."""
    known = {word: aspect for aspect, words in WORDS.items() for word in words.split()}
    if file is None or not file.exists():
        return known
    try:
        told = tomllib.loads(file.read_text("utf-8"))
        own = {str(word).lower(): str(aspect) for aspect, words in told.items() for word in words}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise BadInput(f"{file} cannot be read: {error}", hint='write lines such as shade = ["colour"]') from None
    return {**known, **own}


def clauses(text: str) -> list[str]:
    """The parts of a plain text that may speak of different things."""
    parts = [part.strip(" ,") for part in _CLAUSE.split(text)]
    return [part for part in parts if len(part.split()) >= 2] or [text]


def aspects_named(clause: str, words: Mapping[str, str]) -> list[str]:
    """The aspects whose words a clause holds: the one with most words, and any named by two."""
    counts: dict[str, int] = {}
    for word in _WORD.findall(clause.lower()):
        if word in words:
            counts[words[word]] = counts.get(words[word], 0) + 1
    if not counts:
        return []
    first = next(iter(counts))
    best = max(counts, key=lambda name: (counts[name], name == first))
    return [best, *(name for name, n in counts.items() if n >= 2 and name != best)]


def aspects_of(parts: list[tuple[str, Read]], words: Mapping[str, str]) -> tuple[Aspect, ...]:
    """What a text says of each aspect: the mean valence of its clauses that name it."""
    found: dict[str, list[tuple[float, str]]] = {}
    for clause, read in parts:
        for name in aspects_named(clause, words):
            found.setdefault(name, []).append((read.valence or 0.0, read.sentiment or "neutral"))
    made = []
    for name, told in found.items():
        mean = sum(valence for valence, _ in told) / len(told)
        sentiment = (
            told[0][1] if len(told) == 1 else "positive" if mean > 0.1 else "negative" if mean < -0.1 else "neutral"
        )
        made.append(Aspect(name, sentiment, round(mean, 4)))
    return tuple(made)
