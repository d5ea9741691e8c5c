"""Steadies the figures of small groups by what all groups have in common: partial pooling, asked for and labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.metrics.interval import normal
from wellheard.metrics.moments import Floats, Moments, divide

LEAST_GROUPS = 4  # with fewer, how much groups differ cannot be told from chance


@dataclass(frozen=True)
class Pooled:
    """The steadied value of every group and its limits; NaN for a group without a value."""

    value: Floats
    low: Floats
    high: Floats


def pool(moments: Moments, level: float = 0.95, least: float = -np.inf, most: float = np.inf) -> Pooled:
    """Empirical Bayes estimates of the groups' values, normal within and between groups, each within its bounds.

    A group of G equal units has variance s²/G, with one s² of all groups, since a small group tells little of its own
    spread; unequal units count as Kish's number of equal ones. How much groups truly differ is DerSimonian and
    Laird's τ². The limits allow for the mean and τ² being estimated. With fewer than four groups nothing is pooled.
    Source: C. N. Morris, JASA 78 (1983) 47–55; R. DerSimonian and N. Laird, Controlled Clinical Trials 7 (1986)
    177–188.
    """
    value = moments.value
    known = np.isfinite(value) & (moments.kish_n > 0)
    within = _within(moments, known)
    if known.sum() < LEAST_GROUPS or not np.any(within > 0):
        half = normal(level) * np.sqrt(within)
        return Pooled(value, np.clip(value - half, least, most), np.clip(value + half, least, most))
    y, v = value[known], within[known]
    between = _between(y, v)
    weight = 1 / (v + between)
    centre = float(np.sum(weight * y) / np.sum(weight))
    share = v / (v + between)  # how far each is drawn to the centre
    k = len(y)
    drawn = share * (k - 3) / (k - 1)
    spread = v * (1 - drawn * (k - 1) / k) + 2 / (k - 1) * drawn**2 * (y - centre) ** 2
    steady = drawn * centre + (1 - drawn) * y
    half = normal(level) * np.sqrt(spread)
    return Pooled(
        _placed(known, steady),
        _placed(known, np.clip(steady - half, least, most)),
        _placed(known, np.clip(steady + half, least, most)),
    )


def _within(moments: Moments, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """The variance of each group's value, from the spread of the units of all groups together."""
    units = np.asarray(moments.units, dtype=np.float64)
    den, num = np.asarray(moments.den, dtype=np.float64), np.asarray(moments.num, dtype=np.float64)
    free = np.where(known, units - 1, 0).sum()
    weights = np.where(known, np.asarray(moments.dd, dtype=np.float64), 0).sum()
    squares = np.where(known, moments.squared_errors, 0).sum()
    total = np.where(known, units, 0).sum()
    if free <= 0 or weights <= 0:  # one unit a group: the spread between groups is all there is
        return np.where(known, 0.0, np.nan)
    common = squares * total / free / weights
    if common <= 0:
        centre = divide(np.where(known, num, 0).sum(), np.where(known, den, 0).sum())
        common = float(np.abs(centre * (1 - centre))) if 0 <= centre <= 1 else 0.0
    return np.where(known, divide(common, moments.kish_n), np.nan)


def _between(y: Floats, v: Floats) -> float:
    """τ² of DerSimonian and Laird; 0 where the groups differ no more than chance would have them."""
    w = 1 / np.where(v > 0, v, v[v > 0].min())
    centre = np.sum(w * y) / np.sum(w)
    q = np.sum(w * (y - centre) ** 2)
    return max(0.0, float((q - (len(y) - 1)) / (np.sum(w) - np.sum(w**2) / np.sum(w))))


def _placed(known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], values: Floats) -> Floats:
    out = np.full(known.shape, np.nan)
    out[known] = values
    return out
