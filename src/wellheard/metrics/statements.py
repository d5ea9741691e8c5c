"""The sums of a figure, with statements that are kept: what a question compiles to is run again while it still fits.

To state and compile a question takes longer than most engines take to answer it. The text of its statements hangs on
the question, the settings and a few facts about whole tables, such as which currencies they hold.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from wellheard.metrics import parts
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Summed
from wellheard.metrics.compare import Crossed, crossing, widened
from wellheard.metrics.frame import Frame, placed
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, Viewer
from wellheard.metrics.reader import Reader, Shaping

KEPT = 1024  # plans


@dataclass(frozen=True)
class Sums:
    """The parts of every key, and of a series the sums over who stands in a period and in the one before it."""

    ask: Ask
    everything: parts.Table
    crossed: Crossed


@dataclass(frozen=True)
class Plan:
    """The statements of a question, which fit as long as what `shape` tells is as it was."""

    metric: Metric
    shape: tuple[tuple[Shaping, Any], ...]
    statements: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    tables: frozenset[str]
    currency: str | None
    notes: tuple[str, ...]
    ends: bool


_plans: OrderedDict[Hashable, Plan] = OrderedDict()
_lock = threading.Lock()


def sums(reader: Reader, metric: Metric, question: Question, frame: Frame) -> Sums:
    """The sums of a figure of sums; with `compare`, of a series of whole periods and the one before the first.

    The reader must be one that has seen nothing yet.
    """
    ask = widened(Ask(reader, metric, frame.asked, question, frame.periods), frame)
    key = _key(reader, metric, question, frame)
    with _lock:
        plan = _plans.get(key) if reader.lake.runs_again else None
    if plan is not None and plan.metric is metric and _fits(plan, reader):
        return _run(plan, ask)
    rows = placed(ask, metric.rows(ask))
    reader.summing = True
    if question.compare is None:
        found = Sums(ask, parts.added(ask, parts.unit_totals(ask, rows)), {})
    else:
        units = reader.held(parts.unit_totals(ask, rows))
        found = Sums(ask, parts.added(ask, units), crossing(ask, units, units, frame))
    if reader.lake.runs_again and not reader.peeked and reader.as_of is None:
        _keep(key, ask, parts.group_names(ask, rows))
    return found


def sums_tell(ask: Ask) -> bool:
    """Whether `sums` has all that the question needs, that of the periods before among it."""
    plain = isinstance(ask.asked.brick, Summed) and ask.question.top is None and not ask.question.rows
    return plain and (ask.question.compare is None or ask.shared)


def forget() -> None:
    """Lets go of all statements that are kept."""
    with _lock:
        _plans.clear()


def _key(reader: Reader, metric: Metric, question: Question, frame: Frame) -> Hashable:
    plain = replace(question, kpi="", level=0.95, pooled=False, viewer=Viewer(row_rules=question.viewer.row_rules))
    return (metric.name, metric.version, plain, frame.periods, reader.settings.model_dump_json(), reader.side)


def _fits(plan: Plan, reader: Reader) -> bool:
    return all(make(reader.all_rows) == value for make, value in plan.shape)


def _keep(key: Hashable, ask: Ask, names: list[str]) -> None:
    reader = ask.reader
    plan = Plan(
        ask.metric,
        tuple(reader.shape),
        tuple(reader.statements),
        tuple(names),
        frozenset(reader.opened),
        ask.currency,
        tuple(ask.notes),
        reader.ends,
    )
    with _lock:
        _plans[key] = plan
        _plans.move_to_end(key)
        while len(_plans) > KEPT:
            _plans.popitem(last=False)


def _run(plan: Plan, ask: Ask) -> Sums:
    reader = ask.reader
    reader.prepare(plan.tables)
    reader.opened |= plan.tables
    reader.ends = plan.ends
    ask.currency = plan.currency
    ask.notes.extend(plan.notes)
    found = []
    for name, sql in plan.statements:
        if name:
            reader.lake.hold(sql, name)
        else:
            found.append(reader.lake.fetch(sql))
    everything = parts.table_of(found[0], plan.names)
    return Sums(ask, everything, parts.crossed_of(found[1], plan.names) if len(found) > 1 else {})
