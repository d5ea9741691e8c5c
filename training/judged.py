"""How right the reader is: on sets left out, on emotions, on our own sentences."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from training import cx, data, exams
from training.data import EMOTIONS, NEGATIVE, POSITIVE, Row
from wellheard.enrich.text.cleaning import for_model, plain
from wellheard.enrich.text.decoding import groups, reads, strengths, valences
from wellheard.enrich.text.graph import Graph, Outputs
from wellheard.enrich.text.lexicon import NEUTRAL, compound
from wellheard.enrich.text.reading import SENTIMENTS

SETS = exams.SETS
KEPT = Path(__file__).parent / "results" / "left_out.npz"
RIVAL_ROWS = 20_000
EKMAN = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy",
        "amusement",
        "approval",
        "excitement",
        "gratitude",
        "love",
        "optimism",
        "relief",
        "pride",
        "admiration",
        "desire",
        "caring",
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}
GROUPS = {
    "positive": tuple(POSITIVE),
    "negative": tuple(NEGATIVE),
    "neutral": ("neutral",),
    "ambiguous": ("surprise", "realization", "confusion", "curiosity"),
}
BATCHES, OF = 200, 100


@dataclass(frozen=True)
class LeftOut:
    """Figures on one set that the model has not seen, and those of others on the same rows."""

    ours: float
    vader: float
    textblob: float
    tfidf: float
    sides: float
    vader_sides: float
    textblob_sides: float
    tfidf_sides: float
    valence: float = 0.0
    vader_valence: float = 0.0
    textblob_valence: float = 0.0
    strength: float = 0.0
    vader_strength: float = 0.0


def rows_hash(rows: list[Row]) -> str:
    """The mark of an exam's rows, texts and truths."""
    return hashlib.sha256("\x1f".join(f"{r.sentiment}{r.text}" for r in rows).encode()).hexdigest()


def left_out(folder: Path, graph: Graph, name: str) -> LeftOut:
    """The exam of one set."""
    rows = exams.exam(folder, name)
    truth = np.array([r.sentiment for r in rows])
    out = _said(graph, name, rows)
    texts = [r.text for r in rows]
    lexicon = np.array([compound(t) for t in texts])
    blob = np.array([_blob(t) for t in texts])
    tfidf = _rival(folder, name).predict_proba(texts)
    polar = truth != 1
    told: dict[str, float] = {}
    if name == "products":
        rating = np.array([r.rating for r in rows], np.float64)
        told = {
            "valence": _r(valences(out, {**graph.manifest, "shift": [0, 0, 0]}), rating),
            "vader_valence": _r(lexicon, rating),
            "textblob_valence": _r(blob, rating),
            "vader_strength": _r(abs(lexicon), abs(rating)),
            "strength": _r(strengths(out.feeling, texts), abs(rating)),
        }
    return LeftOut(
        _f1(truth, out.sentiment.argmax(1)),
        _f1(truth, _cut(lexicon)),
        _f1(truth, _cut(blob)),
        _f1(truth, tfidf.argmax(1)),
        _sides(truth, out.sentiment[:, 2] - out.sentiment[:, 0], polar),
        _sides(truth, lexicon, polar),
        _sides(truth, blob, polar),
        _sides(truth, tfidf[:, 2] - tfidf[:, 0], polar),
        **told,
    )


def _said(graph: Graph, name: str, rows: list[Row]) -> Outputs:
    """What the model that has not seen the set says of it: the shipped one of airline, else what was kept; its logits
    with what its own manifest adds to them."""
    if name == "airline":
        out = graph.read([r.text for r in rows])
        return replace(out, sentiment=out.sentiment + np.array(graph.manifest["shift"], np.float32))
    with np.load(KEPT) as kept:
        assert str(kept[f"{name}_rows"]) == rows_hash(rows), (
            f"the rows of {name} are others than those that were judged"
        )
        none = np.zeros((len(rows), 28), np.float32)
        return Outputs(
            kept[f"{name}_sentiment"].astype(np.float32) + kept[f"{name}_shift"],
            none,
            kept[f"{name}_feeling"].astype(np.float32),
            None,
        )


def _f1(truth: Any, said: Any) -> float:
    return float(f1_score(truth, said, average="macro", labels=[0, 1, 2]))


def _cut(score: Any) -> Any:
    return np.where(score >= NEUTRAL, 2, np.where(score <= -NEUTRAL, 0, 1))


def _sides(truth: Any, score: Any, polar: Any) -> float:
    """The part right of texts with a side; a score of exactly nothing is half right."""
    up = truth[polar] == 2
    return float(np.where(score[polar] == 0, 0.5, (score[polar] > 0) == up).mean())


def _r(a: Any, b: Any) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _blob(text: str) -> float:
    from textblob import TextBlob

    return float(TextBlob(text).sentiment.polarity)


@cache
def _rival(folder: Path, without: str) -> Any:
    """TF-IDF of words and pairs with logistic regression, on the rows of our own training, the set left out."""
    rows = data.training_rows(folder, 1, without)
    told = list({r.text: r for r in rows if r.sentiment is not None}.values())[:RIVAL_ROWS]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(words, LogisticRegression(C=4.0, max_iter=200, class_weight="balanced"))
    return model.fit([r.text for r in told], [r.sentiment for r in told])


@dataclass(frozen=True)
class Felt:
    """Macro-F1 of emotions on the judging half, and the error of the net emotion of many comments."""

    classes: float
    ekman: float
    groups: float
    net_error: float
    tfidf_classes: float
    tfidf_ekman: float
    tfidf_groups: float
    tfidf_net_error: float
    vader_net_error: float


