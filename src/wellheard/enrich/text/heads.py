"""Readers trained at home: for a language that the model cannot read, and from a workspace's labels.

Either is taken only where it wins on what was held out; the trial is kept beside it, also where it was refused.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wellheard.base.errors import BadCall
from wellheard.enrich.text.lexicon import lexicon_read
from wellheard.enrich.text.reading import SENTIMENTS, Read

LEAST = 1_000  # rated comments from which on a language's head is trained
HELD_OUT = 0.25  # of the rated comments, the newest months
FEATURES = 2**16
LEAST_LABELS = 60
FOLDS = 5
BAND = {"low": "negative", "middle": "neutral", "high": "positive"}
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rated:
    """A comment with the sentiment that its rating says, and when it was written."""

    text: str
    sentiment: str
    written_at: datetime


@dataclass(frozen=True)
class Trial:
    """How a head did on what was held out, in macro-F1, beside what it had to beat; `accepted` says whether it did."""

    name: str
    trained: int
    held_out: int
    since: str
    score: float
    rivals: dict[str, float]
    gain_low: float  # the lower end of the 95 % interval of its gain over the best rival
    accepted: bool
    why: str


class CharHead:
    """Hashed runs of one to four letters and logistic regression: small, and right for any language with letters."""

    def __init__(self, name: str, weights: npt.NDArray[np.float32], offset: npt.NDArray[np.float32]) -> None:
        self.name, self._weights, self._offset = name, weights, offset

    @classmethod
    def trained(cls, name: str, texts: Sequence[str], sentiments: Sequence[str]) -> CharHead:
        """Learns from texts and their sentiments; the same texts give the same head."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=4.0, max_iter=300, class_weight="balanced")
        model.fit(_grams(texts), [SENTIMENTS.index(s) for s in sentiments])
        weights, offset = np.zeros((3, FEATURES), np.float32), np.full(3, -1e9, np.float32)
        for row, place in enumerate(model.classes_):
            if len(model.classes_) == 2:
                weights[place], offset[place] = (
                    (2 * row - 1) * model.coef_[0] / 2,
                    (2 * row - 1) * model.intercept_[0] / 2,
                )
            else:
                weights[place], offset[place] = model.coef_[row], model.intercept_[row]
        return cls(name, weights, offset)

    def chances(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """The probabilities of the three sentiments, n × 3."""
        logits = np.asarray(_grams(texts) @ self._weights.T + self._offset, np.float64)
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(grown / grown.sum(axis=1, keepdims=True))

    def read(self, texts: Sequence[str]) -> list[Read]:
        """Sentiment and valence of plain texts; it knows no emotions."""
        return [
            Read(
                sentiment=SENTIMENTS[int(c.argmax())],
                valence=round(float(c[2] - c[0]), 4),
                sure=round(float(c.max()), 4),
            )
            for c in self.chances(list(texts))
        ]

    def save(self, file: Path, trial: Trial) -> None:
        """Keeps it with its trial."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("wb") as out:
            told = json.dumps(asdict(trial))
            np.savez_compressed(
                out, weights=self._weights.astype(np.float16), offset=self._offset, trial=np.array(told)
            )

    @classmethod
    def load(cls, file: Path) -> tuple[CharHead, Trial]:
        """One that was kept, with its trial."""
        with np.load(file, allow_pickle=False) as held:
            trial = Trial(**json.loads(str(held["trial"])))
            return cls(trial.name, held["weights"].astype(np.float32), held["offset"]), trial


def _grams(texts: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), n_features=FEATURES, alternate_sign=False, norm="l2", dtype=np.float32
    ).transform([text.lower() for text in texts])


def language_head(language: str, rows: Sequence[Rated]) -> tuple[CharHead, Trial]:
    """A head for a language from a workspace's own rated comments, tried on its newest months.

    It is trained on the months before; once accepted, on all. It must beat the commonest sentiment and VADER, by more
    than chance explains. Raises BadCall for fewer than 1,000 comments.
    """
    rows = sorted(rows, key=lambda row: (row.written_at, row.text))
    if len(rows) < LEAST:
        raise BadCall(
            f"{len(rows):,} rated comments are written in {language}", hint=f"{LEAST:,} are needed to learn a language"
        )
    past, future, since = _by_month(rows)
    name = f"{language}-home-{_mark(rows)}"
    tried = CharHead.trained(name, [r.text for r in past], [r.sentiment for r in past])
    truth = np.array([SENTIMENTS.index(r.sentiment) for r in future])
    said = tried.chances([r.text for r in future]).argmax(axis=1)
    commonest = np.bincount([SENTIMENTS.index(r.sentiment) for r in past], minlength=3).argmax()
    lexicon = np.array([SENTIMENTS.index(lexicon_read(r.text).sentiment or "neutral") for r in future])
    rivals = {"commonest": np.full(len(truth), commonest), "vader": lexicon}
    trial = _judged(name, len(past), since, truth, said, rivals)
    whole = CharHead.trained(name, [r.text for r in rows], [r.sentiment for r in rows]) if trial.accepted else tried
    return whole, trial


def _by_month(rows: Sequence[Rated]) -> tuple[list[Rated], list[Rated], str]:
    """The rows before a month and those from it on: about a quarter, whole months, at least one."""
    months = [f"{row.written_at:%Y-%m}" for row in rows]
    since = months[int(len(rows) * (1 - HELD_OUT))]
    if since == months[0]:
        later = [month for month in months if month != months[0]]
        if not later:
            raise BadCall("all rated comments are of one month", hint="a head is tried on months that it has not seen")
        since = later[0]
    past = [row for row, month in zip(rows, months, strict=True) if month < since]
    # The same words in both halves would be remembered and not understood.
    known = {row.text.lower() for row in past}
    future = [r for r, m in zip(rows, months, strict=True) if m >= since and r.text.lower() not in known]
    return past, future, since


def _mark(rows: Sequence[Rated]) -> str:
    told = "\x1f".join(f"{row.sentiment}{row.text}" for row in rows)
    return f"{zlib.crc32(told.encode('utf-8', 'replace')):08x}"


def _judged(name: str, trained: int, since: str, truth: Counts, said: Counts, rivals: dict[str, Counts]) -> Trial:
    scores = {rival: macro_f1(truth, answer) for rival, answer in rivals.items()}
    best = max(scores, key=lambda rival: scores[rival])
    own, low = macro_f1(truth, said), gain(truth, said, rivals[best])[0]
    accepted = low > 0
    why = f"macro-F1 {own:.3f} on {len(truth):,} held out, {best} {scores[best]:.3f}"
    return Trial(name, trained, len(truth), since, own, scores, low, accepted, why if accepted else f"refused: {why}")


def macro_f1(truth: Counts, said: Counts) -> float:
    """The mean of the F1 of each sentiment that there is in truth."""
    scores = []
    for c in sorted(set(truth.tolist())):
        hit = int(((truth == c) & (said == c)).sum())
        scores.append(2 * hit / max(1, int((truth == c).sum()) + int((said == c).sum())))
    return float(np.mean(scores)) if scores else 0.0


def gain(truth: Counts, said: Counts, rival: Counts, draws: int = 400, seed: int = 7) -> tuple[float, float]:
    """The 95 % interval of the gain in macro-F1 over a rival, by paired bootstrap (B. Efron, 1979)."""
    draw, n = np.random.default_rng(seed), len(truth)
    gains = []
    for _ in range(draws):
        part = draw.integers(0, n, n)
        gains.append(macro_f1(truth[part], said[part]) - macro_f1(truth[part], rival[part]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class LabelHead:
    """Learns from a workspace's labels, on meanings and the model's own numbers; keeps what the model is sure of."""

    name: str
    weights: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]

    def chances(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        logits = np.asarray(features @ self.weights.T + self.offset, np.float64)
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def label_head(features: npt.NDArray[np.float32], base: Counts, truth: Counts) -> tuple[LabelHead, Trial]:
    """A head from labels: n × d features, what the model says, what people say. Tried fold by fold on labels unseen.

    Raises BadCall for fewer than 60 labels.
    """
    if len(truth) < LEAST_LABELS:
        raise BadCall(f"there are {len(truth)} labels", hint=f"{LEAST_LABELS} are needed to learn from them")
    said = np.zeros(len(truth), np.int64)
    folds = np.random.default_rng(7).permutation(len(truth)) % FOLDS
    for fold in range(FOLDS):
        part = folds != fold
        said[~part] = _label_fit("", features[part], truth[part]).chances(features[~part]).argmax(axis=1)
    name = f"labels-{zlib.crc32(truth.tobytes() + features.tobytes()):08x}"
    trial = _judged(name, len(truth), f"{FOLDS} folds", truth, said, {"model": base})
    return _label_fit(name, features, truth), trial


def _label_fit(name: str, features: npt.NDArray[np.float32], truth: Counts) -> LabelHead:
    from sklearn.linear_model import LogisticRegression

    weights, offset = np.zeros((3, features.shape[1]), np.float32), np.full(3, -1e9, np.float32)
    known = sorted(set(truth.tolist()))
    if len(known) == 1:
        offset[known[0]] = 0
        return LabelHead(name, weights, offset)
    model = LogisticRegression(C=0.5, max_iter=500, class_weight="balanced").fit(features, truth)
    for row, place in enumerate(model.classes_):
        sign = (2 * row - 1) / 2 if len(known) == 2 else 1.0
        take = 0 if len(known) == 2 else row
        weights[place], offset[place] = sign * model.coef_[take], sign * model.intercept_[take]
    return LabelHead(name, weights, offset)
