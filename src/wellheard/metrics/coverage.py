"""How often each kind of interval holds the truth: what a KPI's page says of its uncertainty.

The tables are in `coverage.json` beside this file; `make coverage` computes them by the draws of `designs.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite

from wellheard.metrics.bricks import Brick, Mean, MoneyShare, Net, Quantile, Ratio, Share
from wellheard.metrics.linear import Linear
from wellheard.metrics.multinomial import OneOf
from wellheard.metrics.weighted import WeightedNet

FILE = "coverage.json"
OFTEN = 0.9  # of the draws that are shown as few, for a cell to be called so


@dataclass(frozen=True)
class Cell:
    """How often an interval held the truth with so many units, who answered once or up to 20 times.

    `mean` and `least` are over the truths tried; `few` is the share of draws that are shown as few; `bar` is what the
    least must reach, `mean_bars` what the mean must lie between. A cell that misses them must be shown as few.
    """

    units: int
    most: int
    mean: float
    least: float
    bar: float
    few: float
    mean_bars: tuple[float, float] = (0.0, 1.0)

    @property
    def meets(self) -> bool:
        """Whether the interval holds as often as it has to."""
        low, high = self.mean_bars
        return self.least >= self.bar and low <= self.mean <= high

    @property
    def shown_few(self) -> bool:
        """Whether such a figure is shown as few."""
        return self.few >= OFTEN

    @property
    def words(self) -> str:
        """How such a figure is shown: by its state, or by the share of samples in which that is few."""
        if self.shown_few or self.few < 0.005:
            return "few" if self.shown_few else "ok"
        return f"few in {self.few:.0%} of samples".replace("%", " %")


def design_of(brick: Brick) -> str | None:
    """The name of the design that a brick's intervals are tried on; None for complete counts and others untried."""
    if brick.complete:
        return None
    for kind, name in (
        (WeightedNet, "weighted_net"), (OneOf, "one_of"), (Linear, "contrast"), (MoneyShare, "money_share"),
        (Share, "share"), (Net, "net"),
    ):  # fmt: skip
        if isinstance(brick, kind):
            return name
    if isinstance(brick, Quantile):
        return f"quantile_{brick.p * 100:g}"
    if isinstance(brick, Mean):
        return "scale" if isfinite(brick.least) and isfinite(brick.most) else "money_mean"
    return "money_ratio" if isinstance(brick, Ratio) else None


@cache
def shipped() -> dict[str, tuple[Cell, ...]]:
    """The tables by design, as `make docs` last computed them."""
    given = json.loads(files("wellheard.metrics").joinpath(FILE).read_text("utf-8"))
    return {
        name: tuple(Cell(**cell | {"mean_bars": tuple(cell["mean_bars"])}) for cell in cells)
        for name, cells in given.items()
    }


def table_of(brick: Brick) -> tuple[Cell, ...]:
    """The cells of a brick's design; empty where there is none."""
    return shipped().get(design_of(brick) or "", ())
