"""Compares periods: the difference has an interval of its own, and a mark is given only where it holds among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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


def compared(
    ask: Ask,
    units: ir.Table | None,
    everything: parts.Table,
    frame: Frame,
    found: parts.Table,
    estimate: Estimate,
    result: pa.Table,
) -> pa.Table:
    """The result with `previous, change, change_low, change_high, p, moved` for every row.

    `units` are the totals of the question's units; None for a quantile, which has none. `everything` are all parts that
    were collected, and `found` those that are shown.
    """
    how, level = ask.question.compare, ask.question.level
    assert how is not None
    pairs = {p.start: earlier(p, frame.grain, how) for p in frame.periods}
    if not pairs:
        return _with(result, *(np.full(len(found.keys), np.nan) for _ in range(5)))
    old = {start: pair.start for start, pair in pairs.items()}
    keys = [_old_key(key, old, frame) for key in found.keys]
    if units is None:
        before, then = _earlier_rows(ask, list(pairs.values()))
        past = parts.collected(before, then, level).at(keys)
        previous = parts.estimated(before, past, level)
        change = mover(estimate.value, estimate.low, estimate.high, previous.value, previous.low, previous.high)
        return _with(result, previous.value, change.change, change.low, change.high, p_of(change, level))
    assert isinstance(ask.asked.brick, Summed)
    before, totals = ask, units
    if not ask.shared:
        before, then = _earlier_rows(ask, list(pairs.values()))
        totals = before.reader.held(parts.unit_totals(before, then))
        everything = parts.added(before, totals)
    past = everything.at(keys)
    slots = None if frame.grain is None else {then_: now_ for now_, then_ in old.items()}
    if isinstance(ask.asked.brick, Count):
        shared = _crossed(ask, units, totals, slots, found)[0] if ask.asked.brick.stock else 0.0
        at = ask.asked.brick.changes(found.parts, past.parts, shared, _history(found, frame))
        change, p = at(np.asarray(level)), p_value(at)
    else:
        rho = _correlations(ask, units, totals, slots, found, past)
        change, p = _by_moments(ask.asked.brick, found.parts, past.parts, rho, level)
        p = _judged(p, found.parts, past.parts)
    previous = parts.estimated(before, past, level)
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


def _correlations(
    ask: Ask, now: ir.Table, then: ir.Table, slots: Mapping[date, date] | None, found: parts.Table, past: parts.Table
) -> Any:
    """How alike the errors of the two sides are, from the customers that stand on both."""
    if slots is not None and len(slots) > MOST_SLOTS:
        return 0.0
    sums = _crossed(ask, now, then, slots, found)
    return correlation(moments_in(found.parts), moments_in(past.parts), Cross(*sums))


def _crossed(
    ask: Ask, now: ir.Table, then: ir.Table, slots: Mapping[date, date] | None, found: parts.Table
) -> NDArray[np.float64]:
    """The four sums of `parts.crossed`, one entry a row; 0 where there are too many periods to cross."""
    crossed = {} if slots is not None and len(slots) > MOST_SLOTS else parts.crossed(ask, now, then, slots)
    sums = np.array([crossed.get(key, (0.0,) * 4) for key in found.keys], dtype=np.float64)
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
