"""Learns who leaves: a logistic regression with shrinkage, gradient boosting where there are many, or the two together.

Which of them is told by customers they have not seen, and so is how far their chances are to be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from wellheard.enrich.encoding import Encoding, encoding_of, is_text
from wellheard.enrich.fitting import Floats, single_threaded
from wellheard.enrich.judging import log_loss, slope
from wellheard.enrich.reasons import reasons

LOGISTIC, BOOSTED, BOTH = "logistic", "boosted", "both"
MANY = 200  # events from which on boosting is tried
SHRINKAGES = (0.0005, 0.005, 0.05, 0.5, 5.0)
CALIBRATED_FROM = 50  # events from which on a slope can be told
EDGE = 1e-5  # no chance is nearer to 0 or 1
BLOCK, THREADS = 50_000, 2  # customers scored at a time, and how many such blocks at once

Split = tuple[Any, Any]  # the rows to learn from, and those to try it on


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression: its weights, the intercept first, and the covariance of both."""

    encoding: Encoding
    weights: Floats
    covariance: Floats
    centre: Floats

    def logits(self, frame: pd.DataFrame) -> Floats:
        return self.logits_of(self.encoding.matrix(frame))

    def logits_of(self, matrix: Floats) -> Floats:
        """The logits of customers that are encoded already."""
        with single_threaded():
            return np.asarray(self.weights[0] + matrix @ self.weights[1:])

    def errors_of(self, matrix: Floats) -> Floats:
        """The standard errors of the logits of customers that are encoded already."""
        with single_threaded():
            spread = np.einsum("ij,ij->i", matrix @ self.covariance[1:, 1:] + 2 * self.covariance[0, 1:], matrix)
        return np.asarray(np.sqrt(np.maximum(spread + self.covariance[0, 0], 0.0)))

    def pushes(self, frame: pd.DataFrame) -> tuple[list[str], Floats]:
        """By feature, how far each moves a customer's logit from that of the average customer: names, and a matrix."""
        return self.pushes_of(self.encoding.matrix(frame))

    def pushes_of(self, matrix: Floats) -> tuple[list[str], Floats]:
        """The pushes of customers that are encoded already."""
        names = list(dict.fromkeys(part.feature for part in self.encoding.parts))
        place = [names.index(part.feature) for part in self.encoding.parts]
        into = np.zeros((len(place), len(names)))
        into[np.arange(len(place)), place] = self.weights[1:]
        with single_threaded():
            return names, np.asarray(matrix @ into - self.centre @ into)


class Scored(NamedTuple):
    """Chances of leaving with the ends of their intervals, and reasons in words where they were asked for."""

    chance: Floats
    low: Floats
    high: Floats
    reasons: list[str]


@dataclass(frozen=True)
class Classifier:
    """A fitted model of a `kind`. Its chances are stretched by `steep` and shifted by `shift` on the logit scale."""

    kind: str
    logistic: Logistic
    boosted: Any
    steep: float = 1.0
    shift: float = 0.0

    def raw(self, frame: pd.DataFrame, matrix: Floats | None = None) -> Floats:
        """Logits before they are calibrated; `matrix` is the frame as the regression's encoding has it, where known."""
        parts = []
        if self.kind in (LOGISTIC, BOTH):
            parts.append(self.logistic.logits(frame) if matrix is None else self.logistic.logits_of(matrix))
        if self.kind in (BOOSTED, BOTH):
            parts.append(_boosted_logits(self.boosted, frame))
        return np.asarray(np.mean(parts, axis=0))

    def chances(self, frame: pd.DataFrame) -> Floats:
        """The chance of leaving."""
        return np.asarray(np.clip(expit(self.shift + self.steep * self.raw(frame)), EDGE, 1 - EDGE))

    def scored(self, frame: pd.DataFrame, why: bool = False) -> Scored:
        """The chances, and the ends of the 95 % interval of each, from the uncertainty of the regression's weights.

        With `why`, reasons in words as well.
        """
        matrix = self.logistic.encoding.matrix(frame)
        middle = self.shift + self.steep * self.raw(frame, matrix)
        reach = 1.96 * self.steep * self.logistic.errors_of(matrix)
        low, chance, high = (
            np.asarray(np.clip(expit(z), EDGE, 1 - EDGE)) for z in (middle - reach, middle, middle + reach)
        )
        words = reasons(frame, *self.logistic.pushes_of(matrix)) if why else []
        return Scored(chance, low, high, words)


