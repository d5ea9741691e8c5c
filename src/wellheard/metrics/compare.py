"""Compares periods: the difference has an interval of its own, and a mark is given only where it holds among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wellheard.base.periods import Grain, Period, add_months, step
from wellheard.metrics import parts
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Estimate, Parts, Summed, moments_in
from wellheard.metrics.counts import Count
from wellheard.metrics.difference import Change, correlation, holm, mover, p_of, p_value
from wellheard.metrics.frame import Frame, placed
from wellheard.metrics.moments import Cross

Crossed = Mapping[parts.Key, tuple[float, ...]]
MARK = 0.05  # a change is marked where its Holm-adjusted p is at most this
# With fewer units on both sides the interval of a difference misses its coverage: there is no p, and so no mark.
LEAST_UNITS = 40
MOST_SLOTS = 400  # beyond so many periods, people on both sides are taken as independent, which widens the interval


def earlier(period: Period, grain: Grain | None, how: str) -> Period:
    """The period that `period` is compared with: the one before it, or the same a year earlier."""
    if how == "year":
        if grain is Grain.WEEK:
            return Period(period.start - timedelta(weeks=52), period.end - timedelta(weeks=52))
        return Period(add_months(period.start, -12), add_months(period.end, -12))
    if grain is not None:
        return Period(step(period.start, grain, -1), period.start)
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    if period.start.day == 1 and period.end.day == 1:
        return Period(add_months(period.start, -months), period.start)
    return Period(period.start - (period.end - period.start), period.start)


def widened(ask: Ask, frame: Frame) -> Ask:
    """An ask whose rows are those of the periods before as well, where one statement can serve both sides.

    That is for a series compared with the period before each: all but the first of those are its own.
    """
    start, whole = ask.question.start, frame.periods
    series = ask.question.compare == "previous" and frame.grain is not None and not ask.question.rows
    if not series or not whole or not isinstance(ask.asked.brick, Summed) or start not in (None, whole[0].start):
        return ask
    first = earlier(whole[0], frame.grain, "previous")
    question = replace(ask.question, start=None if start is None else first.start)
    return Ask(ask.reader, ask.metric, ask.asked, question, (first, *whole), shared=True)


@dataclass(frozen=True)
class Past:
    """What the periods before hold: the parts of all keys, and by the current key the sums over who is on both sides.

    See `parts.crossed` for the four sums.
    """

    everything: parts.Table
    crossed: Crossed


def pairs_of(frame: Frame, how: str) -> dict[date, Period]:
    """Each period's start with the period that it is compared with."""
    return {p.start: earlier(p, frame.grain, how) for p in frame.periods}


def past_of(ask: Ask, units: ir.Table | None, everything: parts.Table, frame: Frame) -> Past:
    """What the periods before hold, from the facts.

    `units` are the totals of the question's units; None for a quantile, which has none. `everything` are all parts that
    were collected for the question, those of the periods before among them where one statement serves both sides.
    """
    assert ask.question.compare is not None
    pairs = pairs_of(frame, ask.question.compare)
    if not pairs:
        return Past(everything, {})
    if units is None:
        before, then = _earlier_rows(ask, list(pairs.values()))
        return Past(parts.collected(before, then, ask.question.level), {})
    totals = units
    if not ask.shared:
        before, then = _earlier_rows(ask, list(pairs.values()))
        totals = before.reader.held(parts.unit_totals(before, then))
        everything = parts.added(before, totals)
    return Past(everything, crossing(ask, units, totals, frame))


def crossing(ask: Ask, now: ir.Table, then: ir.Table, frame: Frame) -> Crossed:
    """The four sums over who stands on both sides, where a comparison needs them and periods are few enough."""
    assert ask.question.compare is not None
    if not frame.periods or (isinstance(ask.asked.brick, Count) and not ask.asked.brick.stock):
        return {}
    if frame.grain is None:
        return parts.crossed(ask, now, then, None)
    slots = {pair.start: start for start, pair in pairs_of(frame, ask.question.compare).items()}
    return parts.crossed(ask, now, then, slots) if len(slots) <= MOST_SLOTS else {}


