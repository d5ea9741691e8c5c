"""Compares periods: the difference has an interval of its own, and a mark is given only where it holds among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from wellheard.base.periods import Grain, Period, add_months, step
from wellheard.metrics import parts
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Estimate, Quantile, moments_in
from wellheard.metrics.difference import correlation, holm, mover, p_of, p_value
from wellheard.metrics.frame import Frame, placed
from wellheard.metrics.moments import Cross

MARK = 0.05  # a change is marked where its Holm-adjusted p is at most this
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


def compared(
    ask: Ask,
    rows: ir.Table,
    frame: Frame,
    keys: list[parts.Key],
    figures: dict[str, Any],
    estimate: Estimate,
    result: pa.Table,
) -> pa.Table:
    """The result with `previous, change, change_low, change_high, p, moved` for every row."""
    how = ask.question.compare
    assert how is not None
    pairs = {p.start: earlier(p, frame.grain, how) for p in frame.periods}
    if not pairs:
        return _with(result, *(np.full(len(keys), np.nan) for _ in range(5)))
    before, then = _earlier_rows(ask, list(pairs.values()), frame)
    level = ask.question.level
    table = parts.ranked(before, then, level) if isinstance(ask.asked.brick, Quantile) else parts.added(before, then)
    old = {start: pair.start for start, pair in pairs.items()}
    matched = [_old_key(key, old, frame) for key in keys]
    place = {key: index for index, key in enumerate(table.keys)}
    order = np.array([place.get(key, len(place)) for key in matched], dtype=np.int64)
    past = {name: np.append(values, 0.0)[order] for name, values in table.parts.items()}
    if table.quantile is not None:
        found = {k: np.append(v, np.nan)[order] for k, v in table.quantile.items()}
        previous = Estimate(found["value"], found["low"], found["high"], np.zeros(len(keys), dtype=bool))
        change = mover(estimate.value, estimate.low, estimate.high, previous.value, previous.low, previous.high)
        return _with(result, previous.value, change.change, change.low, change.high, p_of(change, level))
    return _by_moments(ask, before, rows, then, old, frame, keys, figures, past, result)


def _old_key(key: parts.Key, old: Mapping[date, date], frame: Frame) -> parts.Key:
    return key if frame.grain is None else (old.get(key[0]), *key[1:])


def _earlier_rows(ask: Ask, periods: list[Period], frame: Frame) -> tuple[Ask, ir.Table]:
    start, end = min(p.start for p in periods), max(p.end for p in periods)
    question = replace(ask.question, start=start, end=end, compare=None)
    before = Ask(ask.reader, ask.metric, ask.asked, question, periods)
    return before, placed(before, ask.metric.rows(before), question, frame)


def _by_moments(
    ask: Ask,
    before: Ask,
    now: ir.Table,
    then: ir.Table,
    old: Mapping[date, date],
    frame: Frame,
    keys: list[parts.Key],
    figures: dict[str, Any],
    past: dict[str, Any],
    result: pa.Table,
) -> pa.Table:
    brick, scale = ask.asked.brick, ask.asked.brick.scale
    rho = _correlations(ask, now, then, old, frame, keys, figures, past)
    value, previous = brick.value(figures), brick.value(past)

    def at(level: Any) -> Any:
        a, b = brick.limits(figures, level), brick.limits(past, level)
        return mover(value, a.low, a.high, previous, b.low, b.high, rho)

    drawn = at(ask.question.level)
    p = p_value(at)
    return _with(result, previous * scale, drawn.change * scale, drawn.low * scale, drawn.high * scale, p)


def _correlations(
    ask: Ask,
    now: ir.Table,
    then: ir.Table,
    old: Mapping[date, date],
    frame: Frame,
    keys: list[parts.Key],
    figures: dict[str, Any],
    past: dict[str, Any],
) -> Any:
    """How alike the errors of the two sides are, from the customers that stand on both."""
    if len(old) > MOST_SLOTS:
        return 0.0
    slots = None if frame.grain is None else {then_: now_ for now_, then_ in old.items()}
    crossed = parts.crossed(ask, now, then, slots)
    sums = np.array([crossed.get(key, (0.0,) * 4) for key in keys], dtype=np.float64).reshape(len(keys), 4)
    return correlation(moments_in(figures), moments_in(past), Cross(*sums.T))


def _with(result: pa.Table, previous: Any, change: Any, low: Any, high: Any, p: Any) -> pa.Table:
    unknown = np.array([v is None for v in result["value"].to_pylist()])
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
        bad = ~np.isfinite(numbers) | (unknown if name != "previous" else np.zeros(len(unknown), dtype=bool))
        result = result.append_column(name, pa.array(np.where(bad, 0.0, numbers), pa.float64(), mask=bad))
    return result.append_column("moved", pa.array(moved, pa.string()))
