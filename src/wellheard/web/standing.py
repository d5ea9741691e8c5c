"""Where a KPI stands: its last complete month against the month before, and the year behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from wellheard.base.periods import Grain, add_months, floor
from wellheard.metrics.answer import Answer
from wellheard.metrics.difference import holm
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, question
from wellheard.reports import units
from wellheard.reports.sparkline import Dot, Spark, spark

MONTHS = 13
MARK = 0.05
NO_SPARK = Spark((), (), None)


@dataclass(frozen=True)
class Standing:
    """A KPI as a tile shows it. `marked` alone sets `mark` (up, down or nothing) and `news` (good, bad or nothing)."""

    name: str
    state: str
    number: str = units.NONE
    unit: str = ""
    interval: str = ""
    n: int = 0
    period: str = ""
    partial: bool = False
    change: str = ""
    change_interval: str = ""
    compared_with: str = ""
    p: float | None = None
    rising: bool = False
    direction: str = ""
    spark: Spark = NO_SPARK
    data_end: date | None = None
    missing: str = ""
    mark: str = ""
    news: str = ""


def question_of(kpi: Metric, data_end: date) -> Question:
    """The question whose answer a tile shows: thirteen months up to the last one that is complete."""
    after = last_month_end(data_end)
    start = add_months(after, -MONTHS)
    return question(kpi.name, grain=Grain.MONTH, start=start, end=after, compare="previous", variant=kpi.usual)


def last_month_end(data_end: date) -> date:
    """The day after the last complete month of data that end with this day."""
    return floor(data_end + timedelta(days=1), Grain.MONTH)


def nothing(kpi: Metric, missing: str = "") -> Standing:
    """The standing of a KPI whose tables are empty."""
    return Standing(name=kpi.name, state="none", missing=missing)


def standing(answer: Answer, missing: str = "") -> Standing:
    """What a tile shows of an answer to `question_of`."""
    rows = answer.to_list()
    row = rows[-1] if rows else {}
    kpi, unit, currency = answer.metric, answer.asked.unit, row.get("currency")
    shown = units.written(row.get("value"), unit, currency)
    start = row.get("period_start")
    monthly = answer.question.grain is not None and start is not None
    month = date.fromisoformat(start) if monthly and start else None
    change = row.get("change")
    return Standing(
        name=kpi.name,
        period=units.period_name(month, Grain.MONTH) if month else "",
        state=row.get("state", "none"),
        number=shown.number,
        unit=shown.unit,
        interval=units.spread(row.get("low"), row.get("high"), unit, currency),
        n=row.get("n", 0),
        partial=bool(row.get("partial")),
        change=units.change(change, unit, currency) if change is not None else "",
        change_interval=_between(row, unit, currency),
        compared_with=units.period_name(add_months(month, -1), Grain.MONTH) if month else "",
        p=row.get("p"),
        rising=(change or 0) > 0,
        direction=answer.asked.direction,
        spark=spark([Dot(r["value"], r["low"], r["high"]) for r in rows] if monthly else []),
        data_end=answer.data_end,
        missing=missing,
    )


def marked(standings: Sequence[Standing]) -> list[Standing]:
    """The standings with their marks: a change counts where it holds among all that are shown together (Holm)."""
    p = [s.p if s.p is not None and s.state == "ok" else float("nan") for s in standings]
    adjusted = holm(p)
    return [_marked(s, bool(a <= MARK)) for s, a in zip(standings, adjusted, strict=True)]


def _marked(standing: Standing, sure: bool) -> Standing:
    if not sure:
        return standing
    mark = "up" if standing.rising else "down"
    news = "" if standing.direction not in ("up", "down") else "good" if mark == standing.direction else "bad"
    return replace(standing, mark=mark, news=news)


def _between(row: dict[str, Any], unit: str, currency: str | None) -> str:
    low, high = row.get("change_low"), row.get("change_high")
    if low is None or high is None:
        return ""
    return f"{units.change(low, unit, currency)} to {units.change(high, unit, currency)}"
