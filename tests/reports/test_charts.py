"""Charts: honest axes, drawn safely, readable without sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from wellheard.base.periods import Grain
from wellheard.reports import charts
from wellheard.reports.distribution import Bar, bars
from wellheard.reports.drawing import svg
from wellheard.reports.sparkline import HEIGHT, Dot, spark

HOSTILE = "<script>alert(1)</script>"
NAMESPACE = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Given:
    """As much of an answer as a chart reads."""

    rows: list[dict[str, Any]]
    unit: str = "percent"
    grain: Grain | None = Grain.MONTH
    title: str = "Satisfaction"

    def to_list(self) -> list[dict[str, Any]]:
        return self.rows

    @property
    def question(self) -> Any:
        return SimpleNamespace(grain=self.grain)

    @property
    def asked(self) -> Any:
        return SimpleNamespace(unit=self.unit)

    @property
    def metric(self) -> Any:
        return SimpleNamespace(title="Satisfaction")


def row(
    value: float | None, low: float | None = None, high: float | None = None, month: int = 1, **more: Any
) -> dict[str, Any]:
    start = date(2026, month, 1).isoformat()
    return {
        "period_start": start, "value": value, "low": low, "high": high, "n": 100, "state": "ok", "partial": False,
        "currency": None, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "unit", "begins_at_zero"),
    [
        ([row(4.0, 2.0, 6.0)], "percent", True),
        ([row(90.0, 88.0, 92.0)], "percent", False),
        ([row(40.0, 30.0, 55.0), row(20.0, 10.0, 30.0)], "points", True),
        ([row(600.0, 500.0, 700.0)], "seconds", False),
    ],
)
def test_an_axis_begins_at_zero_unless_that_hides_what_is_shown(rows: Any, unit: str, begins_at_zero: bool) -> None:
    axis = charts.axis_of(rows, unit)
    assert axis.cut is not begins_at_zero
    assert (axis.low == 0) is begins_at_zero
    assert axis.low <= min(r["low"] for r in rows)
    assert axis.high >= max(r["high"] for r in rows)


def test_a_cut_axis_says_so_and_shares_stay_within_their_bounds() -> None:
    chart = charts.trend(Given([row(99.0, 97.0, 100.0), row(98.0, 95.0, 99.5, 2)]))  # type: ignore[arg-type]
    assert "not at zero" in chart.note
    assert charts.axis_of([row(99.0, 97.0, 100.0)], "percent").high == 100
    assert charts.axis_of([row(-95.0, -100.0, 80.0)], "points").low == -100


def test_a_trend_draws_a_mark_a_period_and_a_hollow_one_for_the_unfinished() -> None:
    rows = [row(80.0 + m, 78.0, 88.0, m) for m in range(1, 5)] + [
        row(None, month=5),
        row(70.0, 60.0, 79.0, 6, partial=True),
    ]
    root = ET.fromstring(svg(charts.trend(Given(rows))))  # type: ignore[arg-type]
    marks = [e for e in root.iter() if e.get("class") == "mark"]
    assert len(marks) == 5
    assert sum(e.get("fill") == charts.PAPER for e in marks) == 1
    tips = [e.findtext(f"{NAMESPACE}title") for e in marks]
    assert "January 2026: 81.0 %, 78.0 to 88.0, n = 100" in tips
    assert any("not over yet" in (tip or "") for tip in tips)


def test_every_drawing_is_one_image_with_words_and_without_inline_style() -> None:
    answer = Given([row(50.0, 40.0, 60.0, place=HOSTILE), row(30.0, 20.0, 40.0, place=None)], grain=None)
    chart = charts.groups(answer, answer.rows, "place", row(45.0))  # type: ignore[arg-type]
    drawing = svg(chart, "wide")
    root = ET.fromstring(drawing)
    assert root.get("role") == "img"
    assert HOSTILE in (root.get("aria-label") or "")
    assert HOSTILE not in drawing
    assert "not known" in drawing
    for element in root.iter():
        assert "style" not in element.attrib
        assert not any(name.startswith("on") or "href" in name for name in element.attrib)
        assert element.tag != f"{NAMESPACE}script"


def test_ids_of_two_drawings_never_meet() -> None:
    chart = charts.histogram([Bar("1", 3), Bar("2", 4)], "Rows by score", "rows")
    first, second = ({e.get("id") for e in ET.fromstring(svg(chart)).iter() if e.get("id")} for _ in range(2))
    assert not first & second


def test_bars_count_every_value_once() -> None:
    assert bars([5, 5, 4, 1]) == [Bar("1", 1), Bar("4", 1), Bar("5", 2)]
    values = [float(v) for v in range(990)] + [50_000.0] * 10 + [float("nan"), float("inf")]
    made = bars(values)
    assert sum(bar.rows for bar in made) == 1000
    assert made[-1].label.startswith("≥")
    assert bars([]) == []


def test_times_fall_into_spans_that_people_think_in() -> None:
    made = bars([30, 60, 299, 3600, 7199, 700_000], "seconds")
    assert [(bar.label, bar.rows) for bar in made if bar.rows] == [
        ("under 1 min", 1), ("1–5 min", 2), ("1–2 h", 2), ("1–2 weeks", 1),
    ]  # fmt: skip
    assert made[0].label == "under 1 min"
    assert made[-1].label == "1–2 weeks"


def test_a_sparkline_breaks_where_nothing_is_known() -> None:
    made = spark([Dot(1, 0, 2), Dot(None), Dot(3, 2, 4), Dot(4, 3, 5)])
    assert len(made.lines) == 2
    assert len(made.areas) == 2
    assert made.last is not None
    assert spark([]).last is None
    assert spark([Dot(7), Dot(7)]).lines[0].endswith(f",{HEIGHT / 2}")