def emotions(folder: Path, graph: Graph) -> Felt:
    """The second half of GoEmotions' dev part; the first half has set the cuts."""
    halves = [data.goemotions(folder, "dev")[half::2] for half in (0, 1)]
    rows = halves[1]
    texts, marks = [r.text for r in rows], _marks(rows)
    out = graph.read(texts)
    cuts = np.array([graph.manifest["emotion_cuts"][name] for name in EMOTIONS])
    chance = 1 / (1 + np.exp(-out.emotions))
    ours = _whole(chance >= cuts)
    rival, rival_cuts = _emotion_rival(folder, halves[0])
    theirs = _whole(rival.predict_proba(texts) >= rival_cuts)
    read = reads(out, texts, graph.manifest)
    hard = np.array([(r.pleasant or False) * 1 - (r.unpleasant or False) * 1 for r in read])
    truth, lexicon = _net(marks), _cut(np.array([compound(t) for t in texts])) - 1
    shown = groups(chance, graph.manifest)
    places = {name: [EMOTIONS.index(e) for e in members] for name, members in GROUPS.items()}
    by_group = [f1_score(marks[:, places[name]].any(1), shown[name]) for name in GROUPS]
    return Felt(
        *(_grouped_f1(marks, ours, how) for how in (None, EKMAN)),
        float(np.mean(by_group)),
        _net_error(truth, hard),
        *(_grouped_f1(marks, theirs, how) for how in (None, EKMAN, GROUPS)),
        _net_error(truth, _net(theirs)),
        _net_error(truth, lexicon),
    )


def _emotion_rival(folder: Path, tuning: list[Row]) -> tuple[Any, Any]:
    from sklearn.pipeline import make_pipeline

    rows = data.goemotions(folder)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    each = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=20, random_state=1, class_weight="balanced")
    model = make_pipeline(words, OneVsRestClassifier(each)).fit([r.text for r in rows], _marks(rows))
    chance, marks = model.predict_proba([r.text for r in tuning]), _marks(tuning)
    cuts = [
        max(np.arange(0.05, 1, 0.05), key=lambda c, n=n: f1_score(marks[:, n], chance[:, n] >= c, zero_division=0))
        for n in range(len(EMOTIONS))
    ]
    return model, np.array(cuts)


def _marks(rows: list[Row]) -> Any:
    marks = np.zeros((len(rows), len(EMOTIONS)), bool)
    for n, row in enumerate(rows):
        marks[n, list(row.emotions or ())] = True
    return marks


def _whole(marks: Any) -> Any:
    """`neutral` where nothing else is found."""
    marks = marks.copy()
    marks[~marks.any(1), EMOTIONS.index("neutral")] = True
    return marks


def _grouped_f1(truth: Any, said: Any, how: dict[str, tuple[str, ...]] | None) -> float:
    if how:
        places = [[EMOTIONS.index(e) for e in group] for group in how.values()]
        truth = np.stack([truth[:, p].any(1) for p in places], axis=1)
        said = np.stack([said[:, p].any(1) for p in places], axis=1)
    return float(f1_score(truth, said, average="macro", zero_division=0))


def _net(marks: Any) -> Any:
    good = marks[:, [EMOTIONS.index(e) for e in POSITIVE]].any(1)
    bad = marks[:, [EMOTIONS.index(e) for e in NEGATIVE]].any(1)
    return good.astype(int) - bad.astype(int)


def _net_error(truth: Any, said: Any) -> float:
    """Over batches whose mix of pleasant and unpleasant comments is varied from one to the next."""
    draw = np.random.default_rng(5)
    sides = [np.flatnonzero(truth == s) for s in (-1, 0, 1)]
    errors = []
    for _ in range(BATCHES):
        mix = draw.multinomial(OF, draw.dirichlet((1.5, 1.5, 1.5)))
        part = np.concatenate([draw.choice(side, n) for side, n in zip(sides, mix, strict=True)])
        errors.append(abs(truth[part].mean() - said[part].mean()))
    return float(np.mean(errors))


def own_sentences(graph: Graph) -> list[tuple[str, int, float, float, float]]:
    """By kind: how many are kept for the test, the part that we, VADER and TextBlob read right."""
    tested = [s for s in cx.sentences() if s.test]
    texts = [for_model(plain(s.text)) for s in tested]
    ours = [r.sentiment for r in reads(graph.read(texts), texts, graph.manifest)]
    lexicon = [SENTIMENTS[n] for n in _cut(np.array([compound(t) for t in texts]))]
    blob = [SENTIMENTS[n] for n in _cut(np.array([_blob(t) for t in texts]))]
    found = []
    for kind in cx.KINDS:
        places = [n for n, s in enumerate(tested) if s.kind == kind]
        right = [float(np.mean([said[n] == tested[n].sentiment for n in places])) for said in (ours, lexicon, blob)]
        found.append((kind, len(places), *right))
    return found  # type: ignore[return-value]


def keep(folder: Path, models: Path) -> None:
    """Keeps what each model that leaves a set out says of that set; `models` holds a folder `no_SET` for each."""
    told: dict[str, Any] = {}
    for name in SETS[:-1]:
        rows = exams.exam(folder, name)
        out = Graph(models / f"no_{name}").read([r.text for r in rows])
        told |= {
            f"{name}_sentiment": out.sentiment.astype(np.float16),
            f"{name}_feeling": out.feeling.astype(np.float16),
        }
        told |= {
            f"{name}_shift": np.array(Graph(models / f"no_{name}").manifest["shift"], np.float32),
            f"{name}_rows": np.array(rows_hash(rows)),
            f"{name}_model": np.array(Graph(models / f"no_{name}").manifest["files"]["reader.onnx"]),
        }
    KEPT.parent.mkdir(exist_ok=True)
    np.savez_compressed(KEPT, **told)
