"""What another definition of a KPI would change: its last twelve months by both, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from wellheard.app import Workspace
from wellheard.base.errors import Unknown
from wellheard.base.periods import Grain, add_months, floor
from wellheard.metrics.frame import Frame
from wellheard.metrics.metric import Metric
from wellheard.metrics.own import read_metric
from wellheard.metrics.query import query
from wellheard.metrics.question import Question, question
from wellheard.metrics.reader import Reader

MONTHS = 12


@dataclass(frozen=True)
class Month:
    """One month by both definitions; each a row of an answer, `before` empty where the KPI is new."""

    start: date
    partial: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """The last twelve months by the definition in use and by the one in a file."""

    before: Metric | None
    after: Metric
    months: tuple[Month, ...]


def preview(workspace: Workspace, name: str, path: Path) -> Preview:
    """Both definitions over the last twelve months of data. Raises BadInput for a file that defines no KPI."""
    after = read_metric(path)
    try:
        before: Metric | None = workspace.catalogue.metric(question(name).kpi)
    except Unknown:
        before = None
    asked = question(name, grain=Grain.MONTH)
    end = _data_day(workspace, after, asked) or (_data_day(workspace, before, asked) if before is not None else None)
    if end is None:
        return Preview(before, after, ())
    start = add_months(floor(end, Grain.MONTH), 1 - MONTHS)
    ranged = replace(asked, start=start, end=end + timedelta(days=1))
    new = _months(workspace, after, replace(ranged, kpi=after.name, variants=()))
    old = _months(workspace, before, ranged) if before is not None else {}
    return Preview(before, after, tuple(Month(m, row["partial"], old.get(m, {}), row) for m, row in new.items()))


def _months(workspace: Workspace, kpi: Metric, asked: Question) -> dict[date, dict[str, Any]]:
    rows = query(workspace.lake, workspace.settings, kpi, asked).to_list()
    return {date.fromisoformat(row["period_start"]): row for row in rows}


def _data_day(workspace: Workspace, kpi: Metric, asked: Question) -> date | None:
    with workspace.lake.reading() as snapshot:
        reader = Reader(workspace.lake, workspace.settings, snapshot)
        return Frame(reader, kpi.asked(()), asked).data_day
