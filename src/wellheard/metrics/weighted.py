"""Nets in which not every answer weighs the same: a company counts once, or by the money that it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellheard.metrics.bricks import Parts, Summed, moments_in
from wellheard.metrics.interval import Interval, student
from wellheard.metrics.moments import ROUNDING, Floats, Moments, divide
from wellheard.warehouse.sums import total


@dataclass(frozen=True)
class WeightedNet(Summed):
    """Share of `good` rows minus share of `bad` ones by `weight`, in points; a unit is the mean of its rows.

    Score limits with Kish's number of units. See `weighted_net`.
    """

    scale: float = 100.0
    once: Literal["", "any", "all", "mean"] = "mean"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("good", "bad", "weight")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        weight = rows.weight.cast("float64")
        good, bad = ibis.ifelse(rows.good, weight, 0.0), ibis.ifelse(rows.bad, weight, 0.0)
        return {"num": good - bad, "den": weight, "positive": good, "negative": bad}

    def unit_num(self, num: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        return total(num, counted) / counted.sum().nullif(0).cast("float64")

    def unit_den(self, den: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        return self.unit_num(den, counted)

    @property
    def sums_up(self) -> bool:
        return False

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return weighted_net(moments_in(parts), divide(parts["positive"] + parts["negative"], parts["den"]), level)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return np.asarray(moments_in(parts).kish_n < LEAST_KISH)


LEAST_KISH = 10  # below so many equal units the interval misses its coverage (tests/metrics/test_interval_coverage.py)


def weighted_net(moments: Moments, decided: ArrayLike, level: ArrayLike = 0.95) -> Interval:
    """Limits for a weighted net r = Σw·x/Σw, x in −1 to 1: all θ with (r − θ)² ≤ t²·(s − θ²)/n; within −1 to 1.

    `decided` is the weighted share of answers that are no passives; s is that share after 3 more answers, 1½ of them
    decided, so that no spread seen is no certainty. n is the lesser of Kish's n and (s − r²)/v, t Student's with Kish
    n − 1: Wilson's interval carried from two outcomes to three. Where a unit is the mean of several answers its spread
    is smaller than n allows for, and the interval holds the truth more often than it promises.
    Source: E. B. Wilson, JASA 22 (1927) 209–212, for limits by inversion; L. Kish, Survey Sampling (1965), for n.
    """
    r, kish = np.clip(moments.value, -1, 1), moments.kish_n
    share = np.clip(np.asarray(decided, dtype=np.float64), np.abs(r), 1)
    size = np.fmin(divide(share - r * r, np.where(moments.variance > 0, moments.variance, np.nan)), kish)
    s = (share * size + 1.5) / (size + 3)
    known, alone = kish > 0, (kish > 0) & (kish <= 1 + ROUNDING)
    t2 = student(level, np.where(known & ~alone, kish - 1, np.nan)) ** 2
    # The shrunken share of the decided may fall below r² at the very ends, where the spread is that of r alone.
    root = np.sqrt(t2 * np.maximum(size * (s - r * r) + t2 * s, 0))
    low, high = (size * r - root) / (size + t2), (size * r + root) / (size + t2)
    # One unit tells nothing of the others: every value is possible.
    low, high = np.where(alone, -1, np.minimum(low, r)), np.where(alone, 1, np.maximum(high, r))
    return Interval(np.clip(low, -1, 1), np.clip(high, -1, 1))
