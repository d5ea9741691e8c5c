"""The sets that judge, as text and sentiment: one is never trained on, the others are left out in turn."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd

from training import data
from training.data import Row
from wellheard.enrich.text.cleaning import for_model, plain

MOST, SEED = 1_500, 11
SETS = ("goemotions", "tweets", "products", "clothing", "airline")


def exam(folder: Path, name: str) -> list[Row]:
    """At most 1,500 rows of a set with a sentiment, the same each time."""
    if name == "goemotions":
        rows = data.goemotions(folder, "dev")
    elif name == "clothing":
        rows = data.clothing(folder)
    elif name == "airline":
        rows = airline(folder)
    else:
        rows = data.rated(folder, name)
    told = [row for row in {row.text: row for row in rows}.values() if row.sentiment is not None]
    return random.Random(SEED).sample(told, min(MOST, len(told)))


def kept(folder: Path, name: str) -> list[Row]:
    """The rows of a training set that were kept back; they set cuts and shifts."""
    if name == "goemotions":
        rows = data.goemotions(folder, "dev")[::2]
    else:
        rows = data.clothing(folder) if name == "clothing" else data.rated(folder, name)
        rows = [row for row in rows if data.kept_back(row.text)]
    told = [row for row in rows if row.sentiment is not None]
    return random.Random(SEED).sample(told, min(600, len(told)))


def airline(folder: Path) -> list[Row]:
    """Tweets to airlines. Never trained on."""
    table = pd.read_csv(folder / "airline_tweets/Airline-Sentiment-2-w-AA.csv.gz")
    return [
        Row(for_model(plain(str(text))), data.SENTIMENTS.index(label))
        for text, label in zip(table.text, table.airline_sentiment, strict=True)
    ]
