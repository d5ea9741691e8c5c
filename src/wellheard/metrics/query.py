"""The one path from a question to an answer: every page, command, notebook, alert and report goes through `query`."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings
from wellheard.metrics import compare, parts
from wellheard.metrics.answer import Answer
from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Estimate, Parts, Quantile, Summed, moments_in
from wellheard.metrics.frame import Frame, gather, placed
from wellheard.metrics.metric import Metric
from wellheard.metrics.names import bins_of
from wellheard.metrics.pooling import pool
from wellheard.metrics.question import ENGINES, Question, column_of
from wellheard.metrics.reader import Reader
from wellheard.metrics.rollup import Rollup
from wellheard.metrics.rollups import Kept
from wellheard.metrics.statements import sums, sums_tell
from wellheard.warehouse.engine import Lake

MOST_ROWS_SHOWN = 1_000_000


def query(
    lake: Lake,
    settings: Settings,
    metric: Metric,
    question: Question,
    limit: int | None = None,
    kept: Kept | None = None,
    engine: str = "auto",
) -> Answer:
    """Answers a question to one KPI from one snapshot.

    Raises BadCall for names, variants and ranges that do not exist. No eligible rows give value null and n = 0.
    `limit` bounds the rows behind a number, not the answer's own. `engine` is `auto`, which takes a rollup of `kept`
    where one covers the question and the facts elsewhere, or one of `facts` and `rollups`; both give the same parts.
    """
    if engine not in ENGINES:
        raise BadCall(f"there is no engine {engine!r}", hint=", ".join(ENGINES), field="engine")
    asked = metric.asked(question.variants)
    if metric.splits(question.variants) and not question.rows:
        return _outcomes(lake, settings, metric, question, limit, kept, engine)
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot, question.as_of)
        frame = Frame(reader, asked, question)
        rollup = None if kept is None or engine == "facts" else kept.find(reader, metric, question, frame)
        if rollup is not None:
            return _from_rollup(rollup, reader, metric, question, frame)
        if engine == "rollups":
            hint = "ask for a series without a filter, of whole periods, where rollups are kept; or leave engine away"
            raise BadCall("no rollup covers this question", hint=hint, field="engine")
        ask = compare.widened(Ask(reader, metric, asked, question, frame.periods), frame)
        if sums_tell(ask):
            found = sums(reader, metric, question, frame)
            past = compare.Past(found.everything, found.crossed) if question.compare is not None else None
            return _answer(found.ask, _shown(found.ask, found.everything, past, frame), question, frame)
        rows = placed(ask, metric.rows(ask))
        if question.top is not None and not question.rows:
            gather(ask, rows)
            rows = placed(ask, metric.rows(ask)) if ask.gathered else rows
        table = _rows_behind(ask, rows, limit) if question.rows else _figures(ask, rows, frame)
        return _answer(ask, table, question, frame)


def _answer(ask: Ask, table: pa.Table, question: Question, frame: Frame, engine: str = "facts") -> Answer:
    reader = ask.reader
    return Answer(
        table, ask.metric, ask.asked, question, frame.data_day, reader.snapshot, tuple(ask.notes), engine=engine
    )


def _from_rollup(rollup: Rollup, reader: Reader, metric: Metric, question: Question, frame: Frame) -> Answer:
    """The answer from kept parts, without a look at the facts."""
    ask = Ask(reader, metric, frame.asked, question, frame.periods)
    ask.currency = rollup.currency
    ask.notes.extend(rollup.notes)
    past = compare.Past(rollup.table, rollup.crossed) if question.compare is not None else None
    return _answer(ask, _shown(ask, rollup.table, past, frame), question, frame, "rollups")


def _outcomes(
    lake: Lake,
    settings: Settings,
    metric: Metric,
    question: Question,
    limit: int | None,
    kept: Kept | None,
    engine: str,
) -> Answer:
    """The answers to the question's outcomes one below the other, each with its name in a column of its own."""
    assert metric.split is not None
    with lake.reading():
        each = [
            query(lake, settings, metric, replace(question, variants=(*question.variants, name)), limit, kept, engine)
            for name in metric.split.variants
        ]
    named = [
        answer.table.add_column(0, metric.split.column, pa.array([name] * len(answer.table), pa.string()))
        for name, answer in zip(metric.split.variants, each, strict=True)
    ]
    notes = tuple(dict.fromkeys(note for answer in each for note in answer.notes))
    asked = metric.asked(question.variants)
    return replace(each[0], table=pa.concat_tables(named), asked=asked, question=question, notes=notes)


def _figures(ask: Ask, rows: ir.Table, frame: Frame) -> pa.Table:
    level, summed = ask.question.level, isinstance(ask.asked.brick, Summed)
    units = None
    if ask.question.compare is not None and summed:
        units = ask.reader.held(parts.unit_totals(ask, rows))
    everything = parts.collected(ask, rows, level) if units is None else parts.added(ask, units)
    past = compare.past_of(ask, units, everything, frame) if ask.question.compare is not None else None
    return _shown(ask, everything, past, frame)


def _shown(ask: Ask, everything: parts.Table, past: compare.Past | None, frame: Frame) -> pa.Table:
    """The answer's rows, from parts alone."""
    level = ask.question.level
    found = everything.at(_complete(ask, everything.keys, frame))
    estimate = parts.estimated(ask, found, level)
    if ask.question.pooled:
        estimate = _pooled(ask, found, estimate)
    result = _table(ask, found, estimate, frame)
    if past is not None:
        result = compare.compared(ask, past, frame, found, estimate, result)
    return result


