"""How sure an estimate is: intervals made from parts, one entry an output row, NaN where a limit does not exist.

`level` is the confidence, a number or one entry a row. Nothing here reads data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellheard.metrics.moments import Floats, Moments, divide

Integers = NDArray[np.int64]

# Ranks count from 1, so this one matches no row and the limit read there is null.
NO_RANK = 0


@dataclass(frozen=True)
class Interval:
    """The limits of an estimate, one entry an output row; NaN where a limit does not exist."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class Ranks:
    """Which order statistics, counted from 1, are the limits of a quantile; NO_RANK where none is."""

    lower: Integers
    upper: Integers


@dataclass(frozen=True)
class Position:
    """Where a quantile lies: x[lo] + fraction·(x[hi] − x[lo]), counted from 0; lo is −1 where there are no rows."""

    lo: Integers
    hi: Integers
    fraction: Floats


def share(moments: Moments, level: ArrayLike = 0.95) -> Interval:
    """Wilson's interval for a share of rows, with as many rows as the units are worth; within 0 to 1.

    Source: E. B. Wilson, JASA 22 (1927) 209–212; the effective number after E. L. Korn and B. I. Graubard,
    Survey Methodology 24 (1998) 193–201.
    """
    return _wilson(moments.value, effective_n(moments), normal(level))


def money_share(moments: Moments, level: ArrayLike = 0.95) -> Interval:
    """Wilson's interval for a share of money, with n the lesser of r(1−r)/v and Kish's n; within 0 to 1."""
    r = np.clip(moments.value, 0, 1)
    kish = moments.kish_n
    return _wilson(r, np.fmin(divide(r * (1 - r), moments.variance), kish), normal(level))


def net(
    n: ArrayLike, positives: ArrayLike, negatives: ArrayLike, moments: Moments, level: ArrayLike = 0.95
) -> Interval:
    """Adjusted Wald interval for (positives − negatives)/n: three rows more, ¾ of them good and ¾ bad; in −1 to 1.

    `moments` has num = positives − negatives and den = n by unit. Where units repeat, the effective number and
    t(units − 1) take their place; with a single repeating unit every value is possible.
    Source: D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37 (2012) 479–488; B. Rocks, Int. J. Market Research
    58 (2016) 417–436, for the net promoter score.
    """
    rows = np.asarray(n, dtype=np.float64)
    good, bad = divide(positives, rows), divide(negatives, rows)
    size = effective_n(moments, good + bad - (good - bad) ** 2)
    value = good - bad
    good, bad = (good * size + 0.75) / (size + 3), (bad * size + 0.75) / (size + 3)
    spread = np.sqrt((good + bad - (good - bad) ** 2) / (size + 3))
    # Student's t allows for a spread that was estimated from the units; single rows have theirs from the counts.
    reach = np.where(moments.repeats, student(level, np.asarray(moments.units) - 1), normal(level))
    half = reach * spread
    # Near its bounds the shrunken centre may lie so far inside that the value itself would be left out.
    low, high = np.fmin(good - bad - half, value), np.fmax(good - bad + half, value)
    return Interval(np.clip(low, -1, 1), np.clip(high, -1, 1))


def ratio(moments: Moments, level: ArrayLike = 0.95, least: float = -inf, most: float = inf) -> Interval:
    """Linearised interval for a ratio or mean: value ± t(Kish n − 1)·√v, within `least` to `most` where given.

    Where no spread is seen nothing is known of it: the limits are NaN, but a mean with both bounds gets Wilson's
    interval with as many rows as units. NaN too where Kish's n is 1 or less.
    """
    r, v, df = moments.value, moments.variance, moments.kish_n - 1
    half = student(level, np.where(df > 0, df, np.nan)) * np.sqrt(np.where(v > 0, v, np.nan))
    low, high = np.clip(r - half, least, most), np.clip(r + half, least, most)
    if np.isfinite(least) and np.isfinite(most):
        units = np.asarray(moments.units, dtype=np.float64)
        same = _wilson(np.clip((r - least) / (most - least), 0, 1), units, normal(level))
        bare = np.isnan(half)
        low = np.where(bare, least + same.low * (most - least), low)
        high = np.where(bare, least + same.high * (most - least), high)
    return Interval(low, high)


mean = ratio  # a mean is the ratio of a sum to its count


def effective_n(moments: Moments, row_variance: ArrayLike | None = None) -> Floats:
    """How many independent rows these are worth: min(n, row variance/v), by default for a share, p(1−p)/v.

    n itself where no unit repeats; the number of units where they repeat but show no spread.
    """
    p, v = moments.value, moments.variance
    one_row = p * (1 - p) if row_variance is None else np.asarray(row_variance, dtype=np.float64)
    n, units = np.asarray(moments.n, dtype=np.float64), np.asarray(moments.units, dtype=np.float64)
    clustered = np.where(v > 0, np.fmin(n, divide(one_row, v)), units)
    return np.where(moments.repeats, clustered, np.where(n > 0, n, np.nan))


