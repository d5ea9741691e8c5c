"""Makes rollups from the facts, and brings them forward by what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from wellheard.metrics import parts
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Summed
from wellheard.metrics.compare import Crossed
from wellheard.metrics.frame import Frame, placed
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question
from wellheard.metrics.reader import NotLocal, PartReader, Reader
from wellheard.metrics.rollup import LEVEL, Rollup
from wellheard.metrics.statements import Sums, sums
from wellheard.warehouse.touched import Touched

NOBODY = (0.0,) * 4


def built(reader: Reader, metric: Metric, shape: Question) -> Rollup:
    """The rollup of a series from the facts."""
    reader = _fresh(reader)
    frame = Frame(reader, metric.asked(shape.variants), shape)
    found = _from_facts(reader, metric, shape, frame)
    return Rollup(
        shape,
        reader.snapshot,
        found.everything,
        found.crossed,
        frozenset(reader.opened),
        found.ask.currency,
        tuple(found.ask.notes),
        reader.ends,
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
        before = _part(PartReader(earlier, touched, "before"), metric, rollup.shape)
        after = _part(PartReader(_fresh(reader), touched, "after"), metric, rollup.shape)
    except NotLocal:
        return built(reader, metric, rollup.shape)
    ask = after.ask
    if ask.currency != rollup.currency or tuple(ask.notes) != rollup.notes:
        return built(reader, metric, rollup.shape)
    if isinstance(ask.asked.brick, Summed):
        table = rollup.table.moved(before.everything, after.everything)
        crossed = _moved(rollup.crossed, before.crossed, after.crossed)
    else:
        table, crossed = _ranked_again(rollup, before.everything, after.everything, reader, metric), {}
    if rollup.ends:
        table, crossed = _tail(table, crossed, rollup, reader, metric, frame)
    return replace(
        rollup,
        snapshot=reader.snapshot,
        table=table,
        crossed=crossed,
        tables=rollup.tables | ask.reader.opened,
        last=frame.data_day,
    )


def _fresh(reader: Reader) -> Reader:
    """A reader of the same rows that has seen nothing yet."""
    return Reader(reader.lake, reader.settings, reader.snapshot, reader.as_of)


def _from_facts(reader: Reader, metric: Metric, question: Question, frame: Frame) -> Sums:
    if isinstance(frame.asked.brick, Summed):
        return sums(reader, metric, question, frame)
    ask = Ask(reader, metric, frame.asked, question, frame.periods)
    return Sums(ask, parts.collected(ask, placed(ask, metric.rows(ask)), LEVEL), {})


def _part(reader: PartReader, metric: Metric, shape: Question) -> Sums:
    """The sums of the touched on one side; of a quantile, those of its unit moments alone."""
    frame = Frame(reader, metric.asked(shape.variants), shape)
    summed = isinstance(frame.asked.brick, Summed)
    return sums(reader, metric, shape if summed else replace(shape, compare=None), frame)


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


def _ranked_again(
    rollup: Rollup, before: parts.Table, after: parts.Table, reader: Reader, metric: Metric
) -> parts.Table:
    """Order statistics do not add: the periods of which the touched rows are, from the facts again."""
    periods = {key[0] for key in (*before.keys, *after.keys)}
    return _again(rollup.table, {}, periods, rollup.shape, reader, metric)[0] if periods else rollup.table


def _tail(
    table: parts.Table, crossed: Crossed, rollup: Rollup, reader: Reader, metric: Metric, frame: Frame
) -> tuple[parts.Table, Crossed]:
    """The sums with the periods anew that the data's end has moved: those with pending rows, and the unfinished."""
    assert rollup.last is not None
    waiting = {key[0] for key, n in zip(table.keys, table.parts["pending"], strict=True) if n}
    unfinished = {p.start for p in frame.periods if p.end > rollup.last - timedelta(days=1)}
    return _again(table, crossed, waiting | unfinished, rollup.shape, reader, metric)


def _again(
    table: parts.Table, crossed: Crossed, periods: Iterable[date], shape: Question, reader: Reader, metric: Metric
) -> tuple[parts.Table, Crossed]:
    """The sums with those from the first to the last of the periods read from the facts."""
    first, last = min(periods), max(periods)
    reader, asked = _fresh(reader), metric.asked(shape.variants)
    known = {p.start: p for p in Frame(reader, asked, shape).periods}
    part = replace(shape, start=first, end=known[last].end if last in known else None)
    found = _from_facts(reader, metric, part, Frame(reader, asked, part))

    def inside(key: parts.Key) -> bool:
        return bool(first <= key[0] <= last)

    kept = {key: sums_ for key, sums_ in crossed.items() if not inside(key)}
    anew = {key: sums_ for key, sums_ in found.crossed.items() if inside(key)}
    return table.spliced(found.everything, inside), {**kept, **anew}
