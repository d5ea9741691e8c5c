"""The bricks of complete counts and sums: volume, backlog, active customers, recurring revenue.

Nothing was left out of a complete count, so it has no interval, and it is no estimate that could rest on too few rows.
Its change is judged all the same, as the noise of events that come one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import ArrayLike

from wellheard.metrics.bricks import Parts, Summed
from wellheard.metrics.difference import Change, count_change, dispersion_of
from wellheard.metrics.interval import Interval, normal
from wellheard.metrics.moments import Floats, divide


@dataclass(frozen=True)
class Count(Summed):
    """How many rows count, or how many units with `once="any"`: limits are null, the state is `ok` from one row on.

    A `stock` is who or what is there at an instant, such as open conversations: who is there at both instants is no
    news, so only those who came and went are noise.
    """

    stock: bool = False

    @property
    def complete(self) -> bool:
        return True

    @property
    def columns(self) -> tuple[str, ...]:
        return ()

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:  # noqa: ARG002 - a brick's contract
        return {"num": ibis.literal(1), "den": ibis.literal(1)}

    def unit_num(self, num: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        return num.max(where=counted) if self.once else super().unit_num(num, counted)

    def value(self, parts: Parts) -> Floats:
        return np.where(parts["n"] > 0, parts["num"], np.nan)

    def limits(self, parts: Parts, level: Floats | float) -> Interval:  # noqa: ARG002 - a brick's contract
        unknown = np.full(parts["n"].shape, np.nan)
        return Interval(unknown, unknown)

    def changes(self, now: Parts, then: Parts, shared: ArrayLike, earlier: ArrayLike) -> Callable[[Floats], Change]:
        """The interval of now − then at one level a row, by the noise that such counts have.

        `shared` is Σ num·num of the units on both sides; `earlier` holds each row's counts of the periods before it on
        the last axis, NaN where there are none. Those tell how much wider than Poisson's the noise is.
        """
        if self.stock:
            return _normal(now, then, self, now["nn"] + then["nn"] - 2 * np.asarray(shared, dtype=np.float64))
        bunched = divide(now["nn"] + then["nn"], now["num"] + then["num"])
        spread = np.fmax(np.nan_to_num(bunched, nan=1.0), dispersion_of(earlier))
        known = np.where((now["n"] > 0) & (then["n"] > 0), 1.0, np.nan)
        return lambda level: count_change(then["num"] * known, now["num"] * known, level, spread)


@dataclass(frozen=True)
class Total(Count):
    """Σ `num` of all rows, such as money, whole and without limits.

    The noise of its change is that of amounts that come one by one at random: Σ num² over the units.
    Source: W. Feller, An Introduction to Probability Theory and Its Applications II (1971), on compound Poisson laws.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        return ("num",)

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": rows.num, "den": ibis.literal(1)}

    def changes(self, now: Parts, then: Parts, shared: ArrayLike, earlier: ArrayLike) -> Callable[[Floats], Change]:
        noise = now["nn"] + then["nn"]
        if self.stock:
            return super().changes(now, then, shared, earlier)
        return _normal(now, then, self, np.fmax(noise, 2 * _spread_of(earlier)))


def _normal(now: Parts, then: Parts, brick: Count, variance: Floats) -> Callable[[Floats], Change]:
    change = brick.value(now) - brick.value(then)
    deviation = np.sqrt(np.maximum(variance, 0))

    def at(level: Floats) -> Change:
        reach = normal(level) * deviation
        return Change(change, change - reach, change + reach)

    return at


def _spread_of(earlier: ArrayLike) -> Floats:
    """The variance of the sums of earlier periods on the last axis; 0 where fewer than two are known."""
    x = np.asarray(earlier, dtype=np.float64)
    known = np.sum(~np.isnan(x), axis=-1)
    centre = divide(np.nansum(x, axis=-1), known)
    return np.nan_to_num(divide(np.nansum((x - centre[..., None]) ** 2, axis=-1), known - 1), nan=0.0)
