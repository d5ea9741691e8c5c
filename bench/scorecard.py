"""The whole scorecard by month and segment over two years: ours from facts and from rollups, and written by hand.

Both give value, low, high, n, units and pending of every KPI, and are compared in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wellheard
from bench import hand, ours
from bench.data import Place
from bench.figures import differences, keyed
from bench.record import Bar, Figure, Record, Table, compared
from bench.turns import Failed, Turns, timed
from wellheard.base.settings import settings_of
from wellheard.warehouse.engine import Lake


def by_hand(home: str, names: list[str], native: str = "") -> Callable[[], dict[str, Any]]:
    """A turn: the statements of `bench/statements` over the lake, or over native tables in the file `native`."""
    con = _connection(Path(home), native)

    def turn() -> dict[str, Any]:
        hand.prepare(con)
        return {name: _rows(hand.figures(con, name)) for name in names}

    return turn


def _connection(home: Path, native: str) -> Any:
    lake = Lake(home / "workspaces" / "main", settings_of(home))
    if native:
        lake.con.execute("detach facts")
        lake.con.execute(f"attach '{native}' as facts (read_only)")
    return lake.con


def _rows(figures: Any) -> list[dict[str, Any]]:
    return [{"period_start": period, "segment": segment, **row} for (period, segment), row in figures.items()]


def measure(place: Place) -> Record:
    """Times both over all KPIs and each alone once, and checks that they agree."""
    home, names = str(place.home), hand.names()
    turns = 3 if place.size <= 1 else 2
    hands = timed("bench.scorecard:by_hand", home, names, turns=turns)
    facts = timed("bench.ours:scorecard", home, names, "facts", turns=turns)
    notes = agreement(hands, facts, names)
    figures = [
        Figure("by hand, in SQL", hands.median, hands.peak_mb, turns=hands.seconds),
        Figure("ours, from facts", facts.median, facts.peak_mb, turns=facts.seconds),
    ]
    limit = 1.35 if place.size < 10 else 1.15
    bars = [Bar(f"from facts ≤ {limit} × by hand", facts.median / hands.median, limit)]
    rollups = from_rollups(home, names, facts, notes)
    if rollups is not None:
        figures.append(Figure("ours, from rollups", rollups.median, rollups.peak_mb, turns=rollups.seconds))
        least = 40 if place.size < 10 else 400
        times = hands.median / rollups.median
        bars.append(Bar(f"from rollups ≥ {least} × faster than by hand", times, least, at_least=True))
        bars.append(Bar("from rollups ≤ 120 ms", rollups.median * 1000, 120))
    words = f"{len(names)} KPIs by month and segment over two years; times as many as by hand in the column ratio."
    each = Table("Each KPI from facts", _each(home, names), "The ratio is ours to the statement by hand, both alone.")
    return Record(
        "scorecard", place.size, (Table("Scorecard", compared(figures), words), each), tuple(bars), tuple(notes)
    )


def agreement(hands: Turns, facts: Turns, names: list[str]) -> list[str]:
    """What is to be said of how well two answers agree."""
    wrong = {name: d for name in names if (d := differences(keyed(hands.given[name]), keyed(facts.given[name])))}
    if not wrong:
        return [f"All {len(names)} KPIs agree with the statements by hand: value, low, high, n, units and pending."]
    return [
        f"{name} differs from the statement by hand in {len(d)} figures, such as {d[0]}" for name, d in wrong.items()
    ]


def from_rollups(home: str, names: list[str], facts: Turns, notes: list[str]) -> Turns | None:
    """The scorecard from rollups, where the product has them; says what they cannot answer or answer otherwise."""
    if not ours.KNOWS_ENGINES:
        notes.append("From rollups: not measured, since this version keeps none.")
        return None
    try:
        rollups = timed("bench.ours:scorecard", home, names, "auto", turns=5)
    except Failed as error:
        notes.append(f"From rollups: {error}")
        return None
    wrong = [n for n in names if differences(keyed(facts.given[n]), keyed(rollups.given[n]))]
    notes.append(f"From rollups and from facts differ: {', '.join(wrong)}." if wrong else "Rollups agree with facts.")
    return rollups


def alone(home: str, names: list[str]) -> Callable[[], dict[str, Any]]:
    """A turn: each KPI asked by itself, ours and by hand, with the seconds of both."""
    workspace = wellheard.open(Path(home))
    how: dict[str, Any] = {**ours.MONTHLY, **({"engine": "facts"} if ours.KNOWS_ENGINES else {})}
    con = workspace.lake.con
    hand.prepare(con)

    def turn() -> dict[str, Any]:
        found = {}
        for name in names:
            first = time.perf_counter()
            hand.figures(con, name)
            second = time.perf_counter()
            workspace.kpi(name, **how)
            found[name] = (second - first, time.perf_counter() - second)
        return found

    return turn


def _each(home: str, names: list[str]) -> tuple[Figure, ...]:
    seconds = timed("bench.scorecard:alone", home, names, turns=1).given
    figures = [Figure(name, us, ratio=us / by, more={"by hand, s": by}) for name, (by, us) in seconds.items()]
    return tuple(sorted(figures, key=lambda f: -(f.seconds or 0)))
