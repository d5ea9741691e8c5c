"""How long it takes where some have not got there yet: a quantile of the Kaplan–Meier curve.

The engine counts, by group and time, how many got there and how many left; the curve is made of these counts here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wellheard.metrics.bricks import Brick, Parts, moments_in
from wellheard.metrics.moments import Floats, too_clustered
from wellheard.metrics.survival import TimeEstimate, kaplan_meier

NOTHING = TimeEstimate(*[float("nan")] * 3)


@dataclass(frozen=True)
class Waiting(Brick):
    """The time by which a share `p` got there: `x` was waited to the event or, where it has not `ended`, so far.

    The unfinished are censored, neither dropped nor taken as finished. Limits are Greenwood's on the log-log scale and
    take every row for itself: where few units stand behind many rows the figure is `few`. A quantile that the curve
    does not reach has neither value nor limits.
    Source: E. L. Kaplan and P. Meier, JASA 53 (1958) 457–481.
    """

    p: float = 0.5

    @property
    def columns(self) -> tuple[str, ...]:
        return ("x", "ended")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {"num": ibis.ifelse(rows.ended, 1, 0), "den": ibis.literal(1)}

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        """Where units repeat so heavily that the limits, which take rows as independent, are too narrow."""
        return too_clustered(moments_in(parts), inf)


def steps(rows: ir.Table, names: Sequence[str]) -> ir.Table:
    """One row a group and time: how many `events` came then, and how many rows were `leaving`, events among them."""
    counted = rows.filter(rows.why.isnull())
    timed = counted.mutate(x=counted.x.cast("float64"), event=ibis.ifelse(counted.ended, 1, 0))
    return timed.group_by([*names, "x"]).agg(events=timed.event.sum(), leaving=timed.count())


def quantiles(
    keys: Sequence[tuple[Any, ...]], names: Sequence[str], found: pa.Table, p: float, level: float
) -> dict[str, Floats]:
    """`value`, `low` and `high` of each group, in the order of `keys`, from rows of `steps`; NaN where not reached."""
    places: dict[tuple[Any, ...], list[int]] = {}
    columns = [found[name].to_pylist() for name in names]
    for index, key in enumerate(zip(*columns, strict=True) if columns else [()] * found.num_rows):
        places.setdefault(key, []).append(index)
    times, events, leaving = (
        found[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in ("x", "events", "leaving")
    )
    made = []
    for key in keys:
        mine = np.array(places.get(key, []), dtype=np.int64)
        mine = mine[np.argsort(times[mine])]
        made.append(_quantile(times[mine], events[mine], leaving[mine], p, level) if mine.size else NOTHING)
    return {name: np.array([getattr(one, name) for one in made]) for name in ("value", "low", "high")}


def _quantile(times: Floats, events: Floats, leaving: Floats, p: float, level: float) -> TimeEstimate:
    at_risk = np.cumsum(leaving[::-1])[::-1]
    found = kaplan_meier(times, events, at_risk, level).quantile(p)
    return NOTHING if np.isnan(found.value) else found
