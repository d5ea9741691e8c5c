"""What every KPI keeps, whatever it measures and whoever defined it; each check yields what is wrong, in words.

The tests run it on the built-in KPIs, and `wellheard kpis check` on a workspace's own.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from wellheard.app import Workspace
from wellheard.desk import Desk
from wellheard.metrics.bricks import Quantile
from wellheard.metrics.metric import Example, Metric, Variant
from wellheard.metrics.names import known_names
from wellheard.metrics.parity import PREFIX
from wellheard.metrics.query import query
from wellheard.metrics.question import question
from wellheard.tables.catalogue import tables

Problems = Iterator[str]
# Asks one figure, as plain rows: variant, by, grain and range.
Asker = Callable[..., list[dict[str, Any]]]

UNITS = ("percent", "points", "seconds", "money", "number", "count")
LEAST_N = 30
SLACK = 1e-9


@dataclass
class Bench:
    """A desk that stays filled from one example to the next where they share their rows."""

    desk: Desk
    _rows: object = None
    _alone: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def fill(self, example: Example) -> None:
        if self._rows != example.rows:
            self.empty()
            self.desk.deliver(example.rows)
            self._rows = example.rows

    def empty(self) -> None:
        self.desk.clear()
        self._rows = None

    def ask(self, kpi: Metric, example: Example, **more: Any) -> dict[str, Any]:
        """The example's figure with all its columns but the snapshot's number."""
        (row,) = self.desk.ask(kpi, variant=kpi.single(example.variant), start=example.start, end=example.end, **more)
        row.pop("snapshot")
        return row

    def alone(self, kpi: Metric, example: Example) -> dict[str, Any]:
        """The example's figure where its own rows came once and in order; asked once, however many checks use it."""
        key = (kpi.name, repr(example))
        if key not in self._alone:
            self.fill(example)
            self._alone[key] = self.ask(kpi, example)
        return self._alone[key]


def figures_of(kpi: Metric) -> list[str | None]:
    """The KPI itself, and its variants by name; where it is split, the variants that make one row."""
    if kpi.split is not None:
        return list(kpi.split.variants)
    return [None, *(variant.name for variant in kpi.variants)]


def richest(kpi: Metric, most: int | None = None) -> list[Example]:
    """The examples that share the rows which fill most tables, or else serve most examples; the default first."""
    groups = [[e for e in kpi.examples if e.rows == example.rows] for example in kpi.examples]
    best = max(groups, key=lambda group: (sum(bool(rows) for rows in group[0].rows.values()), len(group)), default=[])
    return sorted(best, key=lambda example: example.variant is not None)[:most]


# --- words ------------------------------------------------------------------------------------------------------------


def words(kpi: Metric) -> Problems:
    """Every word that a page needs is there."""
    for name in ("title", "formula", "source", "placed_by"):
        if len(getattr(kpi, name)) <= 1:
            yield f"{name} says nothing"
    if not kpi.question.endswith("?"):
        yield "question is no question"
    if not kpi.traps:
        yield "no trap is named"
    yield from (f"the trap {trap!r} is no sentence" for trap in kpi.traps if not trap.endswith("."))
    units = (kpi.unit, *(v.unit for v in kpi.variants))
    yield from (f"the unit {u!r} is unknown" for u in units if u and u not in UNITS)
    if kpi.direction not in ("up", "down"):
        yield f"the direction {kpi.direction!r} is neither up nor down"
    if kpi.least_n < LEAST_N:
        yield f"least_n is below {LEAST_N}"
    yield from (f"the variant {v.name} says nothing" for v in kpi.variants if not v.words.endswith("."))
    yield from (fault for v in kpi.variants for fault in _preset(kpi, v))
    if len({v.name for v in kpi.variants}) != len(kpi.variants):
        yield "two variants have one name"


def needs(kpi: Metric) -> Problems:
    """What it needs exists in the canonical tables."""
    if not kpi.needs:
        yield "it needs no table"
    for need in (way for first in kpi.needs for way in (first, *first.instead)):
        columns = tables()[need.table].by_name
        yield from (f"{need.table} has no column {name}" for name in need.columns if name not in columns)
        for name, value in need.among:
            if columns[name].one_of and value not in columns[name].one_of:
                yield f"{need.table}.{name} is never {value}"
    for name, instants in [span for spans in (kpi.spans, *(v.spans or () for v in kpi.variants)) for span in spans]:
        yield from (f"{name} has no instant {i}" for i in instants if i not in tables()[name].by_name)


