"""The unit parts of an estimate: sums over customers of the squares and products of their totals."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Second moments reach us equal to 1e-12 on every engine; a spread below that cannot be told from none.
ROUNDING = 1e-12

# Below these the intervals miss their coverage when units repeat this much (tests/metrics/test_interval_coverage.py).
HEAVY = 2.5
SHARE_UNITS = 150
NET_UNITS = 30


class _Arrays:
    """Turns every given field of a frozen dataclass into an array of float64."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            given = getattr(self, field.name)
            if given is not None:
                object.__setattr__(self, field.name, np.asarray(given, dtype=np.float64))


@dataclass(frozen=True)
class Moments(_Arrays):
    """Parts of a ratio Σnum/Σden and of its uncertainty, one entry an output row.

    `n` counts eligible rows, `units` the customers (or companies, or submissions) whose den is not 0. `num_u` and
    `den_u` are the totals of unit u; `nn`, `nd`, `dd` are Σ num_u², Σ num_u·den_u, Σ den_u² over units, and `nnn`
    to `ddd` the third moments, needed for the skewness alone. They add over different units and over nothing else.
    """

    n: ArrayLike
    units: ArrayLike
    num: ArrayLike
    den: ArrayLike
    nn: ArrayLike
    nd: ArrayLike
    dd: ArrayLike
    nnn: ArrayLike | None = None
    nnd: ArrayLike | None = None
    ndd: ArrayLike | None = None
    ddd: ArrayLike | None = None

    def at(self, rows: ArrayLike) -> Moments:
        """The moments of some of the output rows, given as numpy would have them."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        some: dict[str, Any] = {name: None if v is None else _f(v)[np.asarray(rows)] for name, v in given.items()}
        return Moments(**some)

    @property
    def value(self) -> Floats:
        """Σnum/Σden; NaN where there is nothing to divide by."""
        return divide(self.num, self.den)

    @property
    def squared_errors(self) -> Floats:
        """Σ e_u² of the unit errors e_u = num_u − value·den_u; 0 where the spread is below rounding."""
        r = self.value
        nn, nd, dd = _f(self.nn), _f(self.nd), _f(self.dd)
        total = nn - 2 * r * nd + r * r * dd
        size = nn + 2 * np.abs(r * nd) + r * r * dd
        return np.where(total > ROUNDING * size, total, np.where(np.isnan(r), np.nan, 0.0))

    @property
    def variance(self) -> Floats:
        """v, the linearised variance of the value: G/(G−1)·Σe²/den². 0 with one unit, which tells of no spread.

        Source: W. G. Cochran, Sampling Techniques (3rd ed. 1977), section 6.3 and chapter 9A on clusters.
        """
        g = _f(self.units)
        bessel = np.where(g > 1, divide(g, g - 1), 1.0)
        den = _f(self.den)
        return bessel * divide(self.squared_errors, den * den)

    @property
    def kish_n(self) -> Floats:
        """How many equally large units weigh as much as these: (Σden)²/Σden_u² (L. Kish, Survey Sampling, 1965)."""
        den = _f(self.den)
        return divide(den * den, self.dd)

    @property
    def repeats(self) -> NDArray[np.bool_]:
        """Whether any unit stands behind more than one row, for rows that each add 1 to den."""
        return np.asarray(_f(self.dd) > _f(self.n) * (1 + ROUNDING))


@dataclass(frozen=True)
class Cross(_Arrays):
    """Σ over units on both sides of num1·num2, num1·den2, den1·num2 and den1·den2, one entry an output row."""

    nn: ArrayLike
    nd: ArrayLike
    dn: ArrayLike
    dd: ArrayLike


def moments_of(num: ArrayLike, den: ArrayLike, rows: ArrayLike | None = None) -> Moments:
    """Moments from unit totals: the last axis is the unit. `rows` are rows a unit, by default its den.

    A unit whose den is 0 counts as absent.
    """
    a, b = np.broadcast_arrays(_f(num), _f(den))
    n = b if rows is None else np.broadcast_to(_f(rows), b.shape)
    there = b != 0
    sums = [x.sum(-1) for x in (a, b, a * a, a * b, b * b, a * a * a, a * a * b, a * b * b, b * b * b)]
    return Moments(np.where(there, n, 0).sum(-1), there.sum(-1), *sums)


def skewness_of(moments: Moments) -> Floats:
    """Skewness of the unit errors, corrected for few units as spreadsheets do: √(G(G−1))/(G−2) · Σe³/G ÷ (Σe²/G)^1.5.

    NaN where third moments or any spread are missing, or units are fewer than 3.
    """
    if moments.nnn is None or moments.nnd is None or moments.ndd is None or moments.ddd is None:
        return np.full_like(_f(moments.num), np.nan)
    r = moments.value
    nnn, nnd, ndd, ddd = (_f(x) for x in (moments.nnn, moments.nnd, moments.ndd, moments.ddd))
    cubed = nnn - 3 * r * nnd + 3 * r**2 * ndd - r**3 * ddd
    g = np.where(_f(moments.units) > 2, _f(moments.units), np.nan)
    return divide(cubed * g * np.sqrt(g - 1), (g - 2) * moments.squared_errors**1.5)


def too_clustered(moments: Moments, least_units: float = SHARE_UNITS) -> NDArray[np.bool_]:
    """Whether so few units stand behind so many rows that the spread between units is not known well enough.

    That is, fewer than `least_units` units (150 for a share or ratio, 30 for a net), some with several rows, where
    n is over 2.5 times Kish's. Such an estimate is shown as `few`: the coverage tests find its interval too short.
    """
    n = _f(moments.n)
    heavy = (n > _f(moments.units)) & (n > HEAVY * moments.kish_n)
    return np.asarray(heavy & (_f(moments.units) < least_units))


def too_skewed(moments: Moments) -> NDArray[np.bool_]:
    """Whether a mean has too few units for its skewness: fewer than 25·skewness² (Cochran 1977, section 2.15).

    False where the skewness is not known.
    """
    return np.asarray(_f(moments.units) < 25 * skewness_of(moments) ** 2)


def divide(a: ArrayLike, b: ArrayLike) -> Floats:
    """a/b, and NaN where b is 0 or either is unknown."""
    top, bottom = np.broadcast_arrays(_f(a), _f(b))
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def _f(x: ArrayLike) -> Floats:
    return np.asarray(x, dtype=np.float64)