def simultaneous(level: ArrayLike, categories: ArrayLike) -> Floats:
    """The level each of so many shares needs for all of them to hold together at `level` (Bonferroni)."""
    return 1 - (1 - np.asarray(level, dtype=np.float64)) / np.asarray(categories, dtype=np.float64)


def goodman(counts: ArrayLike, level: ArrayLike = 0.95) -> Interval:
    """Simultaneous intervals for the shares of a multinomial, categories on the last axis.

    For repeating units take `share(moments, simultaneous(level, k))`, which is the same where none repeats.
    Source: L. A. Goodman, Technometrics 7 (1965) 247–254.
    """
    x = np.asarray(counts, dtype=np.float64)
    n = x.sum(-1, keepdims=True) + np.zeros_like(x)
    each = simultaneous(np.asarray(level, dtype=np.float64)[..., None], x.shape[-1])
    return _wilson(divide(x, n), np.where(n > 0, n, np.nan), normal(each))


def quantile_position(n: ArrayLike, p: ArrayLike) -> Position:
    """Where the p-quantile of n sorted values lies by linear interpolation at (n − 1)·p, as in spreadsheets."""
    rows = np.asarray(n, dtype=np.float64)
    # Rounded, so that 0.9 of 30 steps is 27 and not a hair below.
    at = np.round((rows - 1) * np.asarray(p, dtype=np.float64), 9)
    there = rows > 0
    lo = np.where(there, np.floor(at), -1).astype(np.int64)
    hi = np.where(there, np.ceil(at), -1).astype(np.int64)
    return Position(lo, hi, np.where(there, at - np.floor(at), np.nan))


def quantile_ranks(n: ArrayLike, p: ArrayLike, level: ArrayLike = 0.95, n_eff: ArrayLike | None = None) -> Ranks:
    """The order statistics that enclose the p-quantile, each tail at most (1 − level)/2 by the binomial.

    `n_eff` is `effective_n` of the moments of "at or below the quantile found", at most n. The limits are
    those among as many whole rows, where they exist there, their ranks stretched to n rows.
    Source: H. A. David and H. N. Nagaraja, Order Statistics (3rd ed. 2003), section 7.1; R. S. Woodruff, JASA 47
    (1952) 635–646, for samples of clusters.
    """
    rows, q, conf = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (n, p, level)))
    size = rows if n_eff is None else np.floor(np.fmin(np.asarray(n_eff, dtype=np.float64), rows) + 1e-9)
    tail = (1 - conf) / 2
    lower = _lower_rank(rows, q, tail, size)
    mirrored = _lower_rank(rows, 1 - q, tail, size)
    return Ranks(lower, np.where(mirrored > 0, rows + 1 - mirrored, NO_RANK).astype(np.int64))


def normal(level: ArrayLike) -> Floats:
    """Two-sided normal quantile of a confidence level: 1.96 for 0.95."""
    from scipy import special  # here and below, since it takes longer to load than most commands run

    return np.asarray(-special.ndtri((1 - np.asarray(level, dtype=np.float64)) / 2))


def student(level: ArrayLike, df: ArrayLike) -> Floats:
    """Two-sided Student quantile of a confidence level; infinite without a degree of freedom."""
    from scipy import special

    freedom = np.asarray(df, dtype=np.float64)
    t = -special.stdtrit(np.where(freedom > 0, freedom, 1), (1 - np.asarray(level, dtype=np.float64)) / 2)
    return np.where(np.isnan(freedom), np.nan, np.where(freedom > 0, t, inf))


def _lower_rank(n: Floats, p: Floats, tail: Floats, size: Floats) -> Integers:
    """The highest rank whose chance of lying above the p-quantile is at most `tail`, found among `size` whole rows."""
    from scipy import special

    exists = (size > 0) & ((1 - p) ** np.where(size > 0, size, 1) <= tail)
    safe, rows = np.where(exists, size, 1), np.where(exists, n, 1)
    rank = np.floor(special.bdtrik(tail, safe, p) + 1 + 1e-9)
    return np.where(exists, np.floor((rank - 0.5) * rows / safe + 0.5 + 1e-9), NO_RANK).astype(np.int64)


def _wilson(p: Floats, n: Floats, z: Floats) -> Interval:
    known = n > 0
    size = np.where(known, n, 1)
    weight = z * z / size
    centre = (p + weight / 2) / (1 + weight)
    half = z / (1 + weight) * np.sqrt(p * (1 - p) / size + weight / (4 * size))
    low = np.where(p == 0, 0.0, np.clip(centre - half, 0, 1))
    high = np.where(p == 1, 1.0, np.clip(centre + half, 0, 1))
    return Interval(np.where(known, low, np.nan), np.where(known, high, np.nan))