def _preset(kpi: Metric, variant: Variant) -> Problems:
    """A product's figure says why it differs, and either holds the product's example or says that there is none."""
    preset = variant.preset
    if (preset is not None) != variant.name.startswith(PREFIX):
        yield f"the variant {variant.name} has a preset where its name begins with {PREFIX}, and nowhere else"
    if preset is None:
        return
    if not (preset.theirs and preset.source and preset.differs.endswith(".")):
        yield f"the preset {variant.name} does not say what it is, where that is said, or why it differs"
    if preset.printed == ("formula only" in variant.words.casefold()):
        yield f"the preset {variant.name} says formula only where no printed example holds, and nowhere else"
    if preset.printed and not any(variant.name in (e.variant or "").split("+") for e in kpi.examples):
        yield f"no example of {kpi.name} asks for {variant.name}"
    known = {v.name for v in kpi.variants}
    for name in (name for beside in preset.beside for name in beside.split("+") if name and name not in known):
        yield f"the preset {variant.name} stands beside {name}, which is none"


def named_variants(kpi: Metric) -> Problems:
    """Its examples ask for variants that exist."""
    known = {v.name for v in kpi.variants}
    for example in kpi.examples:
        for name in (example.variant or "").split("+"):
            if name and name not in known:
                yield f"the example {example.words!r} asks for the variant {name}, which does not exist"


# --- worked examples --------------------------------------------------------------------------------------------------


def worked(kpi: Metric, example: Example, bench: Bench) -> Problems:
    """The rows of a worked example give its answer."""
    row = bench.alone(kpi, example)
    for name in ("n", "pending"):
        if row[name] != getattr(example, name):
            yield f"{example.words}: {name} is {row[name]}, not {getattr(example, name)}"
    if example.value is None:
        if not (row["value"] is None and row["low"] is None and row["high"] is None and row["state"] == "none"):
            yield f"{example.words}: there is a value where there should be none: {row['value']}"
    elif row["value"] is None or abs(row["value"] - example.value) > SLACK * max(1.0, abs(example.value)):
        yield f"{example.words}: the value is {row['value']}, not {example.value}"
    for limit in ("low", "high"):
        wanted = getattr(example, limit)
        if wanted is not None and (row[limit] is None or abs(row[limit] - wanted) > example.within):
            yield f"{example.words}: {limit} is {row[limit]}, not about {wanted}"


def order_redelivery_and_longer_joins(kpi: Metric, bench: Bench, most: int | None = None) -> Problems:
    """Neither the order of rows, nor their arriving again, nor a join to tables that hold more changes a digit.

    One after the other over the same rows: shuffled, shuffled otherwise, and then with more beside them.
    """
    group = richest(kpi, most)
    if not group:
        return
    alone = [bench.alone(kpi, example) for example in group]
    bench.empty()
    bench.desk.deliver(group[0].rows, seed=1)
    counts = bench.desk.deliver(group[0].rows, seed=2).tables
    if [c for c in counts if c.new or c.changed]:
        yield "rows that arrive again are taken as new"
    if [bench.ask(kpi, example) for example in group] != alone:
        yield "the order in which rows arrive, or their arriving again, changes the figure"
    yield from _longer_joins(kpi, bench, group, alone)
    bench.empty()


def _longer_joins(kpi: Metric, bench: Bench, group: list[Example], alone: list[dict[str, Any]]) -> Problems:
    """A join to tables that hold more changes nothing, and no row is counted twice when grouped by them."""
    rows = [row for part in group[0].rows.values() for row in part]
    people, firms = ({row[c] for row in rows if row.get(c)} for c in ("customer_id", "account_id"))
    bench.desk.deliver(_longer(sorted(people), sorted(firms)))
    if [bench.ask(kpi, example) for example in group] != alone:
        yield "more rows of customers, accounts or touchpoints change the figure"
    for example, row in zip(group, alone, strict=True):
        days = {"start": example.start, "end": example.end}
        parts = bench.desk.ask(kpi, variant=kpi.single(example.variant), by=[_dimension(kpi)], **days)
        if sum(part["n"] for part in parts) != row["n"]:
            yield f"{example.words}: grouped by region, its n is another"


