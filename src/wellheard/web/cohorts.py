"""Cohort curves as the page of a KPI shows them: a row a month of start, a column a month since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from wellheard.base.periods import Grain
from wellheard.metrics.curves import SHOWN, Curve
from wellheard.reports import units
from wellheard.web.site import Site
from wellheard.web.view import View

TITLE = "Cohorts by the month they started in"
MOST_MONTHS = 24


@dataclass(frozen=True)
class Cell:
    """One share: how it is written, its interval in words, and how dark its ground is, 0 to 1."""

    value: str
    words: str
    strength: float


@dataclass(frozen=True)
class Line:
    """One cohort: its month, its size, and a cell a month."""

    name: str
    customers: int
    few: bool
    cells: tuple[Cell | None, ...]


def part(site: Site, view: View) -> Markup:
    """The part of a KPI's page that shows the cohorts of its whole range."""
    found = site.services.curves(replace(view.trend(), by=(), grain=None, compare=None))
    months, rows = lines(found.curves)
    words = "share that had ordered again" if found.again else "share still there"
    return site.piece("curves.html", title=TITLE, words=words, months=months, lines=rows)


def lines(curves: Sequence[Curve]) -> tuple[list[int], list[Line]]:
    """The months of the columns, and the cohorts in order; a cell is None where no customer's month is over."""
    last = min(max((curve.months[-1] for curve in curves), default=0), MOST_MONTHS)
    months = list(range(1, last + 1))
    return months, [_line(curve, months) for curve in curves]


def _line(curve: Curve, months: Sequence[int]) -> Line:
    place = {month: index for index, month in enumerate(curve.months)}
    cells = tuple(_cell(curve, place[month]) if month in place else None for month in months)
    return Line(units.period_name(curve.start, Grain.MONTH), curve.customers, curve.few, cells)


def _cell(curve: Curve, index: int) -> Cell:
    value = curve.value[index]
    between = units.spread(curve.low[index], curve.high[index], "percent") or "no interval"
    words = f"{value:.1f} %, {between}, of {curve.at_risk[index]:,} customers"
    return Cell(f"{value:.0f}", words, round(value / 100, 2))


__all__ = ["SHOWN", "TITLE", "lines", "part"]
