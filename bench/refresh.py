"""10,000 new answers, then all that is kept of them brought up to date: recent ones, and with a tenth of late ones.

The workspace is a copy of the bench's and shares its data files, so that every run starts from the same rows.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import wellheard
from bench import hand, ours
from bench.data import END, Place, scratch
from bench.record import RESULTS, Bar, Figure, Record, Table
from bench.turns import Turns, timed
from wellheard.app import ImportCall, Workspace
from wellheard.metrics.reader import Reader

NEW, LATE = 10_000, 0.1
RECENT_DAYS, ALL_DAYS = 7, 700
TURNS = 3
HEAD = (
    "source,source_id,updated_at,survey_id,submission_id,kind,main,score,scale_min,scale_max,answered_at,complete,"
    "customer_id"
)


def measure(place: Place) -> Record:
    """Times both kinds of news, in a copy of the workspace."""
    found: dict[str, Turns] = {}
    with scratch(place, "refresh") as folder:
        for name, late in (("recent answers", 0.0), ("with 10 % late ones", LATE)):
            home = folder / name.split()[0]
            shutil.copytree(place.home, home, copy_function=shared)
            found[name] = timed("bench.refresh:news", str(home), late, turns=TURNS)
    figures = []
    for name, turns in found.items():
        steps = turns.given
        figures.append(Figure(name, turns.median, turns.peak_mb, more=steps, turns=turns.seconds))
    recent, late_ones = (figure.more.get("brought up to date, s") for figure in figures)
    bars, notes = [], []
    if recent is None or late_ones is None:
        notes.append(
            "This version keeps no rollups, so that nothing has to be brought up to date: answers come from facts."
        )
    else:
        bars = [
            Bar("brought up to date after 10,000 new answers ≤ 2 s", recent, 2),
            Bar("with 10 % late ones ≤ 5 s", late_ones, 5),
            *_against_small(place, recent),
        ]
    words = "Seconds of the whole turn, taking the answers in included; the last turn's steps beside it."
    return Record(
        "refresh", place.size, (Table("10,000 new answers", tuple(figures), words),), tuple(bars), tuple(notes)
    )


def _against_small(place: Place, recent: float) -> list[Bar]:
    """At SIZE=10, the same refresh at SIZE=1, which is on file."""
    small = RESULTS / "refresh.json"
    if place.size < 10 or not small.is_file():
        return []
    kept = json.loads(small.read_text("utf-8"))["tables"][0]["figures"][0]["more"].get("brought up to date, s")
    return [Bar("recent answers ≤ 2 × the same at SIZE=1", recent / kept, 2)] if kept else []


def shared(source: str, target: str) -> str:
    """Copies a file; a data file of the lake, which never changes, is linked instead."""
    if source.endswith(".parquet"):
        os.link(source, target)
        return target
    return str(shutil.copy2(source, target))


def news(home: str, late: float) -> Callable[[], dict[str, float]]:
    """A turn: a file of new answers is taken in, and rollups are brought up to date; gives each step's seconds."""
    workspace, chance = wellheard.open(Path(home)), random.Random(7)
    customers = _customers(workspace)
    brought = refreshing(workspace)
    count = iter(range(1_000_000))

    def turn() -> dict[str, float]:
        path = Path(home) / f"news-{next(count)}.csv"
        path.write_text("\n".join([HEAD, *_answers(path.stem, customers, late, chance)]) + "\n", "utf-8")
        steps, started = {}, time.perf_counter()
        workspace.import_files(ImportCall(paths=(path,), table="survey_responses"))
        steps["taken in, s"] = time.perf_counter() - started
        started = time.perf_counter()
        if brought():
            steps["brought up to date, s"] = time.perf_counter() - started
        started = time.perf_counter()
        workspace.kpi("nps", **ours.MONTHLY)
        steps["NPS by month and segment asked anew, s"] = time.perf_counter() - started
        return steps

    return turn


def refreshing(workspace: Workspace) -> Callable[[], bool]:
    """What brings the scorecard's rollups, which are made here, up to date; gives False where none is kept."""
    if not ours.KNOWS_ENGINES:
        return lambda: False
    workspace.rollups.makes = True
    for name in hand.names():
        workspace.kpi(name, **ours.MONTHLY)

    def bring() -> bool:
        with workspace.lake.reading() as snapshot:
            return workspace.rollups.refresh(Reader(workspace.lake, workspace.settings, snapshot)) > 0

    return bring


def _customers(workspace: Workspace) -> list[str]:
    sql = "select source_id from facts.main.customers where valid_to is null and not deleted limit 20000"
    return [row[0] for row in workspace.lake.con.execute(sql).fetchall()]


def _answers(name: str, customers: list[str], late: float, chance: random.Random) -> list[str]:
    end = datetime.fromisoformat(END)
    rows = []
    for number in range(NEW):
        days = ALL_DAYS if chance.random() < late else RECENT_DAYS
        at = (end - timedelta(seconds=chance.randrange(1, days * 86_400))).isoformat() + "Z"
        key, score = f"{name}-{number}", chance.randrange(11)
        rows.append(f"news,{key},{at},relationship,{key},nps,true,{score},0,10,{at},true,{chance.choice(customers)}")
    return rows