def scored_in_blocks(classifier: Classifier, frame: pd.DataFrame, why: bool = False) -> Scored:
    """What `Classifier.scored` gives, a block of customers at a time, on two threads: memory stays bounded."""
    blocks = [frame.iloc[at : at + BLOCK] for at in range(0, len(frame), BLOCK)]
    with single_threaded(), ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda block: classifier.scored(block, why), blocks))
    chance, low, high = (np.concatenate([np.asarray(part[side]) for part in parts]) for side in range(3))
    return Scored(chance, low, high, [words for part in parts for words in part.reasons])


def _with_codes(frame: pd.DataFrame) -> pd.DataFrame:
    """Traits as categories, which boosting takes as they are."""
    traits = {c: frame[c].fillna("").astype(str).astype("category") for c in frame.columns if is_text(frame[c])}
    return frame.assign(**traits)


def fit_logistic(frame: pd.DataFrame, outcome: Floats, shrinkage: float, weights: Floats | None = None) -> Logistic:
    """A logistic regression with a ridge penalty; `shrinkage` is scikit-learn's C, the smaller the stronger."""
    from sklearn.linear_model import LogisticRegression

    encoding = encoding_of(frame)
    x = encoding.matrix(frame)
    if not x.shape[1]:
        x = np.zeros((len(frame), 1))
        encoding = Encoding(())
    model = LogisticRegression(C=shrinkage, max_iter=1000, tol=1e-6).fit(x, outcome, sample_weight=weights)
    size = len(encoding.parts)
    beta = np.concatenate([model.intercept_, model.coef_[0][:size]])
    full = np.column_stack([np.ones(len(frame)), x[:, :size]])
    mean = expit(full @ beta)
    spread = mean * (1 - mean) * (1.0 if weights is None else weights)
    penalty = np.diag(np.concatenate([[1e-9], np.full(size, 1 / shrinkage)]))
    covariance = np.linalg.inv((full * spread[:, None]).T @ full + penalty)
    return Logistic(encoding, beta, covariance, x[:, :size].mean(axis=0))


