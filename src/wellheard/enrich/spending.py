"""What customers spend at a purchase: the Gamma–Gamma model, by which the means of few purchases are steadied.

Source: P. S. Fader, B. G. S. Hardie and K. L. Lee, Journal of Marketing Research 42 (2005) 415–430; P. S. Fader and
B. G. S. Hardie, The Gamma-Gamma Model of Monetary Value (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from wellheard.base.errors import BadInput
from wellheard.enrich.fitting import Fit, Floats, maximise

VERSION = "gamma-gamma-1"
FEWEST = 30  # customers with a purchase of known value, below which no spread between customers can be learned


@dataclass(frozen=True)
class Spending:
    """A fitted model: p, q and gamma, the last in the currency of the data."""

    fit: Fit

    @property
    def parameters(self) -> tuple[float, float, float]:
        p, q, gamma = (float(v) for v in self.fit.values)
        return p, q, gamma

    def expected(self, purchases: ArrayLike, mean: ArrayLike) -> Floats:
        """The value that a customer's purchases will have on average, from so many with such a mean (0 of 0).

        Without a finite mean (q + p x <= 1) the mean that was seen.
        """
        p, q, gamma = self.parameters
        n, m = (np.asarray(v, dtype=np.float64) for v in (purchases, mean))
        left = p * n + q - 1
        return np.asarray(np.where(left > 0, p * (gamma + n * m) / np.where(left > 0, left, 1.0), m))

    def variance(self, purchases: ArrayLike, mean: ArrayLike) -> tuple[Floats, Floats]:
        """How far a customer's next purchase spreads about their own mean, and their own mean about the expected one.

        Both are variances; where one is infinite under the model, the square of the expected value stands for it.
        """
        p, q, gamma = self.parameters
        n, m = (np.asarray(v, dtype=np.float64) for v in (purchases, mean))
        shape, rate = p * n + q, gamma + n * m
        centre = self.expected(n, m)
        finite = shape > 2
        second = np.where(finite, rate**2 / np.where(finite, (shape - 1) * (shape - 2), 1.0), np.inf)
        own = np.where(finite, p**2 * second - centre**2, centre**2)
        within = np.where(finite, p * second, centre**2)
        return np.asarray(within), np.asarray(np.maximum(own, 0.0))


def fit_spending(purchases: ArrayLike, mean: ArrayLike) -> Spending:
    """The model that makes customers' mean values likeliest; those without a value above 0 are passed over.

    Raises BadInput where fewer than FEWEST customers are left.
    """
    x, m = (np.asarray(v, dtype=np.float64) for v in (purchases, mean))
    kept = (x > 0) & (m > 0) & np.isfinite(m)
    x, m = x[kept], m[kept]
    if len(x) < FEWEST:
        raise BadInput(
            f"{len(x)} customers have purchases of known value, and {FEWEST} are needed to learn how they spend",
            hint="import revenue with the orders",
        )
    scale = float(m.mean())
    fit = maximise(_Likelihood(x, m / scale), np.array([1.5, 3.0, 2.0]), len(x), "the Gamma–Gamma model")
    unit = np.array([1.0, 1.0, scale])
    height = fit.log_likelihood - len(x) * np.log(scale)
    return Spending(Fit(fit.values * unit, fit.errors * unit, fit.log_covariance, height, fit.n))


class _Likelihood:
    """The log-likelihood of mean values and its gradient; functions of x alone are worked out once for each x."""

    def __init__(self, x: Floats, mean: Floats) -> None:
        self.x, self.mean = x, mean
        self.each, self.place = np.unique(x, return_inverse=True)
        self.by_x = np.bincount(self.place).astype(np.float64)
        self.log_sum = np.log(x) + np.log(mean)
        self.log_mean = np.log(mean)

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        p, q, gamma = (float(v) for v in values)
        x, each, n = self.x, self.each, self.by_x
        shared = gamma + x * self.mean
        logs = np.log(shared)
        height = float(n @ (gammaln(p * each + q) - gammaln(p * each) - gammaln(q) + q * np.log(gamma)))
        height += float((p * x * self.log_sum - self.log_mean - (p * x + q) * logs).sum())
        rise = digamma(p * each + q)
        slope = [
            float(n @ (each * (rise - digamma(p * each)))) + float((x * (self.log_sum - logs)).sum()),
            float(n @ (rise - digamma(q) + np.log(gamma))) - float(logs.sum()),
            float(n.sum()) * q / gamma - float(((p * x + q) / shared).sum()),
        ]
        return height, np.array(slope)
