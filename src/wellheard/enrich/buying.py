"""How customers who may buy whenever they like go on buying: the BG/NBD model.

Everybody buys at a rate of their own (gamma) and stops for good after a purchase with a chance of their own (beta).
Source: P. S. Fader, B. G. S. Hardie and K. L. Lee, Marketing Science 24 (2005) 275–284.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import betainc, betaln, digamma, expit, gammaln

from wellheard.base.errors import BadInput
from wellheard.enrich.fitting import Fit, Floats, maximise

VERSION = "bg-nbd-1"
NODES = 64  # of the quadrature over the chance to stop
MOST = 1 << 20  # purchases that nobody makes
SAMPLE = 40_000  # customers who show about where the maximum lies


@dataclass(frozen=True)
class Histories:
    """Customers with one history, counted once: `repeats` x, `recency` t_x and `age` T in one unit of time.

    `counts` says how many customers have it and `place` which history each customer has.
    """

    repeats: Floats
    recency: Floats
    age: Floats
    counts: Floats
    place: NDArray[np.int64]


def histories(repeats: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Histories:
    """Groups customers by history. Raises BadInput where a history is none: recency beyond age, or without repeats."""
    x, t_x, t = (np.asarray(v, dtype=np.float64) for v in (repeats, recency, age))
    wrong = (x < 0) | (t_x < 0) | (t_x > t) | ((x == 0) & (t_x > 0)) | (x != np.floor(x))
    if not x.size or wrong.any() or not np.all(np.isfinite(x + t_x + t)):
        raise BadInput(
            "these are no histories of purchases" if x.size else "there are no purchases",
            hint="whole repeats from 0 on, 0 <= recency <= age, and no recency without repeats",
        )
    key = _codes(x)
    for values in (t_x, t):
        codes = _codes(values)
        key = key * (int(codes.max()) + 1) + codes
    _, first, place, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return Histories(x[first], t_x[first], t[first], counts.astype(np.float64), place)


def _codes(values: Floats) -> NDArray[np.int64]:
    """Small whole numbers that tell values apart: themselves where they are such."""
    whole = values.astype(np.int64)
    if np.array_equal(whole, values) and whole.max() < 1 << 20:
        return whole
    return np.unique(values, return_inverse=True)[1]


@dataclass(frozen=True)
class Buying:
    """A fitted model: r and alpha of the rates, a and b of the chances to stop, alpha in the unit of time of the data.

    `fit` holds them in this order with standard errors.
    """

    fit: Fit

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        r, alpha, a, b = (float(v) for v in self.fit.values)
        return r, alpha, a, b

    def alive(self, seen: Histories) -> Floats:
        """The chance that a customer with each history has not stopped."""
        r, alpha, a, b = self.parameters
        odds = _log_odds(seen, r, alpha, a, b)
        return np.asarray(np.where(seen.repeats > 0, expit(-odds), 1.0))

    def expected(self, seen: Histories, ahead: float) -> Floats:
        """Purchases that a customer with each history can be expected to make within `ahead` from now."""
        return self.expected_by(seen, np.array([ahead]))[:, 0]

    def expected_by(self, seen: Histories, ahead: Floats) -> Floats:
        """Expected purchases up to each of several times ahead: one row a history, one column a time.

        The mean over the chance p to stop, beta(a, b + x), of (1 − (1 + p t / (alpha + T))^−(r + x)) / p, by
        Gauss–Jacobi quadrature: the published formula without its hypergeometric function, which overflows.
        """
        alive = self.alive(seen)[:, None]
        return np.asarray(alive * self._if_alive(seen, ahead), dtype=np.float64)

    def _if_alive(self, seen: Histories, ahead: Floats) -> Floats:
        r, alpha, a, b = self.parameters
        result = np.empty((len(seen.repeats), len(ahead)))
        pairs, place = np.unique(np.stack([seen.repeats, seen.age]), axis=1, return_inverse=True)
        for x in np.unique(pairs[0]):
            p, weights = _beta_nodes(a, b + x)
            mine = np.flatnonzero(pairs[0] == x)
            means = np.empty((len(mine), len(ahead)))
            for number, t in enumerate(ahead):
                inner = -np.expm1(-(r + x) * np.log1p(p[None, :] * (t / (alpha + pairs[1][mine]))[:, None])) / p
                means[:, number] = inner @ weights
            spread = np.full(pairs.shape[1], -1)
            spread[mine] = np.arange(len(mine))
            rows = spread[place]
            result[rows >= 0] = means[rows[rows >= 0]]
        return result

    def at_least(self, seen: Histories, ahead: float, times: Floats) -> Floats:
        """The chance that a customer with each history who has not stopped buys `times` or more within `ahead`.

        Exact: the rate and the chance to stop are independent of each other as long as somebody has not stopped.
        """
        r, alpha, a, b = self.parameters
        k = np.maximum(times, 1)
        stays = np.exp(betaln(a, b + seen.repeats + k - 1) - betaln(a, b + seen.repeats))
        buys = betainc(k, r + seen.repeats, ahead / (alpha + seen.age + ahead))
        return np.asarray(np.where(times < 1, 1.0, stays * buys))

    def quantile(self, seen: Histories, ahead: float, share: float) -> Floats:
        """The least number of purchases within `ahead` that a customer with each history stays below or at with a
        chance of `share`."""
        alive = self.alive(seen)
        low, high = np.full(len(alive), -1.0), np.full(len(alive), float(MOST))
        while np.any(high - low > 1):
            middle = np.floor((low + high) / 2)
            enough = 1 - alive * self.at_least(seen, ahead, middle + 1) >= share
            high, low = np.where(enough, middle, high), np.where(enough, low, middle)
        return high

    def square_if_alive(self, seen: Histories, ahead: float, most: int = 2000) -> Floats:
        """The mean square of the purchases within `ahead` of customers who have not stopped."""
        total = np.zeros(len(seen.repeats))
        there = np.arange(len(total))
        for k in range(1, most + 1):
            part = Histories(seen.repeats[there], seen.recency[there], seen.age[there], seen.counts[there], there)
            more = (2 * k - 1) * self.at_least(part, ahead, np.full(len(there), float(k)))
            total[there] += more
            there = there[more > 1e-6 * total[there]]
            if not there.size:
                break
        return total


def fit_buying(seen: Histories) -> Buying:
    """The model that makes the histories likeliest. Raises BadInput where nobody came back."""
    if not np.any(seen.repeats > 0):
        raise BadInput("nobody bought twice, so no rate can be learned", hint="wait for repeat purchases")
    scale = float(np.average(seen.age, weights=seen.counts)) or 1.0
    scaled = Histories(seen.repeats, seen.recency / scale, seen.age / scale, seen.counts, seen.place)
    fit = _fitted(scaled)
    unit = np.array([1.0, scale, 1.0, 1.0])
    # The data's own unit again: each customer's density of x purchases falls with the unit to the power of x.
    height = fit.log_likelihood - float(seen.counts @ seen.repeats) * np.log(scale)
    return Buying(Fit(fit.values * unit, fit.errors * unit, fit.log_covariance, height, fit.n))


def _fitted(seen: Histories) -> Fit:
    """The fit of histories in a unit of time near their age; of many customers, a sample of them is fitted first."""
    step = len(seen.place) // SAMPLE
    near = None
    if step > 1:
        counts = np.bincount(seen.place[::step], minlength=len(seen.counts))
        kept = np.flatnonzero(counts)
        some = Histories(seen.repeats[kept], seen.recency[kept], seen.age[kept], counts[kept].astype(float), kept)
        near = _fitted(some) if np.any(some.repeats > 0) else None
    n = int(seen.counts.sum())
    return maximise(_Likelihood(seen), np.array([1.0, 1.0, 1.0, 3.0]), n, "the BG/NBD model", near)


def log_likelihood(seen: Histories, parameters: tuple[float, ...]) -> float:
    """The log-likelihood of the histories at r, alpha, a and b."""
    return float(_Likelihood(seen)(np.array(parameters, dtype=np.float64))[0])


def _log_odds(seen: Histories, r: float, alpha: float, a: float, b: float) -> Floats:
    """Of having stopped at the last purchase against being there still; of no meaning without repeats."""
    x = seen.repeats
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = np.log(a) - np.log(b + x - 1)
    return np.asarray(beta + (r + x) * (np.log(alpha + seen.age) - np.log(alpha + seen.recency)))


def _beta_nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Chances and their weights, by which the mean of a smooth function over beta(a, b) is a sum of NODES values.

    Source: G. H. Golub and J. H. Welsch, Mathematics of Computation 23 (1969) 221–230, with Jacobi's polynomials. The
    weights come out normalised, so that no gamma function overflows where a or b are large.
    """
    n = np.arange(1.0, NODES)
    both = a + b - 2 + 2 * n
    middle = np.concatenate([[(a - b) / (a + b)], (a - b) * (a + b - 2) / (both * (both + 2))])
    ahead = 4 * n * (n + b - 1) * (n + a - 1)
    beside = np.ones(NODES - 1)  # (n + a + b − 2) / (2 n + a + b − 3), which is 1 for n = 1 whatever a and b are
    beside[1:] = (n[1:] + a + b - 2) / (both[1:] - 1)
    side = ahead * beside / (both**2 * (both + 1))
    points, vectors = eigh_tridiagonal(middle, np.sqrt(side))
    return np.maximum((1 + points) / 2, 1e-300), vectors[0] ** 2


