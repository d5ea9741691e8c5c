"""Who stayed silent: how many answered, which customers they stand for, and what the figure is with that put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isfinite
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall, Unknown
from wellheard.base.periods import midnight
from wellheard.base.settings import Settings
from wellheard.metrics.answer import Answer
from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Summed
from wellheard.metrics.metric import Metric
from wellheard.metrics.moments import Moments
from wellheard.metrics.names import dimension
from wellheard.metrics.poststratified import PostStratified, post_stratified
from wellheard.metrics.question import Question, column_of
from wellheard.metrics.reader import Reader, instant_literal
from wellheard.metrics.where import names_in
from wellheard.warehouse.engine import Lake

SURVEYED = "survey_responses"
RATE, HEARD = "response_rate", "share_of_revenue_heard"
DENOMINATORS = (("delivered", ""), ("sent", "per_sent"), ("seen", "per_seen"))
UNFILTERED = "the filter speaks of answers, so invitations, customers and revenue are those of all"
FEW = 30  # equal answers that the weighted ones must be worth, for the corrected figure to be judged by
KINDS = ("nps", "csat", "ces", "emotion", "intent")  # of which the response rate has a variant
Row = Mapping[str, Any]
Count = Callable[[Question, str], Mapping[Any, int]]


@dataclass(frozen=True)
class Figure:
    """A value in its unit with its limits, how many rows it rests on, and its state: ok, few or none."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    state: str

    @classmethod
    def of(cls, row: Row) -> Figure:
        """The figure in a row of an answer."""
        return cls(row["value"], row["low"], row["high"], row["n"], row["state"])


NOTHING = Figure(None, None, None, 0, "none")


@dataclass(frozen=True)
class Rate:
    """The response rate by one of its denominators: `delivered`, `sent` or `seen`; `waiting` may still answer."""

    per: str
    figure: Figure
    waiting: int


@dataclass(frozen=True)
class Group:
    """One group of customers: how many there are and answered, their shares in percent, and what they say and pay.

    `weight` is how many times each answer counts in the corrected figure; `joined` where it is weighed with others.
    """

    name: str
    customers: int | None
    respondents: int
    of_customers: float | None
    of_respondents: float | None
    rate: Figure
    figure: Figure
    revenue: Figure
    weight: float | None = None
    joined: bool = False


@dataclass(frozen=True)
class Corrected:
    """The KPI with each group at its share of the customers; its design effect; what share nobody answered for."""

    figure: Figure
    design_effect: float
    uncovered: float


@dataclass(frozen=True)
class Silence:
    """Who stayed silent about a KPI or a survey. `corrected` is None where it cannot be had, and `why` says why."""

    kpi: str
    title: str
    unit: str
    by: str
    survey: str | None
    start: date | None
    end: date | None
    raw: Figure
    rates: tuple[Rate, ...]
    revenue: Figure
    groups: tuple[Group, ...]
    corrected: Corrected | None
    why: str = ""
    notes: tuple[str, ...] = ()


def silence(
    metric: Metric, asked: Question, by: str, survey: str | None, ask: Callable[[Question], Answer], count: Count
) -> Silence:
    """Who stayed silent, for a KPI of survey answers; `by` is the property of customers that groups them.

    `survey` narrows answers and invitations to one survey. `ask` answers questions to any KPI, and `count` says how
    many customers there were, as `customers_by` does. Raises BadCall for a KPI that is not made of survey answers.
    """
    if not asks_customers(metric):
        raise BadCall(f"{metric.name} is not made of survey answers", hint="such as nps, csat or ces", field="kpi")
    asking = _Asking(ask, replace(asked, grain=None, compare=None, rows=False), by, survey)
    total, grouped = asking.kpi(), asking.kpi(by)
    end = asked.end or (total.data_end + timedelta(days=1) if total.data_end else None)
    return _said(metric, asking, total, grouped, count(replace(asking.asked, end=end), by))


def asks_customers(metric: Metric) -> bool:
    """Whether a KPI is made of answers to surveys, of which somebody may have stayed silent."""
    return metric.tables[:1] == (SURVEYED,) and isinstance(metric.asked(()).brick, Summed)


@dataclass(frozen=True)
class _Asking:
    """Puts the questions that all look at the same range, survey and filter."""

    ask: Callable[[Question], Answer]
    asked: Question
    by: str
    survey: str | None

    def kpi(self, *by: str) -> Answer:
        return self.ask(replace(self._narrowed(self.asked), by=by))

    def rate(self, variant: str, *by: str) -> Answer:
        kind = "" if self.survey or self.asked.kpi not in KINDS else f"for_{self.asked.kpi}"
        return self._beside(self._narrowed(self._other(RATE, by, tuple(v for v in (variant, kind) if v))))

    def heard(self, *by: str) -> Answer:
        return self._beside(self._other(HEARD, by, ()))

    def _beside(self, asked: Question) -> Answer:
        """The answer of another KPI; without the filter where that speaks of what only answers have."""
        try:
            return self.ask(asked)
        except Unknown:
            if asked.where is None:
                raise
            answer = self.ask(replace(asked, where=None))
            return replace(answer, notes=(*answer.notes, UNFILTERED))

    def _other(self, kpi: str, by: tuple[str, ...], variants: tuple[str, ...]) -> Question:
        return replace(self.asked, kpi=kpi, by=by, variants=variants)

    def _narrowed(self, given: Question) -> Question:
        if self.survey is None:
            return given
        rule = "survey_id = '" + self.survey.replace("'", "''") + "'"
        return replace(given, viewer=replace(given.viewer, row_rules=(*given.viewer.row_rules, rule)))


