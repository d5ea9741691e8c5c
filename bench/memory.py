"""Memory: the server idle and at work, and the most that each task held, as the kernel counts it."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import hand
from bench.data import Place, scratch
from bench.imports import ROWS, written
from bench.record import Bar, Figure, Record, Table
from bench.refresh import shared
from bench.serving import at_work, served
from bench.turns import Failed, timed

IDLE_MB, WORK_MB = 300, 1500


def measure(place: Place) -> Record:
    """Starts a server over a copy of the workspace, and each task in a process of its own."""
    with scratch(place, "memory") as folder:
        home = folder / "home"
        shutil.copytree(place.home, home, copy_function=shared)
        with served(home) as server:
            idle, most = at_work(server)
        figures = [Figure("server, idle", peak_mb=idle), Figure("server, ten readers ask for every KPI", peak_mb=most)]
        notes = []
        for what, task, arguments in _tasks(place, folder):
            try:
                figures.append(Figure(what, peak_mb=timed(task, *arguments, turns=1).peak_mb))
            except Failed as error:
                notes.append(f"{what}: not measured: {error}")
    bars = (
        Bar(f"server idle ≤ {IDLE_MB} MB", idle, IDLE_MB),
        Bar(f"server at work ≤ {WORK_MB / 1000:g} GB", most, WORK_MB),
    )
    return Record("memory", place.size, (Table("The most memory held", tuple(figures)),), bars, tuple(notes))


def _tasks(place: Place, folder: Path) -> list[tuple[str, str, tuple[object, ...]]]:
    home, rows = str(place.home), max(int(ROWS["csv"] * min(place.size, 1)), 1000)
    return [
        ("a workspace opened, one KPI", "bench.ours:scorecard", (home, ["nps"])),
        ("the scorecard from facts", "bench.ours:scorecard", (home, hand.names())),
        ("the scorecard by hand in SQL", "bench.scorecard:by_hand", (home, hand.names())),
        (
            f"a CSV of {rows:,} answers taken in",
            "bench.imports:ours",
            (str(written(place, "csv", rows)), str(folder / "new")),
        ),
    ]
