"""How long it takes when some are still waiting: the Kaplan–Meier curve from counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wellheard.metrics.interval import normal
from wellheard.metrics.moments import Floats, divide

# A product of many fractions that should be one half may miss it by rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class TimeEstimate:
    """A time with its limits, in the unit of the times given; NaN where the curve does not reach it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Survival:
    """The share still waiting after each time, with its limits."""

    times: Floats
    survival: Floats
    low: Floats
    high: Floats

    @property
    def median(self) -> TimeEstimate:
        return self.quantile(0.5)

    def quantile(self, p: float) -> TimeEstimate:
        """The first time by which a share p is done, its limits where the curve's limits get there.

        Source: R. Brookmeyer and J. Crowley, Biometrics 38 (1982) 29–41.
        """
        return TimeEstimate(*(self._first(curve, 1 - p) for curve in (self.survival, self.low, self.high)))

    def _first(self, curve: Floats, share: float) -> float:
        reached = np.flatnonzero(curve <= share + ROUNDING)
        return float(self.times[reached[0]]) if reached.size else float("nan")


def kaplan_meier(times: ArrayLike, events: ArrayLike, at_risk: ArrayLike, level: float = 0.95) -> Survival:
    """The Kaplan–Meier curve with Greenwood's variance on the log-log scale.

    `times` are distinct and ascending, `events` how many ended at each, `at_risk` how many were waiting just before
    it. Before the first event and after everybody has ended the limits are those of the curve itself or unknown (NaN).
    Source: E. L. Kaplan and P. Meier, JASA 53 (1958) 457–481; J. D. Kalbfleisch and R. L. Prentice, The Statistical
    Analysis of Failure Time Data (1980), for the log-log limits.
    """
    when, ended, waiting = (np.asarray(x, dtype=np.float64) for x in (times, events, at_risk))
    curve: Floats = np.cumprod(1 - divide(ended, waiting), dtype=np.float64)
    greenwood = np.cumsum(divide(ended, waiting * (waiting - ended)))
    inner = (curve > 0) & (curve < 1)
    log = np.log(np.where(inner, curve, 0.5))
    reach = normal(level) * np.sqrt(np.where(inner, greenwood, 0)) / np.abs(log)
    edge = np.where(curve >= 1, 1.0, np.nan)
    low = np.where(inner, np.exp(log * np.exp(reach)), edge)
    high = np.where(inner, np.exp(log * np.exp(-reach)), edge)
    return Survival(when, curve, low, high)