def customers_by(lake: Lake, settings: Settings, metric: Metric, asked: Question, by: str) -> dict[Any, int]:
    """The customers there were at the end of a question's range, by group; empty where no customers are known.

    They are counted as the KPI counts who answered. A filter that speaks of answers says nothing of customers, and is
    left away. Raises Unknown for a property that customers do not have.
    """
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot, asked.as_of)
        dimension(by, "customers", reader.attributes, settings.segments)
        if not reader.has_rows("customers"):
            return {}
        if asked.where is not None and not _of_customers(reader, settings, asked):
            asked = replace(asked, where=None)
        there = Ask(reader, metric, metric.asked(()), replace(asked, by=(by,)))
        t = reader.table("customers")
        t = t.mutate(customer_id=t.source_id, instant=t.created_at)
        if asked.end is not None:
            at = instant_literal(midnight(asked.end, reader.zone))
            begun, gone = (t.created_at < at).fill_null(True), (t.ended_at < at).fill_null(False)
            t = t.filter(begun & ~gone).mutate(instant=at)
        rows = there.belonging(t, "customers")
        each: ir.Table = rows.group_by("unit").agg(group=rows[DIM + by].max())
        counted = each.group_by("group").agg(n=ibis._.count())
        return {_plain(row["group"]): int(row["n"]) for row in reader.run(counted).to_pylist()}


def _of_customers(reader: Reader, settings: Settings, asked: Question) -> bool:
    assert asked.where is not None
    try:
        for name in names_in(asked.where):
            dimension(name, "customers", reader.attributes, settings.segments)
    except Unknown:
        return False
    return True


def _said(metric: Metric, ask: _Asking, total: Answer, grouped: Answer, counts: Mapping[Any, int]) -> Silence:
    brick = metric.asked(ask.asked.variants).brick
    column = column_of(ask.by)
    rows = grouped.to_list()
    names = list(dict.fromkeys([*(row[column] for row in rows), *counts]))
    values = {row[column]: row for row in rows}
    found = None
    if isinstance(brick, Summed) and counts:
        found = post_stratified(
            _moments([values.get(name, {}) for name in names]),
            [counts.get(name, 0) for name in names],
            ask.asked.level,
            *brick.bounds,
        )
    raw = total.to_list()[0]
    corrected, why = _corrected(found, raw, brick.scale, people=bool(counts))
    heard = ask.heard()
    rates = [(per, ask.rate(variant)) for per, variant in DENOMINATORS]
    return Silence(
        kpi=metric.name,
        title=total.title,
        unit=raw["unit"],
        by=ask.by,
        survey=ask.survey,
        start=ask.asked.start,
        end=ask.asked.end or total.data_end,
        raw=Figure.of(raw),
        rates=tuple(_rate(per, answer) for per, answer in rates),
        revenue=Figure.of(heard.to_list()[0]) if heard.to_list() else NOTHING,
        groups=_groups(ask, names, values, counts, found),
        corrected=corrected,
        why=why,
        notes=tuple(dict.fromkeys((*total.notes, *heard.notes, *(note for _, a in rates for note in a.notes)))),
    )


def _plain(value: Any) -> Any:
    """A group's name as answers give it."""
    return value.isoformat() if isinstance(value, date) else value


def _rate(per: str, answer: Answer) -> Rate:
    (row,) = answer.to_list()
    return Rate(per, Figure.of(row), row["pending"])


def _moments(rows: list[Row]) -> Moments:
    """The unit parts of the groups; a group without answers has none."""
    named = {"n": "n", "units": "units", **{k: f"part_{k}" for k in ("num", "den", "nn", "nd", "dd")}}
    return Moments(**{name: [float(row.get(column) or 0) for row in rows] for name, column in named.items()})


def _corrected(found: PostStratified | None, raw: Row, scale: float, *, people: bool) -> tuple[Corrected | None, str]:
    if not people:
        return None, "no customers are known, so nothing says who might have answered"
    if found is None or not isfinite(found.value):
        return None, "nobody answered who is known as a customer of one of these groups"
    low, high = (limit * scale if isfinite(limit) else None for limit in (found.low, found.high))
    worth = raw["units"] / found.design_effect if found.design_effect > 0 else 0
    state = "ok" if raw["state"] == "ok" and worth >= FEW else "few"
    return Corrected(Figure(found.value * scale, low, high, raw["n"], state), found.design_effect, found.uncovered), ""


def _groups(
    ask: _Asking, names: list[Any], values: Mapping[Any, Row], counts: Mapping[Any, int], found: PostStratified | None
) -> tuple[Group, ...]:
    column = column_of(ask.by)
    rates = {row[column]: Figure.of(row) for row in ask.rate("", ask.by).to_list()}
    heard = {row[column]: Figure.of(row) for row in ask.heard(ask.by).to_list()}
    everyone, everybody = sum(counts.values()), sum(int(row["units"]) for row in values.values())
    made = []
    for place, name in enumerate(names):
        row = values.get(name)
        units = int(row["units"]) if row else 0
        customers = counts.get(name, 0) if counts else None
        of_customers = 100 * customers / everyone if customers is not None and everyone else None
        of_respondents = 100 * units / everybody if everybody else None
        joined = bool(found is not None and found.joined[place])
        weight = of_customers / of_respondents if of_customers and of_respondents and not joined else None
        made.append(
            Group(
                name="not known" if name is None else str(name),
                customers=customers,
                respondents=units,
                of_customers=of_customers,
                of_respondents=of_respondents,
                rate=rates.get(name, NOTHING),
                figure=Figure.of(row) if row else NOTHING,
                revenue=heard.get(name, NOTHING),
                weight=weight,
                joined=joined,
            )
        )
    return tuple(sorted(made, key=lambda group: (-(group.customers or 0), -group.respondents, group.name)))
