"""The one grammar of charts, for page, notebook, mail and PDF: each has a title, units, intervals and honest axes.

Each function gives a `Chart`: an Altair chart with what must be said beside it. `svg` draws it without a browser, so a
page needs no script to show it. The colours below are the light ones; a page maps them to its own by their value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import altair as alt

from wellheard.metrics.answer import Answer
from wellheard.reports.distribution import Bar
from wellheard.reports.units import period_name, scale_of, spread, written

ACCENT, FAINT, INK, MUTED, GRID, PAPER = "#1f5c57", "#94a3a0", "#1c2827", "#52605e", "#e0e6e4", "#fffffe"
FONT = "Source Sans 3 Variable, Source Sans 3, sans-serif"
WIDE, HALF, NARROW = 1080, 560, 360
NOT_KNOWN = "not known"
LABEL_LIMIT = 170
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart, the sentence that a reader who cannot see it gets, and what its axis does not show."""

    drawn: Any
    words: str
    note: str = ""


@dataclass(frozen=True)
class Axis:
    """The range of a value axis, in the axis' unit; `cut` where it does not begin at zero."""

    low: float
    high: float
    cut: bool


def trend(answer: Answer, width: int = WIDE) -> Chart:
    """A figure over periods: its line, the band of its interval, a hollow point for a period that is not over.

    Needs an answer with a grain and without groups.
    """
    rows = answer.to_list()
    grain, unit, currency = answer.question.grain, answer.asked.unit, _currency(rows)
    factor, words = scale_of(unit, _largest(rows), currency)
    data = [_point(row, factor, grain.value if grain else None, unit, currency) for row in rows]
    axis = axis_of(rows, unit, factor)
    x = alt.X(
        "start:Q", title=None, scale=alt.Scale(type="utc", nice=False, padding=14), axis=_time_axis(rows, grain, width)
    )
    y = _value_axis(alt.Y, "value", axis)
    base = alt.Chart(alt.Data(values=data))
    whole = base.transform_filter("!datum.partial")
    line = {"interpolate": "linear", "invalid": "break-paths-filter-domains"}
    layers = [
        whole.mark_area(color=ACCENT, opacity=0.16, **line).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q"),
        base.transform_filter("datum.partial || datum.alone")
        .mark_rule(color=ACCENT, opacity=0.45, strokeWidth=2)
        .encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q"),
        whole.mark_line(color=ACCENT, strokeWidth=2.25, **line).encode(x=x, y=y),
        base.transform_filter("isValid(datum.value)")
        .mark_point(size=52, filled=True, stroke=ACCENT, strokeWidth=1.75, opacity=1)
        .encode(x=x, y=y, fill=alt.Fill("fill:N", scale=None), description="words:N"),
    ]
    if axis.low < 0 < axis.high:
        layers.insert(0, _zero())
    title = _title(answer.title, words)
    chart = _styled(alt.layer(*layers), title, width, 280 if width >= WIDE else 220)
    return Chart(chart, _trend_words(answer, rows, currency), _cut_note(axis, words))


def groups(answer: Answer, rows: Sequence[Row], dimension: str, overall: Row | None, width: int = WIDE) -> Chart:
    """A figure by the values of a dimension: a dot with its interval a row, and a line where the whole lies."""
    unit, currency = answer.asked.unit, _currency(rows)
    shown = [row for row in rows if row["value"] is not None]
    factor, words = scale_of(unit, _largest([*shown, *([overall] if overall else [])]), currency)
    data = [_dot(row, dimension, factor, unit, currency) for row in shown]
    axis = axis_of([*shown, *([overall] if overall else [])], unit, factor)
    y = alt.Y(
        "group:N",
        title=None,
        sort=None,
        axis=alt.Axis(labelLimit=LABEL_LIMIT if width > NARROW else 110, ticks=False, domain=False),
    )
    base = alt.Chart(alt.Data(values=data))
    colour = alt.Color("colour:N", scale=None)
    layers = [
        base.mark_rule(strokeWidth=2, opacity=0.55).encode(
            x=alt.X("low:Q", title=None), x2="high:Q", y=y, color=colour
        ),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x=_value_axis(alt.X, "value", axis), y=y, color=colour, description="words:N"
        ),
    ]
    if overall is not None and overall["value"] is not None:
        at = alt.Chart(alt.Data(values=[{"all": overall["value"] / factor}]))
        layers.insert(0, at.mark_rule(color=MUTED, strokeDash=[3, 3], strokeWidth=1.25).encode(x="all:Q"))
    title = _title(f"{answer.title} by {dimension.replace('_', ' ')}", words)
    chart = _styled(alt.layer(*layers), title, width, max(30 * len(data), 60))
    said = "; ".join(point["words"] for point in data) or "nothing to show"
    note = " ".join(x for x in (_cut_note(axis, words), "The dashed line is the whole." if overall else "") if x)
    return Chart(chart, f"{answer.title} by {dimension}. {said}", note)


