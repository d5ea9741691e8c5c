"""Survey answers as every survey KPI takes them: one kind of question, the survey's main one, trial answers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.reader import Reader

Scales = tuple[tuple[int, int], ...]


def answers(ask: Ask, kind: str, *, every_item: bool = False, value: str = "score") -> tuple[ir.Table, list[Reason]]:
    """The answers to questions of a kind, and why some of them do not count.

    A question that is named in the filter or the grouping is asked for itself, main or not; with `every_item` all are,
    for kinds whose questions are items of one scale. `value` is the column that holds the answer.
    """
    t = ask.facts("survey_responses")
    t = ask.in_range(t.filter(t.kind == kind))
    out: list[Reason] = [(t.test, "a trial answer"), (t.flag.notnull(), "flagged as a program's or a second answer")]
    if not (every_item or ask.mentions("question_id")):
        out.append((~t.main, "not the survey's main question of its kind"))
    out.append((t[value].isnull(), f"no {value}: the question was skipped"))
    return t, out


def counting(out: Iterable[Reason]) -> ir.BooleanValue:
    """Whether none of the reasons holds for a row."""
    counts: Any = ibis.literal(True)
    for condition, _ in out:
        counts = counts & ~condition.fill_null(False)
    return counts


def points(t: ir.Table) -> ir.NumericValue:
    """How many points the scale has: 5 for 1 to 5."""
    return t.scale_max - t.scale_min + 1


def on_scale(t: ir.Table, low: int, high: int) -> ir.BooleanValue:
    """Whether an answer was given on the scale `low` to `high`."""
    return ((t.scale_min == low) & (t.scale_max == high)).fill_null(False)


def commonest_scale(
    ask: Ask, t: ir.Table, allowed: Scales, kind: str, among: Callable[[ir.Table], ir.BooleanValue] | None = None
) -> tuple[int, int]:
    """The scale, of those allowed, on which most answers of a kind were given; the first where there are none.

    Two scales never mix in one figure, so the others are left out with a reason. It is that of all the data, so that
    no range changes it; a question with a filter looks at the rows `t` that the filter leaves. `among` narrows the
    kind's answers.
    """
    if ask.filters:
        return _commonest(ask.reader, t, allowed)

    def everyones(reader: Reader) -> tuple[int, int]:
        every = reader.table("survey_responses")
        every = every.filter(every.kind == kind)
        return _commonest(reader, every if among is None else every.filter(among(every)), allowed)

    key = ("commonest scale", kind, allowed, getattr(among, "__name__", ""))
    return ask.reader.kept(key, everyones, ("survey_responses",))


def _commonest(reader: Reader, t: ir.Table, allowed: Scales) -> tuple[int, int]:
    scored = t.filter(t.score.notnull())
    counts = {f"s{i}": on_scale(scored, *scale).sum() for i, scale in enumerate(allowed)}
    row = reader.run(scored.aggregate(**counts)).to_pylist()[0]
    numbers = [row[f"s{i}"] or 0 for i in range(len(allowed))]
    return allowed[numbers.index(max(numbers))]


def top_box(t: ir.Table) -> ir.BooleanValue:
    """In the satisfied box: 3 points top 1, 4 to 7 top 2, 10 top 3, two the upper; others from 75 % of the range up."""
    size = points(t)
    box = ibis.cases((size <= 3, 1), (size.between(4, 7), 2), (size == 10, 3), else_=None)
    share = (t.score - t.scale_min) >= 0.75 * (t.scale_max - t.scale_min)
    return ibis.ifelse(box.isnull(), share, t.score > t.scale_max - box)


def bottom_box(t: ir.Table) -> ir.BooleanValue:
    """In the dissatisfied box: the lowest 1 of 2 or 3, 2 of 4 to 7, 3 of 10; others up to 25 % of the range."""
    size = points(t)
    box = ibis.cases((size <= 3, 1), (size.between(4, 7), 2), (size == 10, 3), else_=None)
    share = (t.score - t.scale_min) <= 0.25 * (t.scale_max - t.scale_min)
    return ibis.ifelse(box.isnull(), share, t.score < t.scale_min + box)
