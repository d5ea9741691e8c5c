"""Whether a number moved: intervals and p-values of the difference of two estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wellheard.metrics.interval import Interval, normal
from wellheard.metrics.moments import Cross, Floats, Moments, divide

LEAST_P = 1e-15  # a level nearer to 1 cannot be told from 1
UNTOLD = 1e-9  # how near to 1 a correlation is made of nothing but rounding, once Σe² has lost digits of Σnum²


@dataclass(frozen=True)
class Change:
    """current − previous with its limits, one entry an output row; NaN where unknown."""

    change: Floats
    low: Floats
    high: Floats


def mover(
    value1: ArrayLike,
    low1: ArrayLike,
    high1: ArrayLike,
    value2: ArrayLike,
    low2: ArrayLike,
    high2: ArrayLike,
    correlation: ArrayLike = 0.0,
) -> Change:
    """The difference value1 − value2 (current − previous), its limits recovered from those of the two values.

    Source: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008) 1693–1702; with correlation, G. Y. Zou,
    American Journal of Epidemiology 165 (2007) 1279–1287.
    """
    v1, l1, h1, v2, l2, h2, rho = (
        np.asarray(x, dtype=np.float64) for x in (value1, low1, high1, value2, low2, high2, correlation)
    )
    # A shrunken interval may leave its own value at a low level; a distance is never negative.
    down1, up1, down2, up2 = (np.maximum(x, 0) for x in (v1 - l1, h1 - v1, v2 - l2, h2 - v2))
    change = v1 - v2
    return Change(change, change - _combined(down1, up2, rho), change + _combined(up1, down2, rho))


def correlation(first: Moments, second: Moments, cross: Cross) -> Floats:
    """Correlation of two estimates whose units overlap: Σe1·e2/√(Σe1²·Σe2²); 0 where either shows no spread.

    What cannot be told from ±1 is ±1, since the limits of the difference follow from the root of what is left.
    """
    r1, r2 = first.value, second.value
    nn, nd, dn, dd = (np.asarray(x, dtype=np.float64) for x in (cross.nn, cross.nd, cross.dn, cross.dd))
    crossed = nn - r2 * nd - r1 * dn + r1 * r2 * dd
    rho = divide(crossed, np.sqrt(first.squared_errors * second.squared_errors))
    rho = np.nan_to_num(rho, nan=0.0)
    return np.where(np.abs(rho) > 1 - UNTOLD, np.sign(rho), rho)


def p_value(interval_at: Callable[[Floats], Change | Interval], steps: int = 36) -> Floats:
    """The least alpha at which the interval excludes 0, so that p ≤ 1 − level just where the drawn interval does.

    `interval_at` makes the interval of the difference at one level a row. 1 where it never excludes 0, NaN where it
    is unknown; nothing below 1e-15 is told apart.
    """
    drawn = interval_at(np.asarray(0.95))
    shape = np.broadcast_shapes(np.shape(drawn.low), np.shape(drawn.high))
    below, above = np.full(shape, np.log(LEAST_P)), np.zeros(shape)
    for _ in range(steps):
        middle = (below + above) / 2
        inside = ~_excludes_zero(interval_at(1 - np.exp(middle)))
        below, above = np.where(inside, middle, below), np.where(inside, above, middle)
    p = np.where(above > np.log(LEAST_P) + 1e-9, np.exp(above), LEAST_P)
    return np.where(np.isnan(drawn.low) | np.isnan(drawn.high), np.nan, p)


def p_of(change: Change, level: ArrayLike = 0.95) -> Floats:
    """A p-value for an interval that cannot be made anew at other levels, such as that of a quantile.

    Takes the distance from the change to the limit on 0's side as normal(level) standard errors; so p ≤ 1 − level
    just where the interval excludes 0.
    """
    from scipy import special

    reach = np.where(change.change > 0, change.change - change.low, change.high - change.change)
    z = normal(level) * divide(np.abs(change.change), reach)
    sure = (reach == 0) & (change.change != 0)
    return np.where(sure, LEAST_P, np.where(change.change == 0, 1.0, np.maximum(2 * special.ndtr(-z), LEAST_P)))


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values of tests shown together, on the last axis; an unknown p is no test and stays NaN.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65–70.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, axis=-1)  # NaN comes last
    tests = np.sum(~np.isnan(values), axis=-1, keepdims=True)
    left = np.maximum(tests - np.arange(values.shape[-1]), 1)
    ranked = np.take_along_axis(values, order, -1) * left
    raised = np.minimum(np.maximum.accumulate(ranked, axis=-1), 1)
    out = np.empty_like(values)
    np.put_along_axis(out, order, raised, -1)
    return out


def count_change(
    previous: ArrayLike, current: ArrayLike, level: ArrayLike = 0.95, dispersion: ArrayLike = 1.0
) -> Change:
    """The change of a complete count, judged as Poisson noise whose variance is `dispersion` times the mean.

    Each count's score limits, |x − λ| ≤ z·√(dispersion·λ), are joined by `mover`.
    """
    before, after = np.asarray(previous, dtype=np.float64), np.asarray(current, dtype=np.float64)
    width = normal(level) ** 2 * np.maximum(np.asarray(dispersion, dtype=np.float64), 1)
    limits = [x + width / 2 + side * np.sqrt(width * (x + width / 4)) for x in (after, before) for side in (-1, 1)]
    return mover(after, limits[0], limits[1], before, limits[2], limits[3])


def dispersion_of(counts: ArrayLike) -> Floats:
    """How many times wider than Poisson's the past counts vary, never below 1: Pearson's χ²/(k−1) on the last axis.

    1 where fewer than two counts are known. Source: P. McCullagh and J. A. Nelder, Generalized Linear Models (2nd ed.
    1989), section 4.5.
    """
    x = np.asarray(counts, dtype=np.float64)
    known = np.sum(~np.isnan(x), axis=-1)
    centre = divide(np.nansum(x, axis=-1), known)
    squares = np.nansum((x - centre[..., None]) ** 2, axis=-1)
    return np.fmax(divide(squares, centre * (known - 1)), 1.0)


def _combined(first: Floats, second: Floats, rho: Floats) -> Floats:
    return np.sqrt(np.maximum(first**2 + second**2 - 2 * rho * first * second, 0))


def _excludes_zero(interval: Change | Interval) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((interval.low > 0) | (interval.high < 0))
