"""How fast the reader is, how well it finds topics, categories and languages, and what it learns at home."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import v_measure_score

from training import data, exams
from training.judged import _blob, _rival
from wellheard.enrich.text.categories import fitted
from wellheard.enrich.text.graph import Graph
from wellheard.enrich.text.heads import BAND, Rated, Trial, language_head
from wellheard.enrich.text.issues import band_of
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.languages import detected
from wellheard.enrich.text.lexicon import compound
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.topics import clustered

REPO = Path(__file__).parent.parent
TURNS = 3
# Loads the model in a process of its own, reads, and says how long loading took and what it holds, in MB.
ALONE = """
import sys, time
from pathlib import Path
began = time.process_time()
from wellheard.enrich.text.graph import Graph
graph = Graph(Path(sys.argv[1]))
graph.read(["ready"])
loaded = time.process_time() - began
graph.read(["a comment of some length about the delivery that came late " + str(n) for n in range(200)])
held = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(loaded, int(held.split()[1]) / 1000)
"""


@dataclass(frozen=True)
class Speed:
    """Texts a second of each, milliseconds of a single text, seconds to load, megabytes."""

    ours: float
    vader: float
    textblob: float
    tfidf: float
    single: float
    load: float
    memory: float
    size: float
    embedder: float


def speed(folder: Path, graph: Graph, many: int = 500) -> Speed:
    """All in this run, in turns, the best of three each, on the same texts of about 95 characters.

    Seconds are those of a core, so that what else the machine does changes little: ours has two threads, and so twice
    the texts a second on two free cores; the others have one.
    """
    texts = _of_length(folder, many)
    rival = _rival(folder, "airline")

    def rate(work: object) -> float:
        began = time.process_time()
        work()  # type: ignore[operator]
        return len(texts) / (time.process_time() - began)

    ways = {
        "ours": lambda: graph.read(texts),
        "vader": lambda: [compound(t) for t in texts],
        "textblob": lambda: [_blob(t) for t in texts],
        "tfidf": lambda: rival.predict(texts),
    }
    best = dict.fromkeys(ways, 0.0)
    for _ in range(TURNS):
        for name, work in ways.items():
            best[name] = max(best[name], rate(work))
    single = []
    for text in texts[:100]:
        began = time.process_time()
        graph.read([text])
        single.append(1000 * (time.process_time() - began))
    ran = subprocess.run([sys.executable, "-c", ALONE, str(graph.folder)], capture_output=True, text=True, check=True)
    load, memory = map(float, ran.stdout.split())
    sizes = [(graph.folder / name).stat().st_size / 1e6 for name in ("reader.onnx", "embedder.onnx")]
    return Speed(
        2 * best["ours"], best["vader"], best["textblob"], best["tfidf"], float(np.median(single)), load, memory, *sizes
    )


def _of_length(folder: Path, n: int = 1_500) -> list[str]:
    texts = sorted({r.text for r in exams.airline(folder) if 60 <= len(r.text) <= 130})
    return texts[:: max(1, len(texts) // n)][:n]


@dataclass(frozen=True)
class Found:
    """Figures of topics and categories."""

    texts: int
    v_measure: float
    tfidf_v_measure: float
    seconds: float
    categories: float
    tfidf_categories: float


def topics(folder: Path, graph: Graph) -> Found:
    """banking77, split 70/30 by a fixed draw: clustered without labels, and sorted by ten examples of each kind."""
    table = pd.read_csv(folder / data.SOURCES["banking"])
    order = np.random.default_rng(77).permutation(len(table))
    test, train = table.iloc[order[: int(0.3 * len(table))]], table.iloc[order[int(0.3 * len(table)) :]]
    texts, truth = list(test.text), list(test.category)
    began = time.process_time()
    meanings = graph.read(texts, meaning=True).meaning
    assert meanings is not None
    read = time.process_time() - began
    labels = clustered(meanings, 77)
    seconds = (time.process_time() - began - read) + read / 2  # reading has two threads
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    rival = KMeans(77, n_init=1, random_state=1).fit_predict(words.fit_transform(texts))
    ten = train.groupby("category").head(10)
    known = graph.read(list(ten.text), meaning=True).meaning
    assert known is not None
    said = fitted(known, list(ten.category)).predict(meanings)
    plain = LogisticRegression(C=10, max_iter=300).fit(words.fit_transform(ten.text), ten.category)
    return Found(
        len(texts),
        v_measure_score(truth, labels),
        v_measure_score(truth, rival),
        seconds,
        float(np.mean(said == np.array(truth))),
        float(np.mean(plain.predict(words.transform(texts)) == np.array(truth))),
    )


def languages(folder: Path) -> tuple[float, int, int]:
    """The mean part right over languages: sentences of our surveys in the languages that they are written in."""
    told: dict[str, set[str]] = {}
    for file in sorted((REPO / "src" / "wellheard" / "surveys").rglob("*.toml")):
        for language, words in tomllib.loads(file.read_text("utf-8")).items():
            if isinstance(words, dict) and len(language) == 2:
                told.setdefault(language, set()).update(t for t in words.values() if isinstance(t, str) and len(t) > 24)
    told["pt"] = told.get("pt", set()) | set(list(_reviews(folder).text)[:100])
    told = {language: set(sorted(texts)[:150]) for language, texts in told.items() if len(texts) >= 20}
    right = [float(np.mean([detected(t)[0] == language for t in sorted(texts)])) for language, texts in told.items()]
    return float(np.mean(right)), sum(map(len, told.values())), len(told)


def _reviews(folder: Path) -> pd.DataFrame:
    with gzip.open(folder / "olist/olist_order_reviews_dataset.csv.gz", "rt", encoding="utf-8") as file:
        table = pd.read_csv(file).dropna(subset=["review_comment_message"])
    table["text"] = table.review_comment_message.str.strip()
    return table[table.text.str.len() > 0]


def cache(folder: Path, graph: Graph) -> tuple[float, bool]:
    """Texts a second where each was read before, and whether another reader gives the same readings."""
    texts = _of_length(folder, 300)
    reader = Reader(graph=graph, kept=Kept())
    first = reader.read(texts)
    many = texts * 100
    began = time.perf_counter()
    reader.read(many)
    rate = len(many) / (time.perf_counter() - began)
    again = Reader(graph=Graph(graph.folder), kept=Kept()).read(list(reversed(texts)))
    return rate, first == list(reversed(again))


def portuguese(folder: Path) -> Trial:
    """The head that a workspace with these reviews trains at home."""
    table = _reviews(folder)
    rows = [
        Rated(text, BAND[band_of(score, 1, 5) or "middle"], datetime.fromisoformat(at))
        for text, score, at in zip(table.text, table.review_score, table.review_answer_timestamp, strict=True)
    ]
    return language_head("pt", rows)[1]