def fit_boosted(frame: pd.DataFrame, outcome: Floats) -> Any:
    """Gradient boosting of shallow trees, slow enough not to learn by heart."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    coded = _with_codes(frame)
    model = HistGradientBoostingClassifier(
        learning_rate=0.06, max_iter=100, max_leaf_nodes=8, min_samples_leaf=max(20, len(frame) // 200),
        l2_regularization=5.0, categorical_features="from_dtype", early_stopping=False, random_state=0,
    )  # fmt: skip
    with single_threaded():
        return model.fit(coded, outcome)


def _boosted_logits(model: Any, frame: pd.DataFrame) -> Floats:
    coded = _with_codes(frame.reindex(columns=list(model.feature_names_in_)))
    with single_threaded():
        found = model.predict_proba(coded)[:, 1]
    return np.asarray(logit(np.clip(found, 1e-6, 1 - 1e-6)))


@dataclass(frozen=True)
class Learned:
    """A classifier with how it was chosen: the mean surprise of each candidate at customers it had not seen, and the
    chances that it gave those, with the rows they belong to."""

    classifier: Classifier
    tried: dict[str, float]
    unseen: Floats
    rows: Floats
    shrinkage: float


def learn(frame: pd.DataFrame, outcome: Floats, splits: Sequence[Split], left: int | None = None) -> Learned:
    """Learns from all rows what does best by `splits`: pairs of rows to learn from and rows to try it on.

    `left` is how many different customers left, where rows are the same customers again and again: they say less than
    as many rows of their own would.
    """
    import sklearn.ensemble  # noqa: F401 - its threads can be held back only once it is loaded

    with single_threaded():
        return _learned(frame, outcome, splits, min(outcome.sum(), (1 - outcome).sum()) if left is None else left)


def _learned(frame: pd.DataFrame, outcome: Floats, splits: Sequence[Split], left: float) -> Learned:
    shrinkage = _best_shrinkage(frame, outcome, splits)
    kinds = [LOGISTIC, BOOSTED, BOTH] if left >= MANY else [LOGISTIC]
    logits: dict[str, list[Floats]] = {kind: [] for kind in kinds}
    tried_on = np.concatenate([np.asarray(after) for _, after in splits])
    for before, after in splits:
        one = _fit(frame.iloc[before], outcome[before], kinds, shrinkage)
        for kind in kinds:
            logits[kind].append(Classifier(kind, one.logistic, one.boosted).raw(frame.iloc[after]))
    seen = {kind: np.concatenate(parts) for kind, parts in logits.items()}
    surprise = {kind: log_loss(outcome[tried_on], expit(z)) for kind, z in seen.items()}
    best = min(kinds, key=lambda kind: (surprise[kind], kinds.index(kind)))
    steep, shift = _calibrated(outcome[tried_on], expit(seen[best]))
    whole = _fit(frame, outcome, [best, LOGISTIC], shrinkage)
    repeated = max(float(outcome.sum()) / max(left, 1.0), 1.0)
    regression = replace(whole.logistic, covariance=whole.logistic.covariance * repeated)
    fitted = Classifier(best, regression, whole.boosted, steep, shift)
    # Each split's chances are calibrated by the others, so that what is shown of them was not fitted to them.
    unseen = _cross_calibrated(outcome, splits, logits[best])
    return Learned(fitted, surprise, unseen, tried_on, shrinkage)


def _fit(frame: pd.DataFrame, outcome: Floats, kinds: Sequence[str], shrinkage: float) -> Classifier:
    boosted = fit_boosted(frame, outcome) if set(kinds) & {BOOSTED, BOTH} else None
    return Classifier(LOGISTIC, fit_logistic(frame, outcome, shrinkage), boosted)


def _best_shrinkage(frame: pd.DataFrame, outcome: Floats, splits: Sequence[Split]) -> float:
    surprise = dict.fromkeys(SHRINKAGES, 0.0)
    for before, after in list(splits)[-3:]:
        for c in SHRINKAGES:
            fitted = fit_logistic(frame.iloc[before], outcome[before], c)
            surprise[c] += log_loss(outcome[after], expit(fitted.logits(frame.iloc[after]))) * len(after)
    return min(SHRINKAGES, key=lambda c: surprise[c])


def _calibrated(outcome: Floats, chance: Floats) -> tuple[float, float]:
    """Slope and shift by which chances are corrected; few events correct the level alone, fewer nothing."""
    events = min(outcome.sum(), (1 - outcome).sum())
    if events < CALIBRATED_FROM:
        return 1.0, 0.0
    steep, shift = slope(outcome, chance)
    return (steep, shift) if np.isfinite(steep) and 0.2 < steep < 5 else (1.0, 0.0)


def _cross_calibrated(outcome: Floats, splits: Sequence[Split], logits: Sequence[Floats]) -> Floats:
    found = []
    for place, (_, after) in enumerate(splits):
        others = [n for n in range(len(splits)) if n != place]
        steep, shift = 1.0, 0.0
        if others:
            rows = np.concatenate([np.asarray(splits[n][1]) for n in others])
            steep, shift = _calibrated(outcome[rows], expit(np.concatenate([logits[n] for n in others])))
        found.append(expit(shift + steep * logits[place]))
        del after
    return np.concatenate(found)


def folds(outcome: Floats, parts: int, seed: int = 0) -> list[Split]:
    """Random parts, each with its share of events: every row is tried once, on a model that has not seen it."""
    from sklearn.model_selection import StratifiedKFold

    found: Iterator[Split] = StratifiedKFold(parts, shuffle=True, random_state=seed).split(outcome, outcome)
    return list(found)


Splitter = Callable[[Floats], Sequence[Split]]