def _pooled(ask: Ask, found: parts.Table, estimate: Estimate) -> Estimate:
    """The groups' figures steadied by what they have in common, period by period."""
    brick = ask.asked.brick
    if not isinstance(brick, Summed) or brick.complete:
        hint = "ask for a share, a net, a mean or a ratio, or leave pooling away"
        raise BadCall(f"{ask.metric.name} in this variant cannot be pooled", hint=hint, field="pooled")
    moments, scale = moments_in(found.parts), brick.scale
    value, low, high = (np.array(a) for a in (estimate.value, estimate.low, estimate.high))
    periods = [key[0] if ask.question.grain is not None else None for key in found.keys]
    for period in dict.fromkeys(periods):
        at = np.array([p == period for p in periods], dtype=bool)
        steady = pool(moments.at(at), ask.question.level, *brick.bounds)
        value[at], low[at], high[at] = steady.value * scale, steady.low * scale, steady.high * scale
    ask.note("the groups' figures are steadied by what all of them have in common (partial pooling)")
    return Estimate(value, low, high, estimate.few)


def _complete(ask: Ask, keys: tuple[parts.Key, ...], frame: Frame) -> list[parts.Key]:
    """The keys in order, with a row for every period of an ungrouped series."""
    if not ask.question.by:
        return [()] if ask.question.grain is None else [(p.start,) for p in frame.periods]
    starts = {p.start for p in frame.periods}
    usable = [k for k in keys if ask.question.grain is None or k[0] in starts]
    return sorted(usable, key=lambda key: tuple(_place(value) for value in key))


def _place(value: Any) -> tuple[bool, bool, float, str]:
    """Where a group stands: numbers by their size before texts, the groups gathered from others after them."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    gathered = isinstance(value, str) and value.startswith("other (")
    return value is None, gathered, float(value) if number else math.inf, "" if number else str(value)


def _table(ask: Ask, found: parts.Table, estimate: Estimate, frame: Frame) -> pa.Table:
    keys, figures = found.keys, found.parts
    periods = {p.start: p for p in frame.periods}
    whole = frame.periods[0] if frame.periods else None
    spans = [periods.get(key[0]) if frame.grain is not None else whole for key in keys]
    n = figures["n"].astype(np.int64)
    value = np.where(n > 0, estimate.value, np.nan)
    hidden = figures["units"] < ask.question.viewer.smallest_group
    state = _states(ask, n, value, figures, estimate)
    columns: dict[str, Any] = {
        "period_start": pa.array([s.start if s else None for s in spans], pa.date32()),
        "period_end": pa.array([s.end if s else None for s in spans], pa.date32()),
        "partial": pa.array([frame.partial(s) if s else False for s in spans], pa.bool_()),
    }
    offset = 0 if frame.grain is None else 1
    for index, name in enumerate(ask.question.by):
        columns[column_of(name)] = _dimension([_label(name, key[offset + index]) for key in keys])
    for name, numbers in (("value", value), ("low", estimate.low), ("high", estimate.high)):
        bad = ~np.isfinite(numbers) | (n == 0) | hidden
        columns[name] = pa.array(np.where(bad, 0.0, numbers), pa.float64(), mask=bad)
    columns |= {
        "n": pa.array(n, pa.int64()),
        "units": pa.array(figures["units"].astype(np.int64), pa.int64()),
        "pending": pa.array(figures["pending"].astype(np.int64), pa.int64()),
        "state": pa.array(["hidden" if h else s for h, s in zip(hidden, state, strict=True)], pa.string()),
        "unit": pa.array([ask.asked.unit] * len(keys), pa.string()),
        "currency": pa.array([ask.currency if ask.asked.unit == "money" else None] * len(keys), pa.string()),
        "definition": pa.array([_definition(ask)] * len(keys), pa.string()),
        "snapshot": pa.array([ask.reader.snapshot] * len(keys), pa.int64()),
    }
    for name in ("num", "den", "nn", "nd", "dd", "positive", "negative"):
        if name in figures and not isinstance(ask.asked.brick, Quantile):
            columns[f"part_{name}"] = pa.array(figures[name], pa.float64(), mask=hidden)
    return pa.table(columns)


def _label(name: str, value: Any) -> Any:
    bins = bins_of(name)
    return value if bins is None or value is None else bins.label(int(value))


def _dimension(values: list[Any]) -> pa.Array:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {str} or len(kinds) != 1:
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array(values)


def _definition(ask: Ask) -> str:
    return ask.metric.definition(ask.asked.variants) + ("~pooled" if ask.question.pooled else "")


def _states(ask: Ask, n: Any, value: Any, figures: Parts, estimate: Estimate) -> list[str]:
    few = (n < ask.asked.least_n) | estimate.few | ((figures["units"] < 2) & (n > 1))
    few &= not ask.asked.brick.complete
    if ask.metric.lopsided:  # were none of the pending to turn out well, the value would be lower by up to this much
        excess = value * figures["pending"] / np.maximum(n + figures["pending"], 1)
        few |= excess > (estimate.high - estimate.low) / 2
    none = (n == 0) | ~np.isfinite(value)
    return ["none" if gone else "few" if small else "ok" for gone, small in zip(none, few, strict=True)]


def _rows_behind(ask: Ask, rows: ir.Table, limit: int | None) -> pa.Table:
    """The rows behind a number, each with why it counted or did not."""
    renamed = {name: DIM + name for name in ask.question.by if name not in rows.columns}
    shown = rows.rename(renamed) if renamed else rows
    shown = shown.drop(*[c for c in shown.columns if c.startswith(DIM)])
    shown = shown.mutate(counted=shown.why.isnull(), why=shown.why.fill_null("counted"))
    keys = [c for c in ("instant", "period", "id") if c in shown.columns]
    ordered = shown.order_by([ibis.desc(k) if k == "instant" else k for k in keys])
    return ask.reader.run(ordered.limit(limit or MOST_ROWS_SHOWN))
