"""The same bounded set of KPIs by other tools, beside ours from facts: one file a tool.

NPS, CSAT, first response time, response rate, churn, net revenue retention, revenue per user, conversion and backlog by
month and segment over two years. The others give value and n; ours gives the interval, units and pending as well.
"""

from __future__ import annotations

from bench.data import Place
from bench.exports import SET, exported, native
from bench.figures import differences, keyed
from bench.record import Bar, Figure, Record, Table, compared
from bench.turns import Failed, Turns, timed


def measure(place: Place) -> Record:
    """Times every tool and checks its values against ours."""
    folder, table = exported(place), str(native(place))
    home = str(place.home)
    facts = timed("bench.ours:scorecard", home, SET, "facts")
    figures, bars, notes = [Figure("ours, from facts", facts.median, facts.peak_mb, turns=facts.seconds)], [], []
    tools = (
        ("by hand in SQL, all columns", "bench.scorecard:by_hand", (home, SET)),
        ("by hand in SQL, native tables", "bench.scorecard:by_hand", (home, SET, table)),
        ("pandas, data in memory", "bench.alternatives.in_pandas:in_memory", (str(folder),)),
        ("pandas, reading", "bench.alternatives.in_pandas:with_reading", (str(folder),)),
        ("Polars, lazy", "bench.alternatives.in_polars:lazy", (str(folder),)),
        ("PostgreSQL, indexed", "bench.alternatives.in_postgres:indexed", (str(folder), str(place.copy("postgres")))),
        ("ClickHouse in process", "bench.alternatives.in_clickhouse:in_process", (str(folder),)),
    )
    seconds: dict[str, float] = {"ours": facts.median}
    for name, task, arguments in tools:
        try:
            found = timed(task, *arguments)
        except Failed as error:
            notes.append(f"{name}: not measured: {error}")
            continue
        seconds[name] = found.median
        figures.append(Figure(name, found.median, found.peak_mb, turns=found.seconds))
        notes += disagreements(name, found, facts)
    bars += _bars(seconds)
    tables = (Table("The bounded set", compared(figures), __doc__.partition("\n\n")[2].strip().replace("\n", " ")),)
    return Record("alternatives", place.size, (*tables, *_semantic(place, notes)), tuple(bars), tuple(notes))


def disagreements(name: str, found: Turns, facts: Turns, kpis: tuple[str, ...] = SET) -> list[str]:
    """What is to be said of values that differ from ours."""
    said = []
    for kpi in kpis:
        theirs = keyed(found.given[kpi], ("value", "n"))
        us = {key: row for key, row in keyed(facts.given[kpi]).items() if row["n"]}
        wrong = differences(us, {key: row for key, row in theirs.items() if row["n"]}, ("value", "n"))
        if wrong:
            said.append(f"{name} gives other values of {kpi} in {len(wrong)} figures, such as {wrong[0]}")
    return said


def _bars(seconds: dict[str, float]) -> list[Bar]:
    us, found = seconds["ours"], []
    for words, name, least in (
        ("≥ 1.6 × faster than pandas with the data in memory", "pandas, data in memory", 1.6),
        ("≥ 6 × faster than PostgreSQL", "PostgreSQL, indexed", 6.0),
    ):
        if name in seconds:
            found.append(Bar(words, seconds[name] / us, least, at_least=True))
    if "Polars, lazy" in seconds:
        found.append(Bar("≤ 1.5 × Polars' time", us / seconds["Polars, lazy"], 1.5))
    return found


def _semantic(place: Place, notes: list[str]) -> tuple[Table, ...]:
    """NPS and CSAT by the semantic layer, beside ours for the same two."""
    two = ("nps", "csat")
    facts = timed("bench.ours:scorecard", str(place.home), two, "facts")
    figures = [Figure("ours, from facts", facts.median, facts.peak_mb, turns=facts.seconds)]
    try:
        found = timed("bench.alternatives.semantic_layer:two", str(exported(place)))
    except Failed as error:
        notes.append(f"boring-semantic-layer: not measured: {error}")
        return ()
    notes += disagreements("boring-semantic-layer", found, facts, two)
    figures.append(Figure("boring-semantic-layer", found.median, found.peak_mb, turns=found.seconds))
    return (Table("NPS and CSAT, which the semantic layer can state", compared(figures)),)
