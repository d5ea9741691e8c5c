"""Whether a count is out of line with those before it, which may differ more than chance alone makes."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats


def upper_p(count: int, before: Sequence[int]) -> float:
    """How likely so many or more are, by the counts of equal spans before; 1 where there are too few of these.

    Negative binomial with the mean and variance of those before (Poisson where they vary no more than that), the mean
    taken half a count up, so that a span in which nothing happened before does not make everything a surprise.
    """
    shape = _shape(before)
    if shape is None:
        return 1.0
    mean, dispersion = shape
    return float(_tail(mean, dispersion).sf(count - 1))


def lower_p(count: int, before: Sequence[int]) -> float:
    """How likely so few or fewer are, by the counts of equal spans before; 1 where there are too few of these."""
    shape = _shape(before)
    if shape is None:
        return 1.0
    mean, dispersion = shape
    return float(_tail(mean, dispersion).cdf(count))


def _shape(before: Sequence[int]) -> tuple[float, float] | None:
    if len(before) < 4:
        return None
    mean = (sum(before) + 0.5) / len(before)
    variance = sum((n - mean) ** 2 for n in before) / (len(before) - 1)
    return mean, max(variance / mean, 1.0)


def _tail(mean: float, dispersion: float) -> stats.rv_frozen:
    if dispersion <= 1.0001:
        return stats.poisson(mean)
    return stats.nbinom(mean / (dispersion - 1), 1 / dispersion)
