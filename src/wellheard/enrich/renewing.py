"""How long contracts go on that are renewed again and again: the shifted beta-geometric model.

Every contract ends at a renewal with a chance of its own (beta), so that those who stayed long are likelier to stay.
Source: P. S. Fader and B. G. S. Hardie, Journal of Interactive Marketing 21 (2007) 76–90.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma

from wellheard.base.errors import BadInput
from wellheard.enrich.fitting import Fit, Floats, maximise

VERSION = "shifted-beta-geometric-1"
FEWEST = 10  # contracts that ended, below which nothing is learned of how they end


@dataclass(frozen=True)
class Renewing:
    """A fitted model: alpha and beta of the chance to end at a renewal."""

    fit: Fit

    @property
    def parameters(self) -> tuple[float, float]:
        alpha, beta = (float(v) for v in self.fit.values)
        return alpha, beta

    def survival(self, renewed: ArrayLike, ahead: ArrayLike) -> Floats:
        """The chance that a contract which was renewed so many times is renewed `ahead` times more."""
        alpha, beta = self.parameters
        n, k = (np.asarray(v, dtype=np.float64) for v in (renewed, ahead))
        return np.asarray(np.exp(betaln(alpha, beta + n + k) - betaln(alpha, beta + n)))

    def lasting(self, renewed: ArrayLike, share: float, most: int) -> Floats:
        """Renewals still to come that a contract reaches with a chance of `share` at the least, up to `most`."""
        n = np.asarray(renewed, dtype=np.float64)
        low, high = np.zeros(n.shape), np.full(n.shape, float(most))
        while np.any(low < high):
            middle = np.ceil((low + high) / 2)
            reached = self.survival(n, middle) >= share
            low, high = np.where(reached, middle, low), np.where(reached, high, middle - 1)
        return low


def fit_renewing(renewed: ArrayLike, ended: ArrayLike) -> Renewing:
    """The model that makes contracts likeliest, each renewed so many times before it `ended` or the data did.

    A contract that ended before its first renewal has 0. Raises BadInput below FEWEST ends.
    """
    n, gone = np.asarray(renewed, dtype=np.float64), np.asarray(ended, dtype=bool)
    if gone.sum() < FEWEST:
        raise BadInput(
            f"{int(gone.sum())} contracts ended, and {FEWEST} are needed to learn how they end",
            hint="import subscriptions with their ended_at",
        )
    each, place = np.unique(n, return_inverse=True)
    lost = np.bincount(place, weights=gone, minlength=len(each))
    kept = np.bincount(place, weights=~gone, minlength=len(each))

    def likelihood(values: Floats) -> tuple[float, Floats]:
        alpha, beta = (float(v) for v in values)
        whole = betaln(alpha, beta)
        both = digamma(alpha + beta)
        ends = betaln(alpha + 1, beta + each) - whole
        stays = betaln(alpha, beta + each) - whole
        after_end, after_stay = digamma(alpha + 1 + beta + each), digamma(alpha + beta + each)
        of_stay = digamma(beta + each) - digamma(beta)
        by_alpha = lost @ (digamma(alpha + 1) - digamma(alpha) + both - after_end) + kept @ (both - after_stay)
        by_beta = lost @ (of_stay + both - after_end) + kept @ (of_stay + both - after_stay)
        return float(lost @ ends + kept @ stays), np.array([float(by_alpha), float(by_beta)])

    return Renewing(maximise(likelihood, np.array([1.0, 2.0]), len(n), "the shifted beta-geometric model"))
