"""The product's own answers, asked as a page, a notebook and the command line ask for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import wellheard
from bench.data import END, START
from bench.figures import COLUMNS
from wellheard.app import Workspace

MONTHLY: dict[str, Any] = {"by": "segment", "grain": "month", "start": START, "end": END}
KNOWS_ENGINES = "engine" in inspect.signature(Workspace.kpi).parameters


def scorecard(home: str, names: Sequence[str], engine: str = "facts") -> Callable[[], dict[str, Any]]:
    """A turn: the default figure of each KPI by month and segment over two years. Rollups are made before."""
    workspace = wellheard.open(Path(home))
    how = {**MONTHLY, **({"engine": engine} if KNOWS_ENGINES else {})}

    def turn() -> dict[str, Any]:
        return {name: figures(workspace, name, how) for name in names}

    if engine != "facts" and KNOWS_ENGINES:
        workspace.rollups.makes = True
        turn()
    return turn


def figures(workspace: Workspace, name: str, how: dict[str, Any]) -> list[dict[str, Any]]:
    """A KPI's rows, with the columns that are compared; of one that is split into outcomes, those of the first."""
    rows = workspace.kpi(name, **how).to_list()
    split = workspace.catalogue.metric(name).split
    if split is not None:
        rows = [row for row in rows if row[split.column] == split.variants[0]]
    return [{column: row[column] for column in ("period_start", "segment", *COLUMNS)} for row in rows]


def breakdowns(home: str, name: str, engine: str = "facts") -> Callable[[], int]:
    """A turn: a KPI by every dimension there is, over two years, as its page shows them."""
    workspace = wellheard.open(Path(home))
    how: dict[str, Any] = {"start": START, "end": END, **({"engine": engine} if KNOWS_ENGINES else {})}

    def turn() -> int:
        return sum(len(workspace.kpi(name, by=by, **how).table) for by in workspace.dimensions(name))

    return turn