def _longer(people: list[str], firms: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Three versions of each person and company in three sources, and each moment of the journey four times."""
    versions = [("2025-12-01", "north"), ("2026-02-01", "south"), ("2026-03-05T10:00:00Z", "west")]
    each = [{"source": s, "region": r, "updated_at": at} for s in ("example", "other", "third") for at, r in versions]
    moments = [{"source": s, "touchpoint": t} for s in ("example", "other") for t in ("web", "app")]
    return {
        "customers": [{**version, "source_id": p} for p in [*people, "x", "y"] for version in each],
        "accounts": [{**version, "source_id": f} for f in [*firms, "f"] for version in each],
        "touchpoints": [{**m, "source_id": f"{m['touchpoint']}{i}", "position": i} for m in moments for i in (1, 2)],
    }


# --- nothing there ----------------------------------------------------------------------------------------------------


def emptiness(kpi: Metric, variant: str | None, ask: Asker, start: str, end: str, months: int) -> Problems:
    """Where there are no rows there is no value, n is 0, and nothing is raised."""
    (row,) = ask(variant=variant)
    if not is_nothing(row):
        yield f"an empty lake gives {row['value']}"
    if variant is not None:  # what follows is of the ways of asking, which variants share
        return
    monthly = ask(variant=variant, grain="month", compare="previous", start=start, end=end)
    if len(monthly) != months:
        yield f"{months} empty months give {len(monthly)} rows"
    if not all(is_nothing(row) and row["previous"] is None and row["moved"] is None for row in monthly):
        yield "an empty month has a value"
    if ask(variant=variant, by=[_dimension(kpi)], grain="month", compare="previous", start=start, end=end):
        yield "an empty lake has groups"
    if ask(variant=variant, rows=True):
        yield "an empty lake has rows"


def is_nothing(row: Mapping[str, Any]) -> bool:
    """Whether a row of an answer says that there is nothing."""
    return (row["value"], row["low"], row["high"], row["n"], row["pending"], row["state"]) == (
        None,
        None,
        None,
        0,
        0,
        "none",
    )


# --- over many rows ---------------------------------------------------------------------------------------------------


def bounds(kpi: Metric, variant: str | None, rows: Sequence[Mapping[str, Any]]) -> Problems:
    """Values lie between their limits, and both within what the unit allows."""
    asked = kpi.asked([variant] if variant else [])
    for row in rows:
        if row["value"] is None:
            if row["state"] not in ("none", "hidden"):
                yield f"no value, but the state is {row['state']}"
            continue
        low, high = row["low"], row["high"]
        if not (low is None or low <= row["value"] + SLACK) or not (high is None or high >= row["value"] - SLACK):
            yield f"{row['value']} is not between {low} and {high}"
        for number in (row["value"], low, high):
            if number is not None and not (math.isfinite(number) and _within_unit(asked, number)):
                yield f"{number} is out of bounds for {asked.unit}"


def _within_unit(asked: Any, number: float) -> bool:
    shares = ("Share", "MoneyShare")
    if asked.unit == "percent" and type(asked.brick).__name__ in shares:
        return -SLACK <= number <= 100 + SLACK
    if asked.unit == "points":
        return -100 - SLACK <= number <= 100 + SLACK
    return number >= 0 if asked.unit in ("seconds", "count") else True


def sums(kpi: Metric, variant: str | None, told: Asker, by: str) -> Problems:
    """Groups add up to the whole, or the KPI says why not."""
    found = next((v for v in kpi.variants if v.name == variant), None)
    brick = kpi.asked([variant] if variant else []).brick
    (whole,) = told(variant=variant)
    names = ["n", "pending"] if _has_no_sums(brick) else ["n", "pending", "part_num", "part_den"]
    if not (kpi.not_additive or (found and found.not_additive)):
        yield from _sums(told(variant=variant, by=by, grain="month"), whole, names)
    elif not brick.once:  # whoever counts once a row stands in one group only, whatever periods do
        yield from _sums(told(variant=variant, by=by), whole, names)


def _has_no_sums(brick: Any) -> bool:
    return isinstance(brick, Quantile) or not hasattr(brick, "limits") or not brick.sums_up


def _sums(parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any], names: Sequence[str]) -> Problems:
    for name in names:
        total = math.fsum(row[name] for row in parts)
        if not math.isclose(total, whole[name], rel_tol=1e-12, abs_tol=SLACK):
            yield f"{name} of the groups is {total} together, of the whole {whole[name]}"


def opened(kpi: Metric, variant: str | None, rows: pd.DataFrame, whole: Mapping[str, Any]) -> Problems:
    """The rows behind a number are those that it counts, each with why."""
    brick = kpi.asked([variant] if variant else []).brick
    if not len(rows):
        if whole["n"]:
            yield "there is a number and no row behind it"
        return
    if rows["why"].isna().any() or not (rows["why"].eq("counted") == rows["counted"]).all():
        yield "a row does not say why"
    counted = rows[rows["counted"]]
    apart = brick.once or getattr(brick, "of_den", False)  # rows of the numerator alone are in no n
    heavy = counted[counted["den"] != 0] if "den" in counted and apart else counted
    n = heavy["unit"].nunique() if brick.once else len(heavy)
    if n != whole["n"]:
        yield f"{n} rows count, but n is {whole['n']}"
    if int(rows["waiting"].sum()) != whole["pending"]:
        yield f"{int(rows['waiting'].sum())} rows wait, but pending is {whole['pending']}"
    if rows.astype(str).duplicated().any():
        yield "a row is shown twice"
    if missing := set(brick.columns) - set(rows.columns):
        yield f"the rows do not show {', '.join(sorted(missing))}"


# --- all of it, for a workspace's own KPIs ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What one check said of one KPI; no problems means that it holds."""

    kpi: str
    check: str
    problems: tuple[str, ...]


def check(kpis: Sequence[Metric], workspace: Workspace) -> Iterator[Finding]:
    """Every check on each KPI: its examples in a workspace that is thrown away, sums and rows on the real data."""
    with tempfile.TemporaryDirectory(prefix="wellheard-check-") as folder, Workspace(Path(folder)) as empty:
        bench = Bench(Desk(empty))
        for kpi in kpis:
            for name, problems in _checks(kpi, bench, Desk(workspace)):
                yield Finding(kpi.name, name, tuple(dict.fromkeys(problems)))


def _checks(kpi: Metric, bench: Bench, own: Desk) -> Iterator[tuple[str, Problems]]:
    yield "words", words(kpi)
    yield "what it needs", needs(kpi)
    yield "variants of its examples", named_variants(kpi)
    for variant in figures_of(kpi):

        def ask_empty(**how: Any) -> list[dict[str, Any]]:
            return bench.desk.ask(kpi, **how)

        bench.empty()
        yield f"nothing there{_of(variant)}", emptiness(kpi, variant, ask_empty, "2026-02-01", "2026-08-01", 6)
    for example in kpi.examples:
        yield f"example: {example.words}", worked(kpi, example, bench)
    yield "order, redelivery and longer joins", order_redelivery_and_longer_joins(kpi, bench)
    for variant in figures_of(kpi):

        def told(**how: Any) -> list[dict[str, Any]]:
            return own.ask(kpi, **how)

        (whole,) = told(variant=variant)
        rows = query(own.workspace.lake, own.workspace.settings, kpi, question(kpi.name, variant=variant, rows=True))
        by = _dimension(kpi)
        yield f"bounds{_of(variant)}", bounds(kpi, variant, told(variant=variant, by=[by], grain="month"))
        yield f"groups add up{_of(variant)}", sums(kpi, variant, told, by)
        yield f"rows behind it{_of(variant)}", opened(kpi, variant, rows.to_pandas(), whole)


def _dimension(kpi: Metric) -> str:
    """A dimension that the KPI's rows have: a region where they lead to a customer or company, else their source."""
    return "region" if "region" in known_names(kpi.tables[0], lambda _: frozenset()) else "source"


def _of(variant: str | None) -> str:
    return f" ({variant})" if variant else ""
