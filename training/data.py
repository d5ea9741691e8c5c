"""The rows that the model is trained on, and those that judge it. Only what `SOURCES` names is trained on."""

from __future__ import annotations

import gzip
import hashlib
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from training.cx import FOLDER, KINDS, SIGNS, sentences
from wellheard.enrich.text.cleaning import for_model, plain

SOURCES = {
    "goemotions": "goemotions/train.csv.gz",
    "tweets": "sentiment_intensity/tweets.csv.gz",
    "products": "sentiment_intensity/amazonReviewSnippets.csv.gz",
    "clothing": "clothing_reviews/Womens Clothing E-Commerce Reviews.csv.gz",
    "banking": "banking77/train.csv.gz",
}
SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
POSITIVE = {"admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love",
            "optimism", "pride", "relief"}  # fmt: skip
NEGATIVE = {"anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief",
            "nervousness", "remorse", "sadness"}  # fmt: skip
UNSIGNED = 0.5  # mean human rating, of 4, up to which a text counts as neutral
ALIKE = 0.5  # the part of its words that a sentence for training may share with one kept for the test
ASKING = ("how", "what", "where", "when", "which", "can", "could", "do", "does", "is", "are", "who", "may", "will")


@dataclass(frozen=True)
class Row:
    """A text with what is known of it; None where nothing is."""

    text: str
    sentiment: int | None = None
    emotions: tuple[int, ...] | None = None
    rating: float | None = None  # −4 to 4
    weight: float = 1.0  # of its sentiment


def kept_back(text: str) -> bool:
    """Whether a row of a training set is kept to judge: a fifth, by the hash of its text."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 5 == 0


def hash_of(folder: Path, source: str) -> str:
    """The SHA-256 of a set's file as it was unpacked, so that another compression is the same set."""
    return hashlib.sha256(gzip.decompress((folder / SOURCES[source]).read_bytes())).hexdigest()


def goemotions(folder: Path, part: str = "train") -> list[Row]:
    table = pd.read_csv(folder / f"goemotions/{part}.csv.gz", keep_default_na=False, dtype=str)
    found = []
    for text, labels in zip(table.text, table.labels, strict=True):
        emotions = tuple(int(n) for n in labels.split(","))
        found.append(Row(for_model(plain(text)), side(emotions), emotions))
    return found


def side(emotions: tuple[int, ...]) -> int | None:
    """The sentiment of emotions: of one side alone, or of neither; None for both, and for ambiguous ones."""
    names = {EMOTIONS[n] for n in emotions}
    good, bad = bool(names & POSITIVE), bool(names & NEGATIVE)
    if good or bad:
        return None if good and bad else 2 if good else 0
    return 1 if names == {"neutral"} else None


def rated(folder: Path, source: str) -> list[Row]:
    """Texts that some twenty people rated from −4 to 4."""
    table = pd.read_csv(folder / SOURCES[source])
    return [
        Row(for_model(plain(str(text))), 1 if abs(mean) <= UNSIGNED else 2 if mean > 0 else 0, None, float(mean))
        for text, mean in zip(table.text, table.mean_sentiment, strict=True)
    ]


def clothing(folder: Path, titles: bool = False) -> list[Row]:
    """Reviews of clothes: 1 and 2 stars are negative, 3 neutral, 4 and 5 positive."""
    table = pd.read_csv(folder / SOURCES["clothing"]).dropna(subset=["Title" if titles else "Review Text"])
    stars = {1: 0, 2: 0, 3: 1, 4: 2, 5: 2}
    return [
        Row(for_model(plain(str(text))), stars[rating], weight=0.5 if rating == 3 else 1.0)
        for text, rating in zip(table["Title" if titles else "Review Text"], table.Rating, strict=True)
        if not titles or rating in (1, 2, 5)
    ]


def requests(folder: Path) -> list[Row]:
    """Questions to a bank that ask for information, taken as neutral; their labels are not read."""
    texts = pd.read_csv(folder / SOURCES["banking"]).text
    asks = [str(t) for t in texts if str(t).strip().endswith("?") and str(t).split(" ")[0].lower() in ASKING]
    plainly = [t for t in asks if not any(w in t.lower() for w in ("n't", "not ", "fail", "wrong", "declin", "stolen"))]
    return [Row(for_model(plain(t)), 1, weight=0.7) for t in plainly]


def own(test: bool, kinds: tuple[str, ...] = KINDS) -> list[Row]:
    found = [s for s in sentences() if s.test is test and s.kind in kinds]
    return [Row(for_model(plain(s.text)), SENTIMENTS.index(s.sentiment)) for s in found]


def idioms(kinds: tuple[str, ...] = KINDS) -> list[Row]:
    """Sentences by which people say no and mean yes, or the other way round, for training alone."""
    found = []
    for line in (FOLDER / "idioms.txt").read_text("utf-8").splitlines():
        for part in line.split(" | "):
            sign = SIGNS[part[0]]
            rating = {"positive": 1.5, "negative": -1.5}.get(sign)
            found.append(Row(for_model(plain(part[2:])), SENTIMENTS.index(sign), rating=rating))
    return apart(found, kinds)


def apart(rows: list[Row], kinds: tuple[str, ...] = KINDS) -> list[Row]:
    """Rows of our own without those that share most of their words with a sentence kept for the test."""
    tested = [_words(s.text) for s in sentences() if s.test and s.kind in kinds]
    alike = [
        max(len(words & other) / len(words | other) for other in tested) for words in (_words(row.text) for row in rows)
    ]
    return [row for row, share in zip(rows, alike, strict=True) if share < ALIKE]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower()))


def training_rows(folder: Path, seed: int, without: str | None = None) -> list[Row]:
    """The rows in the order of training: as often as the list below says, shuffled, with one set left out."""
    draw = random.Random(seed)

    def some(rows: list[Row], n: int) -> list[Row]:
        return draw.sample(rows, min(n, len(rows)))

    found: list[Row] = []
    if without != "goemotions":
        rows = goemotions(folder)
        felt = [r for r in rows if r.emotions != (27,)]
        found += felt + some(felt, 12_000) + some([r for r in rows if r.emotions == (27,)], 8_000)
    for source in ("tweets", "products"):
        if without != source:
            found += 3 * [r for r in rated(folder, source) if not kept_back(r.text)]
    if without != "clothing":
        rows = [r for r in clothing(folder) if not kept_back(r.text)]
        for sentiment in range(3):
            found += some([r for r in rows if r.sentiment == sentiment], 1_600)
        titles = [r for r in clothing(folder, titles=True) if not kept_back(r.text)]
        found += some([r for r in titles if r.sentiment == 0], 1_200) + some(
            [r for r in titles if r.sentiment == 2], 900
        )
    found += some(requests(folder), 1_500)
    found += 8 * own(False, KINDS[:-1])
    draw.shuffle(found)
    return found
