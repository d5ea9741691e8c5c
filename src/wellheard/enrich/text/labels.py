"""How often the model is wrong, from texts that were drawn at random and read by people.

A draw is stratified by what the model said, each text with its known probability. The shares that people would find
are those within each stratum, weighted by the strata's sizes: W. G. Cochran, Sampling Techniques, 3rd ed. 1977,
sections 5.3 and 5.6. Agreement of two raters is Cohen's kappa (Educ. Psychol. Meas. 20, 1960, 37–46).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wellheard.enrich.text.reading import SENTIMENTS

Z = 1.959963984540054


@dataclass(frozen=True)
class Drawn:
    """A text of the draw: what the model said of it, and the probability with which it was drawn."""

    table: str
    id: str
    said: str
    probability: float


@dataclass(frozen=True)
class Share:
    """A share in percent with its 95 % interval; None where nobody labelled."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Receipt:
    """What the labels say of the model, by sentiment, over `labels` labelled texts of `texts` in all."""

    labels: int
    texts: int
    raters: int
    precision: Mapping[str, Share]
    recall: Mapping[str, Share]
    model_shares: Mapping[str, float]
    true_shares: Mapping[str, Share]
    both: int
    agreement: Share
    kappa: float | None


def draw(said: Sequence[tuple[str, str, str]], n: int, seed: int, *, by_sentiment: bool = True) -> list[Drawn]:
    """Draws `n` of all texts (table, id, what the model said): in strata of the sentiments, or from all alike.

    Half of a stratified draw is shared out evenly, so that rare sentiments have labels, and half by size.
    """
    random = np.random.default_rng(seed)
    strata: dict[str, list[tuple[str, str, str]]] = {}
    for row in sorted(said):
        strata.setdefault(row[2] if by_sentiment else "all", []).append(row)
    found = []
    for _, rows in sorted(strata.items()):
        share = 0.5 / len(strata) + 0.5 * len(rows) / max(1, len(said))
        size = min(len(rows), max(1, round(n * share)))
        picked = random.choice(len(rows), size, replace=False)
        found += [Drawn(*rows[int(i)], probability=size / len(rows)) for i in picked]
    order = random.permutation(len(found))
    return [found[int(i)] for i in order]


def receipt(
    drawn: Sequence[Drawn], labels: Mapping[tuple[str, str], Mapping[str, str]], sizes: Mapping[str, int]
) -> Receipt:
    """The receipt from a draw, the labels (text → rater → sentiment), and the texts that bear each sentiment."""
    told = [(d, labels[(d.table, d.id)]) for d in drawn if labels.get((d.table, d.id))]
    total = sum(sizes.values())
    strata = {s: [by for d, by in told if d.said == s] for s in SENTIMENTS}
    part = {s: {c: [_part(by, c) for by in strata[s]] for c in SENTIMENTS} for s in SENTIMENTS}
    weight = {s: sizes.get(s, 0) / total if total else 0.0 for s in SENTIMENTS}
    seen = [s for s in SENTIMENTS if strata[s]]
    covered = sum(weight[s] for s in seen)
    true = {
        c: _stratified([(weight[s] / covered, part[s][c]) for s in seen]) if covered else _none() for c in SENTIMENTS
    }
    recall = {c: _recall(c, {s: weight[s] for s in seen}, {s: part[s][c] for s in seen}) for c in SENTIMENTS}
    pairs = [tuple(by[r] for r in sorted(by)[:2]) for _, by in told if len(by) >= 2]
    return Receipt(
        labels=len(told),
        texts=total,
        raters=len({rater for _, by in told for rater in by}),
        precision={s: _wilson(sum(part[s][s]), len(strata[s])) for s in SENTIMENTS},
        recall=recall,
        model_shares={s: 100 * weight[s] for s in SENTIMENTS},
        true_shares=true,
        both=len(pairs),
        agreement=_wilson(sum(a == b for a, b in pairs), len(pairs)),
        kappa=kappa(pairs),
    )


def _part(by: Mapping[str, str], sentiment: str) -> float:
    """The part of the raters who read this sentiment."""
    return sum(label == sentiment for label in by.values()) / len(by)


def _stratified(strata: Sequence[tuple[float, Sequence[float]]]) -> Share:
    """The weighted mean of the strata's means; no stratum with labels is without chance of the other answer."""
    value = sum(w * float(np.mean(x)) for w, x in strata)
    variance = 0.0
    for w, x in strata:
        smoothed = (sum(x) + 1) / (len(x) + 2)  # a stratum of one answer is not certain
        variance += w * w * smoothed * (1 - smoothed) / len(x)
    half = Z * math.sqrt(variance)
    return Share(100 * value, 100 * max(0.0, value - half), 100 * min(1.0, value + half))


def _recall(c: str, weight: Mapping[str, float], part: Mapping[str, Sequence[float]]) -> Share:
    """Of the texts that people read so, the share that the model read so; its interval by the delta method."""
    mean = {s: float(np.mean(x)) for s, x in part.items()}
    truth = sum(weight[s] * mean[s] for s in part)
    if c not in part or truth <= 0:
        return _none() if truth <= 0 else Share(0.0, 0.0, 0.0)
    value = weight[c] * mean[c] / truth
    variance = 0.0
    for s, x in part.items():
        slope = weight[s] * ((1.0 if s == c else 0.0) - value) / truth
        smoothed = (sum(x) + 1) / (len(x) + 2)
        variance += slope * slope * smoothed * (1 - smoothed) / len(x)
    half = Z * math.sqrt(variance)
    return Share(100 * value, 100 * max(0.0, value - half), 100 * min(1.0, value + half))


def _wilson(hits: float, n: int) -> Share:
    """A share with the interval of E. B. Wilson (J. Am. Stat. Assoc. 22, 1927, 209–212)."""
    if n == 0:
        return _none()
    p = hits / n
    middle, below = p + Z * Z / (2 * n), 1 + Z * Z / n
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Share(100 * p, 100 * (middle - half) / below, 100 * (middle + half) / below)


def _none() -> Share:
    return Share(None, None, None)


def kappa(pairs: Sequence[tuple[str, ...]]) -> float | None:
    """Agreement beyond chance of two raters, 1 at best; None without texts that both read."""
    if not pairs:
        return None
    n = len(pairs)
    agreed = sum(a == b for a, b in pairs) / n
    chance = sum(sum(a == c for a, _ in pairs) * sum(b == c for _, b in pairs) for c in SENTIMENTS) / n**2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)
