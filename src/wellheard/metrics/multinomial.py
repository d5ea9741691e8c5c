"""Shares of outcomes that exclude each other, with intervals that hold for all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from wellheard.metrics import interval
from wellheard.metrics.bricks import Parts, Share, moments_in
from wellheard.metrics.interval import Interval
from wellheard.metrics.moments import Floats


@dataclass(frozen=True)
class OneOf(Share):
    """One of `outcomes` shares that are shown together, in percent; Goodman's simultaneous limits.

    Where units repeat, each is the share's own interval at the stricter level, which is the same where none repeats.
    Source: L. A. Goodman, Technometrics 7 (1965) 247–254.
    """

    outcomes: int = 2

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        return interval.share(moments_in(parts), interval.simultaneous(level, self.outcomes))