def compared(ask: Ask, past: Past, frame: Frame, found: parts.Table, estimate: Estimate, result: pa.Table) -> pa.Table:
    """The result with `previous, change, change_low, change_high, p, moved` for every row; `found` are those shown."""
    how, level, brick = ask.question.compare, ask.question.level, ask.asked.brick
    assert how is not None
    old = {start: pair.start for start, pair in pairs_of(frame, how).items()}
    if not old:
        return _with(result, *(np.full(len(found.keys), np.nan) for _ in range(5)))
    then = past.everything.at([_old_key(key, old, frame) for key in found.keys])
    previous = parts.estimated(ask, then, level)
    if not isinstance(brick, Summed):
        change = mover(estimate.value, estimate.low, estimate.high, previous.value, previous.low, previous.high)
        return _with(result, previous.value, change.change, change.low, change.high, p_of(change, level))
    shared = _crossed(past, found)
    if isinstance(brick, Count):
        at = brick.changes(found.parts, then.parts, shared[0] if brick.stock else 0.0, _history(found, frame))
        change, p = at(np.asarray(level)), p_value(at)
    else:
        known = frame.grain is None or len(old) <= MOST_SLOTS
        rho = correlation(moments_in(found.parts), moments_in(then.parts), Cross(*shared)) if known else 0.0
        change, p = _by_moments(brick, found.parts, then.parts, rho, level)
        p = _judged(p, found.parts, then.parts)
    return _with(result, previous.value, change.change, change.low, change.high, p)


def _by_moments(brick: Summed, now: Parts, then: Parts, rho: Any, level: float) -> tuple[Change, Any]:
    """The difference in the KPI's unit, and its p-value from the same intervals at every level."""
    value, previous, scale = brick.value(now), brick.value(then), brick.scale

    def at(level: Any) -> Change:
        a, b = brick.limits(now, level), brick.limits(then, level)
        return mover(value, a.low, a.high, previous, b.low, b.high, rho)

    drawn = at(level)
    return Change(drawn.change * scale, drawn.low * scale, drawn.high * scale), p_value(at)


def _judged(p: Any, now: Parts, then: Parts) -> Any:
    """The p-values, unknown where too few units stand on either side to judge by them."""
    return np.where((now["units"] < LEAST_UNITS) & (then["units"] < LEAST_UNITS), np.nan, p)


def _old_key(key: parts.Key, old: Mapping[date, date], frame: Frame) -> parts.Key:
    return key if frame.grain is None else (old.get(key[0]), *key[1:])


def _earlier_rows(ask: Ask, periods: list[Period]) -> tuple[Ask, ir.Table]:
    start, end = min(p.start for p in periods), max(p.end for p in periods)
    question = replace(ask.question, start=start, end=end, compare=None)
    before = Ask(ask.reader, ask.metric, ask.asked, question, periods)
    before.gathered = ask.gathered
    return before, placed(before, ask.metric.rows(before))


def _crossed(past: Past, found: parts.Table) -> NDArray[np.float64]:
    """The four sums of `parts.crossed`, one entry a row; 0 where nobody is on both sides."""
    sums = np.array([past.crossed.get(key, (0.0,) * 4) for key in found.keys], dtype=np.float64)
    return sums.reshape(len(found.keys), 4).T


def _history(found: parts.Table, frame: Frame) -> NDArray[np.float64]:
    """For each row, the sums of its series in the whole periods before it; NaN elsewhere."""
    whole = [p.start for p in frame.periods if not frame.partial(p)][-MOST_SLOTS:] if frame.grain is not None else []
    sums = dict(zip(found.keys, found.parts["num"], strict=True))
    rows = [[sums.get((s, *key[1:]), np.nan) if s < key[0] else np.nan for s in whole] for key in found.keys]
    return np.array(rows, dtype=np.float64).reshape(len(found.keys), len(whole))


def _with(result: pa.Table, previous: Any, change: Any, low: Any, high: Any, p: Any) -> pa.Table:
    unknown = np.array([v is None for v in result["value"].to_pylist()], dtype=bool)
    hidden = np.array([s == "hidden" for s in result["state"].to_pylist()], dtype=bool)
    adjusted = holm(np.where(unknown, np.nan, p)) if len(unknown) else np.array([])
    sure = np.nan_to_num(adjusted, nan=1.0) <= MARK
    moved = [None if not s else "up" if c > 0 else "down" for s, c in zip(sure, np.nan_to_num(change), strict=True)]
    for name, numbers in (
        ("previous", previous),
        ("change", change),
        ("change_low", low),
        ("change_high", high),
        ("p", p),
    ):
        bad = ~np.isfinite(numbers) | (hidden if name == "previous" else unknown)
        result = result.append_column(name, pa.array(np.where(bad, 0.0, numbers), pa.float64(), mask=bad))
    return result.append_column("moved", pa.array(moved, pa.string()))
