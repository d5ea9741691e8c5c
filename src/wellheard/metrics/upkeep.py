"""Makes rollups from the facts, and brings them forward by what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import ibis.expr.types as ir

from wellheard.metrics import parts
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Summed
from wellheard.metrics.compare import Crossed, crossing, widened
from wellheard.metrics.frame import Frame, placed
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question
from wellheard.metrics.reader import NotLocal, PartReader, Reader
from wellheard.metrics.rollup import LEVEL, Rollup
from wellheard.warehouse.touched import Touched

Sums = tuple[parts.Table, Crossed]
NOBODY = (0.0,) * 4


def built(reader: Reader, metric: Metric, shape: Question) -> Rollup:
    """The rollup of a series from the facts."""
    reader.opened.clear()
    frame = Frame(reader, metric.asked(shape.variants), shape)
    ask, rows = _stated(reader, metric, shape, frame)
    table, crossed = _summed(ask, rows, frame)
    return Rollup(
        shape,
        reader.snapshot,
        table,
        crossed,
        frozenset(reader.opened),
        ask.currency,
        tuple(ask.notes),
        ask.ends,
        frame.first_day,
        frame.data_day,
    )


def brought_forward(rollup: Rollup, reader: Reader, metric: Metric, touched: Touched) -> Rollup:
    """The rollup as of the reader's snapshot: what the touched had before is taken off, what they have now is added.

    Where a figure looks at where the data end, the periods that this moves are read from the facts again; and all of
    them where one person's rows do not tell what the person adds.
    """
    if not touched.changed & rollup.tables:
        return replace(rollup, snapshot=reader.snapshot)
    frame = Frame(reader, metric.asked(rollup.shape.variants), rollup.shape)
    earlier = Reader(reader.lake, reader.settings, rollup.snapshot, rollup.snapshot)
    shrunk = rollup.last is None or frame.data_day is None or frame.data_day < rollup.last
    if touched.everyone or frame.first_day != rollup.first or shrunk:
        return built(reader, metric, rollup.shape)
    try:
        before, _, _ = _part(PartReader(earlier, touched, "before"), metric, rollup.shape)
        after, ask, reads = _part(PartReader(reader, touched, "after"), metric, rollup.shape)
    except NotLocal:
        return built(reader, metric, rollup.shape)
    if ask.currency != rollup.currency or tuple(ask.notes) != rollup.notes:
        return built(reader, metric, rollup.shape)
    if isinstance(ask.asked.brick, Summed):
        sums = rollup.table.moved(before[0], after[0]), _moved(rollup.crossed, before[1], after[1])
    else:
        sums = _ranked_again(rollup, before[0], after[0], reader, metric)
    if ask.ends:
        sums = _tail(sums, rollup, reader, metric, frame)
    return replace(
        rollup,
        snapshot=reader.snapshot,
        table=sums[0],
        crossed=sums[1],
        tables=rollup.tables | reads,
        last=frame.data_day,
    )


def _stated(reader: Reader, metric: Metric, shape: Question, frame: Frame) -> tuple[Ask, ir.Table]:
    ask = widened(Ask(reader, metric, frame.asked, shape, frame.periods), frame)
    return ask, placed(ask, metric.rows(ask))


def _summed(ask: Ask, rows: ir.Table, frame: Frame) -> Sums:
    if not isinstance(ask.asked.brick, Summed):
        return parts.collected(ask, rows, LEVEL), {}
    units = ask.reader.held(parts.unit_totals(ask, rows))
    return parts.added(ask, units), crossing(ask, units, units, frame)


def _part(reader: PartReader, metric: Metric, shape: Question) -> tuple[Sums, Ask, frozenset[str]]:
    """The sums of the touched on one side; of a quantile, those of its unit moments alone."""
    frame = Frame(reader, metric.asked(shape.variants), shape)
    ask, rows = _stated(reader, metric, shape, frame)
    reader.summing = True
    if isinstance(ask.asked.brick, Summed):
        return _summed(ask, rows, frame), ask, frozenset(reader.opened)
    return (parts.added(ask, parts.unit_totals(ask, rows)), {}), ask, frozenset(reader.opened)


def _moved(crossed: Crossed, before: Crossed, after: Crossed) -> Crossed:
    keys = dict.fromkeys((*crossed, *after))
    sums = {
        key: tuple(
            parts.settled(
                a + c - b for a, b, c in zip(*(d.get(key, NOBODY) for d in (crossed, before, after)), strict=True)
            )
        )
        for key in keys
    }
    return {key: found for key, found in sums.items() if any(found)}


def _ranked_again(rollup: Rollup, before: parts.Table, after: parts.Table, reader: Reader, metric: Metric) -> Sums:
    """Order statistics do not add: the periods of which the touched rows are, from the facts again."""
    periods = {key[0] for key in (*before.keys, *after.keys)}
    return _from_facts((rollup.table, {}), periods, rollup.shape, reader, metric) if periods else (rollup.table, {})


def _tail(sums: Sums, rollup: Rollup, reader: Reader, metric: Metric, frame: Frame) -> Sums:
    """The sums with the periods anew that the data's end has moved: those with pending rows, and the unfinished."""
    assert rollup.last is not None
    table = sums[0]
    waiting = {key[0] for key, n in zip(table.keys, table.parts["pending"], strict=True) if n}
    unfinished = {p.start for p in frame.periods if p.end > rollup.last - timedelta(days=1)}
    return _from_facts(sums, waiting | unfinished, rollup.shape, reader, metric)


def _from_facts(sums: Sums, periods: Iterable[date], shape: Question, reader: Reader, metric: Metric) -> Sums:
    """The sums with those from the first to the last of the periods read from the facts."""
    first, last = min(periods), max(periods)
    asked = metric.asked(shape.variants)
    found = {p.start: p for p in Frame(reader, asked, shape).periods}
    end = found[last].end if last in found else None
    part = replace(shape, start=first, end=end)
    frame = Frame(reader, asked, part)
    ask, rows = _stated(reader, metric, part, frame)
    table, crossed = _summed(ask, rows, frame)

    def inside(key: parts.Key) -> bool:
        return bool(first <= key[0] <= last)

    kept = {key: sum_ for key, sum_ in sums[1].items() if not inside(key)}
    anew = {key: sum_ for key, sum_ in crossed.items() if inside(key)}
    return sums[0].spliced(table, inside), {**kept, **anew}
