"""The bricks of which KPIs are made: what a row contributes, and a pure function from parts to an estimate.

The engine adds, this module divides. A brick names the columns that a KPI's rows must bear.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from wellheard.metrics import interval
from wellheard.metrics.interval import Interval
from wellheard.metrics.moments import NET_UNITS, Floats, Moments, too_clustered, too_skewed
from wellheard.warehouse.sums import total

Parts = Mapping[str, Floats]
MOMENTS = ("n", "units", "num", "den", "nn", "nd", "dd", "nnn", "nnd", "ndd", "ddd")


@dataclass(frozen=True)
class Estimate:
    """Value and limits, one entry an output row, NaN where there is none; `few` marks what is too little to judge."""

    value: Floats
    low: Floats
    high: Floats
    few: NDArray[np.bool_]


def moments_in(parts: Parts) -> Moments:
    """The unit moments among the parts."""
    return Moments(**{name: parts[name] for name in MOMENTS})


@dataclass(frozen=True)
class Brick(ABC):
    """A kind of figure. `columns` are what its rows bear; `scale` turns the bare value into the KPI's unit.

    With `once`, a unit counts once however many rows it has, for figures a customer or a visitor: a share takes it as
    good where `any` or `all` of its rows are, a ratio adds its num and takes its den once, and by `mean` a unit counts
    as the mean of its rows.
    """

    scale: float = 1.0
    once: Literal["", "any", "all", "mean"] = ""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that a KPI's rows bear for this brick."""

    @abstractmethod
    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        """The num and den of each row, and `positive` and `negative` where a net needs them."""

    @property
    def complete(self) -> bool:
        """Whether the figure is a complete count, which no number of rows is too few for."""
        return False

    def unit_num(self, num: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        """A unit's num from those of its rows that count."""
        return total(num, counted)

    def unit_den(self, den: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        """A unit's den from those of its rows that count."""
        return den.max(where=counted) if self.once else total(den, counted)

    def in_n(self, measured: ir.Table) -> ir.IntegerValue:  # noqa: ARG002 - a brick's contract
        """How many each of the rows that count is in n."""
        return ibis.literal(1)

    @property
    def sums_up(self) -> bool:
        """Whether num and den of groups add up to those of the whole."""
        return True


@dataclass(frozen=True)
class Summed(Brick):
    """A figure whose value and limits follow from sums alone."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the bare value must lie."""
        return -inf, inf

    @abstractmethod
    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        """The limits of the bare value at a level, or at one level a row."""

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        """Where the interval cannot be relied on, beyond the KPI's own least n."""
        return np.zeros(parts["n"].shape, dtype=bool)

    def value(self, parts: Parts) -> Floats:
        """The bare value."""
        return moments_in(parts).value

    def estimate(self, parts: Parts, level: float = 0.95) -> Estimate:
        """Value and interval in the KPI's unit."""
        limits = self.limits(parts, level)
        return Estimate(
            self.value(parts) * self.scale, limits.low * self.scale, limits.high * self.scale, self.few(parts)
        )


@dataclass(frozen=True)
class Share(Summed):
    """Rows that are `good` among all that count, in percent; Wilson with the effective number of rows."""

    scale: float = 100.0

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        return ("good",)

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": ibis.ifelse(rows.good, 1, 0), "den": ibis.literal(1)}

    def unit_num(self, num: ir.Value, counted: ir.BooleanValue) -> ir.Value:
        if self.once == "any":
            return num.max(where=counted)
        return num.min(where=counted) if self.once == "all" else total(num, counted)

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.share(moments_in(parts), level)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return too_clustered(moments_in(parts))


@dataclass(frozen=True)
class Portion(Share):
    """A share whose rows each stand for `den` things, `num` of them good, such as a customer's features; n is Σ den."""

    @property
    def columns(self) -> tuple[str, ...]:
        return ("num", "den")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": rows.num, "den": rows.den}

    def in_n(self, measured: ir.Table) -> ir.IntegerValue:
        return measured["m:den"]


@dataclass(frozen=True)
class Net(Summed):
    """Share of `good` rows minus share of `bad` ones, in points; adjusted Wald."""

    scale: float = 100.0

    @property
    def bounds(self) -> tuple[float, float]:
        return -1.0, 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        return ("good", "bad")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        good, bad = ibis.ifelse(rows.good, 1, 0), ibis.ifelse(rows.bad, 1, 0)
        return {"num": good - bad, "den": ibis.literal(1), "positive": good, "negative": bad}

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.net(parts["n"], parts["positive"], parts["negative"], moments_in(parts), level)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return too_clustered(moments_in(parts), NET_UNITS)


@dataclass(frozen=True)
class Mean(Summed):
    """The mean of `x`; `least` and `most` are its bounds where it has any."""

    least: float = -inf
    most: float = inf

    @property
    def bounds(self) -> tuple[float, float]:
        return self.least, self.most

    @property
    def columns(self) -> tuple[str, ...]:
        return ("x",)

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": rows.x, "den": ibis.literal(1)}

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.ratio(moments_in(parts), level, self.least, self.most)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return too_skewed(moments_in(parts)) | too_clustered(moments_in(parts))


@dataclass(frozen=True)
class Ratio(Summed):
    """Σ `num` ÷ Σ `den`, such as money a user; never below `least`.

    With `of_den`, rows that bear a num alone, such as a cost that no case is named for, are not counted in n.
    """

    least: float = -inf
    of_den: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        return self.least, inf

    @property
    def columns(self) -> tuple[str, ...]:
        return ("num", "den")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": rows.num, "den": rows.den}

    def in_n(self, measured: ir.Table) -> ir.IntegerValue:
        return ibis.ifelse(measured["m:den"] != 0, 1, 0) if self.of_den else super().in_n(measured)

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.ratio(moments_in(parts), level, self.least)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return too_skewed(moments_in(parts)) | too_clustered(moments_in(parts))


@dataclass(frozen=True)
class MoneyShare(Ratio):
    """A share of money, between 0 and 100 %: Wilson with Kish's number of units."""

    scale: float = 100.0

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.money_share(moments_in(parts), level)

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return np.zeros(parts["n"].shape, dtype=bool)


@dataclass(frozen=True)
class Quantile(Brick):
    """The `p`-quantile of `x`, interpolated between order statistics; its limits are order statistics too.

    Found by rank in the facts: no engine's own quantile function is asked, since they differ.
    """

    p: float = 0.5

    @property
    def columns(self) -> tuple[str, ...]:
        return ("x",)

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": rows.x, "den": ibis.literal(1)}

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        """Where so few units stand behind so many rows that the ranks are not worth what they seem."""
        return too_clustered(moments_in(parts), NET_UNITS)
