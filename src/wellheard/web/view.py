"""What a reader has chosen on a KPI's page, and the questions that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from wellheard.base.errors import BadCall
from wellheard.base.periods import Grain, Period, add_months, covering, floor, grain_of
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, question
from wellheard.reports import units
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Type

RANGES = (
    ("13", "last 13 months"),
    ("3", "last 3 months"),
    ("6", "last 6 months"),
    ("25", "last 25 months"),
    ("all", "all data"),
)
GRAINS = tuple(grain.value for grain in Grain)
FIRST_DIMENSIONS = ("segment", "region", "channel", "product", "touchpoint", "country", "team", "plan", "language")
OFFERED_KEYS = ("agent_id", "question_id", "survey_id")
NOT_OFFERED = ("kind", "scale_min", "scale_max", "direction", "currency", "choice", "question_version", "test")
MOST_ROWS = 20_000
MOST_POINTS = 750


@dataclass(frozen=True)
class View:
    """A KPI's page as chosen: every part is text as it stands in the address."""

    kpi: Metric
    range: str = "13"
    grain: str = "month"
    by: str = ""
    compare: str = "previous"
    figure: str = ""
    modes: tuple[str, ...] = ()
    where: str = ""
    cut: str = ""
    groups_shown: str = "12"
    pooled: bool = False
    start: str = ""
    end: str = ""
    period: str = ""
    show: str = "all"
    page: int = 1
    data_end: date | None = field(default=None, compare=False)
    week_start: int = 0

    @property
    def variant(self) -> str:
        return self.kpi.single("+".join(v for v in (self.figure, *self.modes) if v)) or ""  # a page shows one figure

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The range `[start, end)`; None where it is open. Raises BadCall for a day that is none."""
        first, after = _day(self.start, "from"), _day(self.end, "to")
        if first or after or self.range == "all" or self.data_end is None:
            return first, after
        months = int(self.range)
        return add_months(floor(self.data_end, Grain.MONTH), 1 - months), self.data_end + timedelta(days=1)

    @property
    def looked_at(self) -> Period | None:
        """The one period that was chosen, or for a KPI of cohorts the last one that is over."""
        grain = grain_of(self.grain)
        if self.period:
            at = _day(self.period, "period")
            assert at is not None
            return next(covering(at, at + timedelta(days=1), grain, self.week_start))
        if not self.kpi.cohort or self.data_end is None:
            return None
        after = self.days[1] or self.data_end + timedelta(days=1)
        first = floor(after, grain, self.week_start)
        return next(covering(first - timedelta(days=1), first, grain, self.week_start))

    @property
    def span(self) -> tuple[date | None, date | None]:
        """The days that breakdown and rows look at."""
        period = self.looked_at
        return (period.start, period.end) if period else self.days

    def trend(self) -> Question:
        start, end = self.days
        if start is not None and self.grain == "day" and ((end or self.data_end or start) - start).days > MOST_POINTS:
            raise BadCall(
                "that is more days than a chart can hold", hint="choose a shorter range or weeks", field="grain"
            )
        return self._ask(start, end, grain=self.grain, compare=self.compare)

    def whole(self) -> Question:
        return self._ask(*self.span)

    @property
    def dimension(self) -> str:
        """By what it is broken down: a number cut into ranges, or the dimension chosen."""
        return self.cut or self.by

    def groups(self) -> Question:
        by = (self.dimension,) if self.dimension else ()
        top = None if self.groups_shown == "all" else int(self.groups_shown)
        return replace(self._ask(*self.span, by=by), top=top, pooled=self.pooled and bool(by))

    def rows(self) -> Question:
        return self._ask(*self.span, by=(self.dimension,) if self.dimension else (), rows=True)

    def _ask(
        self,
        start: date | None,
        end: date | None,
        by: tuple[str, ...] = (),
        grain: str | None = None,
        compare: str | None = None,
        rows: bool = False,
    ) -> Question:
        return question(
            self.kpi.name, by, grain, self.where or None, start, end, self.variant or None, compare, rows=rows
        )

    def address(self, part: str = "", **changes: object) -> str:
        """The page's address with something changed; a `part` of the page has one of its own."""
        chosen: dict[str, object] = {
            "range": self.range,
            "grain": self.grain,
            "by": self.by,
            "compare": self.compare,
            "figure": self.figure,
            "mode": list(self.modes),
            "where": self.where,
            "cut": self.cut,
            "groups": self.groups_shown,
            "pooled": "1" if self.pooled else "",
            "from": self.start,
            "to": self.end,
            "period": self.period,
            "show": self.show,
            "page": self.page,
        } | changes
        plain = {"range": "13", "grain": "month", "compare": "previous", "show": "all", "page": 1, "groups": "12"}
        kept = {k: v for k, v in chosen.items() if v not in ("", [], None) and v != plain.get(k)}
        path = f"/kpi/{self.kpi.name}" + (f"/{part}" if part else "")
        return f"{path}?{urlencode(kept, doseq=True)}" if kept else path


