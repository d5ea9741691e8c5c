"""A figure with each group of customers at its true share, instead of the share in which it happened to answer."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellheard.metrics.interval import student
from wellheard.metrics.moments import Floats, Moments, divide

LEAST_UNITS = 10  # a group with fewer is joined with others, since its own spread is hardly known


@dataclass(frozen=True)
class PostStratified:
    """The bare value with its limits; NaN where there is none.

    `design_effect` is Kish's: by how much unequal weights make the variance larger. `joined` marks the groups that
    were too small to stand alone, `uncovered` is the share of the population in groups of which nobody answered.
    """

    value: float
    low: float
    high: float
    design_effect: float
    uncovered: float
    joined: NDArray[np.bool_]


def post_stratified(
    moments: Moments, population: ArrayLike, level: float = 0.95, least: float = -inf, most: float = inf
) -> PostStratified:
    """Σ W·r over groups, with W a group's share of the population and r its value; one entry a group.

    Groups of fewer than ten units are joined into one, and with the next smallest group where that is too small still.
    The variance is Σ W²·v, given how many answered in each group; where a group shows no spread it has that of all
    groups together. The limits are Student's by Satterthwaite's degrees of freedom, within the bounds. Groups in which
    nobody answered are left out, and the others share their weight: `uncovered` says how much that is.
    Source: D. Holt and T. M. F. Smith, JRSS A 142 (1979) 33-46; W. G. Cochran, Sampling Techniques (3rd ed. 1977),
    sections 5.4 and 5A.9; the design effect L. Kish, Journal of Official Statistics 8 (1992) 183-200.
    """
    people = np.asarray(population, dtype=np.float64)
    units = np.nan_to_num(np.asarray(moments.units, dtype=np.float64))
    answered = (units > 0) & np.isfinite(moments.value)
    total = float(people.sum())
    uncovered = float(people[~answered].sum() / total) if total > 0 else 0.0
    if not answered.any() or people[answered].sum() <= 0:
        return PostStratified(np.nan, np.nan, np.nan, np.nan, uncovered, np.zeros(len(people), dtype=bool))
    groups, joined = _joined(units, answered)
    merged = _merged(moments, groups)
    weight = np.array([people[rows].sum() for rows in groups])
    weight = weight / weight.sum()
    value = float(np.sum(weight * merged.value))
    spread = weight**2 * _variances(merged)
    variance, kish = float(spread.sum()), merged.kish_n
    freedom = divide(variance**2, np.sum(divide(spread**2, np.maximum(kish - 1, 1e-9))))
    alone = kish.sum() <= 1 or variance <= 0
    half = np.nan if alone else float(student(level, max(float(freedom), 1.0)) * np.sqrt(variance))
    effect = float(kish.sum() * np.sum(divide(weight**2, kish)))
    low, high = (float(np.clip(limit, least, most)) for limit in (value - half, value + half))
    return PostStratified(value, low, high, effect, uncovered, joined)


def _joined(units: Floats, answered: NDArray[np.bool_]) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
    """The groups by which rows are weighed, each as the rows in it, and which rows were joined with others."""
    small = answered & (units < LEAST_UNITS)
    rest = list(np.flatnonzero(small))
    alone = sorted(np.flatnonzero(answered & ~small), key=lambda row: units[row])
    while rest and alone and units[rest].sum() < LEAST_UNITS:
        rest.append(alone.pop(0))
    joined = np.zeros(len(units), dtype=bool)
    if len(rest) > 1:
        joined[rest] = True
    groups = [np.array([row]) for row in sorted(alone)] + ([np.array(sorted(rest))] if rest else [])
    return groups, joined


def _merged(moments: Moments, groups: list[NDArray[np.int64]]) -> Moments:
    names = ("n", "units", "num", "den", "nn", "nd", "dd")
    parts = {name: np.asarray(getattr(moments, name), dtype=np.float64) for name in names}
    return Moments(**{name: np.array([values[rows].sum() for rows in groups]) for name, values in parts.items()})


def _variances(moments: Moments) -> Floats:
    """The variance of each group's value; where it shows no spread, by the spread of all groups together."""
    own, units = moments.variance, np.asarray(moments.units, dtype=np.float64)
    free = np.maximum(units - 1, 0).sum()
    every = float(np.nansum(moments.squared_errors))
    dd = np.asarray(moments.dd, dtype=np.float64)
    if every <= 0 or free <= 0:
        return np.where(own > 0, own, 0.0)
    common = every * units.sum() / free / dd.sum()
    shared = common * divide(dd, np.asarray(moments.den, dtype=np.float64) ** 2)
    return np.where((own > 0) & (units > 1), own, shared)
