"""Our own sentences of customers, a file a kind, and which half of them is for testing.

A line is a group of sentences that differ little, apart by ` | `; each begins with +, - or = for positive, negative and
neutral. A group stays whole: its hash says whether it is trained on or kept for the test.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "sentences"
FROZEN = FOLDER / "frozen.json"
KINDS = ("plain", "request", "negation", "implied", "sarcasm", "mixed", "noisy", "unchanged")
SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}


@dataclass(frozen=True)
class Sentence:
    """A sentence with the sentiment that we gave it, its kind, and whether it is kept for testing."""

    text: str
    sentiment: str
    kind: str
    test: bool


def sentences(folder: Path = FOLDER) -> list[Sentence]:
    """Every sentence of every kind."""
    return [found for kind in KINDS for found in _of(kind, (folder / f"{kind}.txt").read_text("utf-8"))]


def _of(kind: str, text: str) -> list[Sentence]:
    found = []
    for line in filter(None, text.splitlines()):
        test = int(hashlib.sha256(line.encode()).hexdigest(), 16) % 2 == 1
        for part in line.split(" | "):
            found.append(Sentence(part[2:], SIGNS[part[0]], kind, test))
    return found


def hashes(folder: Path = FOLDER) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {f"{kind}.txt": hashlib.sha256((folder / f"{kind}.txt").read_bytes()).hexdigest() for kind in KINDS}


if __name__ == "__main__":
    FROZEN.write_text(json.dumps(hashes(), indent=2) + "\n", "utf-8")
