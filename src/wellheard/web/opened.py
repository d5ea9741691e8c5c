"""The rows behind a number as the page of a KPI shows them: each with its values and why it counted or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from wellheard.metrics.answer import Answer
from wellheard.reports import charts, units
from wellheard.reports.distribution import bars
from wellheard.web.site import Site, drawn
from wellheard.web.view import MOST_ROWS, View, span_of

ROWS_A_PAGE = 25
HISTOGRAM = 700
LONG_KEY = 14  # characters from which a key is shown by its beginning
HIDDEN_COLUMNS = ("id", "counted", "waiting")
NAMES = {
    "instant": "when (UTC)",
    "unit": "who",
    "good": "counts for",
    "bad": "counts against",
    "num": "above the line",
    "den": "below the line",
    "why": "why it counted or not",
}
Row = Mapping[str, Any]


def part(site: Site, view: View) -> Markup:
    """The rows behind the number, a page of them, with how their values are spread and why some do not count."""
    answer = site.figures.answer(view.rows(), MOST_ROWS)
    everything = answer.to_list()
    counted = [row for row in everything if row["counted"]]
    chosen = {"all": everything, "counted": counted, "out": [row for row in everything if not row["counted"]]}
    shown = chosen[view.show]
    last_page = max(1, -(-len(shown) // ROWS_A_PAGE))
    page = min(view.page, last_page)
    first = (page - 1) * ROWS_A_PAGE
    columns = _columns(answer, everything)
    wide, narrow = _spread(answer, counted)
    labels = (("all", "all"), ("counted", "counted"), ("out", "not counted"))
    turns = [(words, to) for words, to in (("Earlier page", page - 1), ("Next page", page + 1)) if 1 <= to <= last_page]
    return site.piece(
        "rows.html",
        kpi=view.kpi,
        span=span_of(view, None),
        wide=wide,
        narrow=narrow,
        counted=len(counted),
        filters=[
            (name, f"{words} {len(chosen[name]):,}", view.address(show=name, page=1), name == view.show)
            for name, words in labels
        ],
        reasons=Counter(row["why"] for row in chosen["out"]).most_common(6),
        columns=columns,
        names=NAMES | {"x": "time" if answer.asked.unit == "seconds" else "value"},
        numeric=[c for c in columns if any(is_number(row.get(c)) for row in shown[:ROWS_A_PAGE])],
        rows=[
            {
                "counted": row["counted"],
                "url": _behind(answer, row),
                "cells": {c: _cell(row.get(c), c, answer.asked.unit) for c in columns},
            }
            for row in shown[first : first + ROWS_A_PAGE]
        ],
        first=first + 1,
        last=min(first + ROWS_A_PAGE, len(shown)),
        shown=len(shown),
        total=len(everything),
        truncated=len(everything) >= MOST_ROWS,
        turns=[(words, view.address(page=to)) for words, to in turns],
        api_url=f"/api/v1/kpis/{view.kpi.name}?rows=true&limit=100000",
    )


def _behind(answer: Answer, row: Row) -> str:
    """The page of the conversation that a row is, where the KPI's rows are conversations."""
    conversations = answer.metric.tables == ("conversations",) and answer.asked.spans[0][0] == "conversations"
    return f"/conversations/{quote(str(row['id']), safe='')}" if conversations and row.get("source_id") else ""


def _columns(answer: Answer, rows: list[dict[str, Any]]) -> list[str]:
    """Columns in the order of reading: when, who, which row, its dimension, its values, and why it counted."""
    names = [c for c in answer.to_arrow().column_names if c not in HIDDEN_COLUMNS]
    if "score" in names and "x" in names:
        names.remove("x")
    first = [c for c in ("instant", "period", "unit", "source", "source_id", *answer.question.by) if c in names]
    rest = [c for c in names if c not in first and c != "why" and any(row.get(c) is not None for row in rows[:200])]
    return [*first, *rest, "why"]


def _spread(answer: Answer, counted: list[dict[str, Any]]) -> tuple[Markup | None, Markup | None]:
    """How the values behind the figure are spread, where its rows have one."""
    column = next((c for c in ("score", "x") if counted and is_number(counted[0].get(c))), None)
    if column is None:
        return None, None
    unit = answer.asked.unit if column == "x" else "number"
    made = bars([float(row[column]) for row in counted if is_number(row[column])], unit)
    if len(made) < 2:
        return None, None
    title = "Rows by time taken" if unit == "seconds" else f"Rows by {'score' if column == 'score' else 'value'}"
    wide, narrow = (charts.histogram(made, title, "number of rows", w) for w in (HISTOGRAM, charts.NARROW))
    return drawn(wide, "chart-wide"), drawn(narrow, "chart-narrow")


def is_number(value: Any) -> bool:
    """Whether a cell holds a number, and no yes or no."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any, column: str, unit: str) -> str:
    if value is None:
        return units.NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column == "x" and unit == "seconds" and is_number(value):
        return units.duration(float(value))
    if column == "instant":
        at = datetime.fromisoformat(str(value))
        return f"{units.day_name(at.date())}, {at:%H:%M}"
    if column == "unit" and len(str(value)) > LONG_KEY:
        return f"{str(value)[:LONG_KEY]}…"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value)