class _Likelihood:
    """The log-likelihood of histories and its gradient; what hangs on x, t_x or T alone is worked out once for each."""

    def __init__(self, seen: Histories) -> None:
        self.seen = seen
        self.x, self.place = np.unique(seen.repeats, return_inverse=True)
        self.ages, self.of_age = np.unique(seen.age, return_inverse=True)
        self.recencies, self.of_recency = np.unique(seen.recency, return_inverse=True)
        self.by_x = np.bincount(self.place, weights=seen.counts)
        self.repeated = seen.repeats > 0

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = (float(v) for v in values)
        seen, x, n = self.seen, self.x, self.by_x
        log_age, log_recency = np.log(alpha + self.ages)[self.of_age], np.log(alpha + self.recencies)[self.of_recency]
        beta = np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0))
        odds = np.where(self.repeated, beta[self.place] + (r + seen.repeats) * (log_age - log_recency), -np.inf)
        small = np.exp(-np.abs(odds))
        gone = np.where(odds > 0, 1.0, small) / (1 + small)
        height = float(n @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha)))
        height += float(n @ (gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)))
        height += float(seen.counts @ (np.maximum(odds, 0) + np.log1p(small) - (r + seen.repeats) * log_age))
        weight = seen.counts * gone
        left = np.bincount(self.place, weights=weight, minlength=len(x))
        logs = float(seen.counts @ log_age) - float(weight @ (log_age - log_recency))
        inverse = (seen.counts - weight) * (1 / (alpha + self.ages))[self.of_age]
        inverse += weight * (1 / (alpha + self.recencies))[self.of_recency]
        both = float(n @ (digamma(a + b) - digamma(a + b + x)))
        slope = [
            float(n @ (digamma(r + x) - digamma(r))) + float(n.sum()) * np.log(alpha) - logs,
            float(n.sum()) * r / alpha - float(inverse @ (r + seen.repeats)),
            both + float(left.sum()) / a,
            both + float(n @ (digamma(b + x) - digamma(b))) - float((left[x > 0] / (b + x[x > 0] - 1)).sum()),
        ]
        return height, np.array(slope)