def view_of(
    kpi: Metric,
    given: Mapping[str, str],
    modes: Sequence[str],
    data_end: date | None,
    dimensions: Sequence[str],
    week_start: int,
) -> View:
    """The view that an address says. Raises BadCall for what cannot be shown."""
    by = given.get("by") or default_dimension(dimensions)
    ranges = [value for value, _ in RANGES]
    return View(
        kpi=kpi,
        range=_one_of(given.get("range") or "13", ranges, "range"),
        grain=_one_of(given.get("grain") or "month", GRAINS, "grain"),
        by=by,
        compare=_one_of(given.get("compare") or "previous", ("previous", "year"), "compare"),
        figure=given.get("figure", ""),
        modes=tuple(dict.fromkeys(modes)),
        where=given.get("where", "").strip(),
        cut=given.get("cut", "").strip(),
        groups_shown=_one_of(given.get("groups") or "12", ("12", "all"), "groups"),
        pooled=given.get("pooled") == "1",
        start=given.get("from", ""),
        end=given.get("to", ""),
        period=given.get("period", ""),
        show=_one_of(given.get("show") or "all", ("all", "counted", "out"), "show"),
        page=_page(given.get("page") or "1"),
        data_end=data_end,
        week_start=week_start,
    )


def offered(kpi: Metric, dimensions: Sequence[str]) -> list[str]:
    """The dimensions worth a place in a list: what people group by, the usual ones first."""
    columns = tables()[kpi.tables[0]].by_name
    shared = {name: column for table in ("customers", "accounts") for name, column in tables()[table].by_name.items()}
    kept = []
    for name in dimensions:
        column = columns.get(name) or shared.get(name)
        if name in NOT_OFFERED or (column is not None and column.type not in (Type.TEXT, Type.BOOLEAN)):
            continue
        if name.endswith("_id") and name not in OFFERED_KEYS and column is not None:
            continue
        kept.append(name)
    place = {name: index for index, name in enumerate(FIRST_DIMENSIONS)}
    return sorted(kept, key=lambda name: (place.get(name, len(place)), name))


def default_dimension(names: Sequence[str]) -> str:
    """The dimension that a page begins with."""
    return next((name for name in FIRST_DIMENSIONS if name in names), names[0] if names else "")


def _one_of(value: str, allowed: Sequence[str], field: str) -> str:
    if value not in allowed:
        raise BadCall(f"{value!r} cannot be chosen", hint=f"one of {', '.join(allowed)}", field=field)
    return value


def _page(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise BadCall(f"{text!r} is no page", hint="pages are counted from 1", field="page")
    return int(text)


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCall(f"{text!r} is not a day", hint="write 2026-01-31", field=field) from None


def range_of(start: str | None, end: str | None) -> str:
    """Days in words."""
    if start is None or end is None:
        return "all data"
    return units.period_name(date.fromisoformat(start), None, date.fromisoformat(end))


def span_of(view: View, whole: Mapping[str, Any] | None) -> str:
    """The days that breakdown and rows look at, in words."""
    period = view.looked_at
    if period is not None:
        return units.period_name(period.start, view.grain)
    start, end = view.span
    if start and end:
        return units.period_name(start, None, end)
    return range_of(whole["period_start"], whole["period_end"]) if whole else "all data"