def histogram(bars: Sequence[Bar], title: str, unit: str, width: int = WIDE) -> Chart:
    """How many rows have which value; bars begin at zero."""
    data = [{"label": bar.label, "rows": bar.rows, "words": f"{bar.label}: {bar.rows:,}"} for bar in bars]
    turned = 0 if len(bars) <= (16 if width > NARROW else 7) else -55
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_bar(color=ACCENT, opacity=0.85)
        .encode(
            x=alt.X(
                "label:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=turned, ticks=False, labelLimit=90),
                scale=alt.Scale(paddingInner=0.12),
            ),
            y=alt.Y("rows:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4, format="~s")),
            description="words:N",
        )
    )
    said = "; ".join(str(point["words"]) for point in data)
    return Chart(_styled(chart, _title(title, unit), width, 200), f"{title}. {said}")


def whale(points: Sequence[tuple[float, float]], width: int = WIDE) -> Chart:
    """The share of all profit that a share of customers brings, the most profitable first; both in percent."""
    data = [{"customers": x, "profit": y, "words": f"{x:.0f} % of customers: {y:.0f} % of profit"} for x, y in points]
    base = alt.Chart(alt.Data(values=data)).encode(
        x=alt.X("customers:Q", title="% of customers, most profitable first", axis=alt.Axis(tickCount=6, grid=False)),
        y=alt.Y("profit:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5)),
        description="words:N",
    )
    all_of_it = alt.Chart(alt.Data(values=[{"all": 100}])).mark_rule(color=MUTED, strokeDash=[3, 3]).encode(y="all:Q")
    layers = alt.layer(all_of_it, base.mark_line(color=ACCENT, strokeWidth=2))
    said = "; ".join(str(point["words"]) for point in data[:: max(1, len(data) // 10)])
    return Chart(_styled(layers, "Profit of customers, % of all profit", width, 220), f"Whale curve. {said}")


def axis_of(rows: Sequence[Row], unit: str, factor: float = 1.0) -> Axis:
    """The range of a value axis: from zero, unless that would squeeze what is shown into less than half of it.

    Shares never leave 0 to 100, net figures never −100 to 100.
    """
    seen = [row[name] / factor for row in rows for name in ("value", "low", "high") if row.get(name) is not None]
    if not seen:
        return Axis(0.0, 1.0, cut=False)
    low, high = min(seen), max(seen)
    if (low >= 0 and low > 0.5 * high) or (high <= 0 and high < 0.5 * low):
        begin, end, cut = low, high, True
    else:
        begin, end, cut = min(low, 0.0), max(high, 0.0), False
    room = (end - begin) * 0.08 or max(abs(end), 1.0) * 0.08
    least, most = {"percent": (0.0, 100.0), "points": (-100.0, 100.0)}.get(unit, (float("-inf"), float("inf")))
    lower = begin - room if cut or begin < 0 else begin
    return Axis(max(lower, min(least, begin)), min(end + room, max(most, end)), cut)


def _largest(rows: Sequence[Row]) -> float:
    return max((abs(row["value"]) for row in rows if row["value"] is not None), default=0.0)


def _currency(rows: Sequence[Row]) -> str | None:
    return next((row["currency"] for row in rows if row.get("currency")), None)


def _milliseconds(day: str) -> int:
    at = date.fromisoformat(day)
    return int(datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp() * 1000)


def _point(row: Row, factor: float, grain: str | None, unit: str, currency: str | None) -> dict[str, Any]:
    name = period_name(date.fromisoformat(row["period_start"]), grain)
    hollow = row["partial"] or row["state"] == "few"
    return {
        "start": _milliseconds(row["period_start"]),
        **{k: None if row[k] is None else row[k] / factor for k in ("value", "low", "high")},
        "partial": bool(row["partial"]),
        "alone": False,
        "fill": PAPER if hollow else ACCENT,
        "words": f"{name}: {_figure(row, unit, currency)}" + (" (not over yet)" if row["partial"] else ""),
    }


def _dot(row: Row, dimension: str, factor: float, unit: str, currency: str | None) -> dict[str, Any]:
    name = NOT_KNOWN if row[dimension] is None else str(row[dimension])
    return {
        "group": name[:200],
        **{k: None if row[k] is None else row[k] / factor for k in ("value", "low", "high")},
        "colour": FAINT if row["state"] == "few" else ACCENT,
        "words": f"{name[:200]}: {_figure(row, unit, currency)}",
    }


def _figure(row: Row, unit: str, currency: str | None) -> str:
    if row["value"] is None:
        return "no value"
    between = spread(row["low"], row["high"], unit, currency)
    interval = f", {between}" if between else ""
    few = ", few" if row["state"] == "few" else ""
    return f"{written(row['value'], unit, currency)}{interval}, n = {row['n']:,}{few}"


def _trend_words(answer: Answer, rows: Sequence[Row], currency: str | None) -> str:
    grain = answer.question.grain
    known = [row for row in rows if row["value"] is not None]
    if not known:
        return f"{answer.title}: no value in this range"
    first, last = (
        f"{period_name(date.fromisoformat(row['period_start']), grain)}: {_figure(row, answer.asked.unit, currency)}"
        for row in (known[0], known[-1])
    )
    return f"{answer.title} by {grain.value if grain else 'range'}. First {first}. Last {last}."


def _cut_note(axis: Axis, unit: str) -> str:
    return f"The axis begins at {axis.low:,.3g} {unit}, not at zero.".replace("  ", " ") if axis.cut else ""


def _value_axis(channel: Any, name: str, axis: Axis) -> Any:
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False, zero=False)
    return channel(f"{name}:Q", title=None, scale=scale, axis=alt.Axis(tickCount=5, format=",~f"))


def _time_axis(rows: Sequence[Row], grain: Any, width: int) -> Any:
    """Ticks at the beginnings of periods, no more than fit; the year stands under the first of each."""
    most = 14 if width >= WIDE else 5
    starts = [_milliseconds(row["period_start"]) for row in rows]
    every = -(-len(starts) // most) if starts else 1
    name = grain.value if grain else ""
    values = starts[::-1][::every][::-1]
    labels, year = {}, None
    for at in values:
        day = datetime.fromtimestamp(at / 1000, UTC).date()
        top = _tick(day, name)
        labels[str(at)] = [top, str(day.year)] if day.year != year and top != str(day.year) else [top, ""]
        year = day.year
    return alt.Axis(
        values=values,
        grid=False,
        labelExpr=f"({json.dumps(labels)})[datum.value]",
        labelAngle=0,
        labelOverlap=False,
    )


def _tick(day: date, grain: str) -> str:
    match grain:
        case "month":
            return f"{day:%b}"
        case "quarter":
            return f"Q{(day.month + 2) // 3}"
        case "year":
            return str(day.year)
        case _:
            return f"{day.day} {day:%b}"


def _zero() -> Any:
    return alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=MUTED, strokeWidth=1).encode(y="zero:Q")


def _title(text: str, unit: str) -> str:
    return f"{text}, {unit}" if unit else text


def _styled(chart: Any, title: str, width: int, height: int) -> Any:
    return (
        chart.properties(
            width=width - 64,
            height=height,
            title=alt.Title(
                title, anchor="start", frame="group", fontSize=13, fontWeight="normal", color=MUTED, offset=12
            ),
        )
        .configure(font=FONT, background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            labelFontSize=12.5,
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
            labelPadding=7,
            domain=False,
        )
    )
