"""What every KPI keeps, whatever it measures. The files are found; none is listed here."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard.metrics.bricks import Quantile
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.metric import Example, Metric
from wellheard.tables.catalogue import tables

SQL = Path(__file__).parent.parent / "kpis"
KPIS = list(metrics().values())
START, END = "2026-02-01", "2026-08-01"  # half a year with a change of clocks in it
UNITS = ("percent", "points", "seconds", "money", "number", "count")
WHOLE = {"start": START, "end": END}


def _names(kpi: Metric) -> list[str | None]:
    return [None, *(variant.name for variant in kpi.variants)]


FIGURES = [pytest.param(kpi, name, id=f"{kpi.name}:{name or ''}") for kpi in KPIS for name in _names(kpi)]
EXAMPLES = [
    pytest.param(
        kpi,
        example,
        id=f"{kpi.name}: {example.words}",
        marks=[pytest.mark.slow] if example.variant else [],  # quick checks see the defaults
    )
    for kpi in KPIS
    for example in sorted(kpi.examples, key=lambda e: repr(e.rows))
]


def _richest(kpi: Metric) -> list[Example]:
    """The examples that share the rows which fill most tables, or else serve most examples."""
    groups = [[e for e in kpi.examples if e.rows == example.rows] for example in kpi.examples]
    return max(groups, key=lambda group: (sum(bool(rows) for rows in group[0].rows.values()), len(group)))


class Bench:
    """A desk that stays filled from one example to the next where they share their rows."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self._rows: object = None

    def fill(self, example: Example) -> None:
        if self._rows != example.rows:
            self.empty()
            self.desk.deliver(example.rows)
            self._rows = example.rows

    def empty(self) -> None:
        self.desk.clear()
        self._rows = None

    def ask(self, kpi: Metric, example: Example) -> dict[str, Any]:
        """The example's figure with all its columns but the snapshot's number."""
        row = self.desk.one(kpi.name, variant=example.variant, start=example.start, end=example.end)
        row.pop("snapshot")
        return row


@pytest.fixture(scope="module")
def bench(new_desk: Callable[..., Any]) -> Bench:
    return Bench(new_desk())


@pytest.fixture(scope="module")
def empty(new_desk: Callable[..., Any]) -> Any:
    return new_desk()


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_words_are_complete(kpi: Metric) -> None:
    module = importlib.import_module(f"wellheard.kpis.{kpi.name}")
    assert module.__doc__.strip().endswith(".")
    for words in (kpi.title, kpi.formula, kpi.source, kpi.placed_by):
        assert len(words) > 3
    assert kpi.question.endswith("?")
    assert kpi.traps
    assert all(trap.endswith(".") for trap in kpi.traps)
    assert kpi.unit in UNITS
    assert kpi.direction in ("up", "down")
    assert kpi.least_n >= 30
    assert kpi.version >= 1
    for variant in kpi.variants:
        assert variant.words.endswith("."), variant.name
        assert variant.unit is None or variant.unit in UNITS, variant.name
        assert variant.direction in (None, "up", "down"), variant.name
    assert len({v.name for v in kpi.variants}) == len(kpi.variants)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_needs_name_what_exists(kpi: Metric) -> None:
    assert kpi.needs
    for need in kpi.needs:
        columns = tables()[need.table].by_name
        assert need.columns
        assert not [name for name in need.columns if name not in columns]
        for name, value in need.among:
            assert not columns[name].one_of or value in columns[name].one_of
    for name, instants in [span for spans in (kpi.spans, *(v.spans or () for v in kpi.variants)) for span in spans]:
        assert not [instant for instant in instants if instant not in tables()[name].by_name]


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_examples_cover_nothing_and_something(kpi: Metric) -> None:
    assert any(e.value is None and e.n == 0 and not any(e.rows.values()) for e in kpi.examples), "no empty example"
    assert any(e.value is not None and e.variant is None for e in kpi.examples), "no example of the default"
    known = _names(kpi)
    assert all(example.variant in known for example in kpi.examples)


# --- worked examples --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kpi", "example"), EXAMPLES)
def test_worked_example(kpi: Metric, example: Example, bench: Bench) -> None:
    bench.fill(example)
    row = bench.ask(kpi, example)
    assert (row["n"], row["pending"]) == (example.n, example.pending)
    if example.value is None:
        assert (row["value"], row["low"], row["high"], row["state"]) == (None, None, None, "none")
    else:
        assert row["value"] == pytest.approx(example.value, rel=0, abs=1e-9)
    for limit in ("low", "high"):
        if getattr(example, limit) is not None:
            assert row[limit] == pytest.approx(getattr(example, limit), rel=0, abs=example.within)


@pytest.mark.slow
@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_neither_row_order_nor_redelivery_changes_a_digit(kpi: Metric, bench: Bench) -> None:
    group = _richest(kpi)
    bench.fill(group[0])
    ordered = [bench.ask(kpi, example) for example in group]
    bench.empty()
    bench.desk.deliver(group[0].rows, seed=1)
    assert [bench.ask(kpi, example) for example in group] == ordered
    for seed in (None, 2):
        counts = bench.desk.deliver(group[0].rows, seed=seed).tables
        assert not [c for c in counts if c.new or c.changed]
    assert [bench.ask(kpi, example) for example in group] == ordered
    bench.empty()


@pytest.mark.slow
@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_a_join_to_a_longer_table_changes_nothing(kpi: Metric, bench: Bench) -> None:
    group = _richest(kpi)
    bench.fill(group[0])
    alone = [bench.ask(kpi, example) for example in group]
    rows = [row for part in group[0].rows.values() for row in part]
    people, firms = ({row[c] for row in rows if row.get(c)} for c in ("customer_id", "account_id"))
    bench.desk.deliver(_longer(sorted(people | {"x", "y"}), sorted(firms | {"f"})))
    assert [bench.ask(kpi, example) for example in group] == alone
    for example, row in zip(group, alone, strict=True):
        parts = bench.desk.kpi(kpi.name, variant=example.variant, start=example.start, end=example.end, by=["region"])
        assert sum(part["n"] for part in parts) == row["n"]
    bench.empty()


def _longer(people: list[str], firms: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Three versions of each person and company in three sources, and each moment of the journey four times."""
    versions = [("2025-12-01", "north"), ("2026-02-01", "south"), ("2026-03-05T10:00:00Z", "west")]
    each = [{"source": s, "region": r, "updated_at": at} for s in ("example", "other", "third") for at, r in versions]
    moments = [{"source": s, "touchpoint": t} for s in ("example", "other") for t in ("web", "app")]
    return {
        "customers": [{**version, "source_id": p} for p in people for version in each],
        "accounts": [{**version, "source_id": f} for f in firms for version in each],
        "touchpoints": [{**m, "source_id": f"{m['touchpoint']}{i}", "position": i} for m in moments for i in (1, 2)],
    }


# --- nothing there ----------------------------------------------------------------------------------------------------


def _nothing(row: Mapping[str, Any]) -> bool:
    return (row["value"], row["low"], row["high"], row["n"], row["pending"], row["state"]) == (
        None,
        None,
        None,
        0,
        0,
        "none",
    )


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_an_empty_lake_gives_nothing(kpi: Metric, empty: Any) -> None:
    (row,) = empty.kpi(kpi.name)
    assert _nothing(row)
    assert empty.kpi(kpi.name, by=["region"], grain="month", compare="previous") == []


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_no_variant_minds_an_empty_lake(kpi: Metric, variant: str | None, empty: Any) -> None:
    (row,) = empty.kpi(kpi.name, variant=variant)
    assert _nothing(row)
    months = empty.kpi(kpi.name, variant=variant, grain="month", compare="previous", **WHOLE)
    assert len(months) == 6
    assert all(_nothing(row) and row["previous"] is None and row["moved"] is None for row in months)
    assert empty.kpi(kpi.name, variant=variant, by=["region"], grain="month", compare="previous", **WHOLE) == []
    assert empty.kpi(kpi.name, variant=variant, rows=True) == []


# --- the made-up company ----------------------------------------------------------------------------------------------


def _header(text: str, word: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"-- {word}:")]
    return line.partition(":")[2].split()


def _statement(kpi: Metric) -> str:
    path = SQL / f"{kpi.name}.sql"
    assert path.is_file(), f"write tests/kpis/{kpi.name}.sql: the KPI by hand, to compare with"
    return path.read_text("utf-8")


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_a_statement_by_hand_exists(kpi: Metric) -> None:
    text = _statement(kpi)
    assert set(_header(text, "variants")) <= {variant.name for variant in kpi.variants}
    assert _header(text, "by")


BY_HAND = [
    pytest.param(kpi, name, id=f"{kpi.name}:{name or ''}")
    for kpi in KPIS
    if (SQL / f"{kpi.name}.sql").is_file()
    for name in (None, *_header(_statement(kpi), "variants"))
]


@pytest.fixture(scope="module")
def by_hand(company: Any) -> Callable[..., pd.DataFrame]:
    """The rows of a KPI's own statement over the lake."""
    con = company.workspace.lake.con
    con.execute((SQL / "_prelude.sql").read_text("utf-8"))

    def run(kpi: Metric, **variables: str | None) -> pd.DataFrame:
        for name, value in {"grain": None, "dimension": None, "variant": None, **variables}.items():
            con.execute(f"set variable {name} = " + ("null::varchar" if value is None else f"'{value}'"))
        con.execute(f"set variable start = date '{START}'")
        con.execute(f"set variable finish = date '{END}'")
        return company.sql(_statement(kpi))

    return run


@pytest.fixture(scope="module")
def told(company: Any) -> Callable[..., list[dict[str, Any]]]:
    """What the made-up company's figures are, each asked once."""
    known: dict[str, list[dict[str, Any]]] = {}

    def tell(kpi: Metric, variant: str | None, by: str | None = None, grain: str | None = None) -> list[dict[str, Any]]:
        key = f"{kpi.name} {variant} {by} {grain}"
        if key not in known:
            known[key] = company.kpi(kpi.name, variant=variant, by=[by] if by else [], grain=grain, **WHOLE)
        return known[key]

    return tell


def _keyed(rows: list[dict[str, Any]], by: str | None, grain: str | None) -> dict[Any, dict[str, Any]]:
    return {
        (row["period_start"] if grain else None, row[by] if by else None): row
        for row in rows
        if row["n"] or row["pending"]
    }


def _hand_keyed(frame: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {
        (pd.Timestamp(r["period"]).date().isoformat() if r["period"] else None, r["dim"]): r
        for r in rows
        if r["n"] or r["pending"]
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), BY_HAND)
def test_a_statement_by_hand_agrees(
    kpi: Metric, variant: str | None, told: Callable[..., Any], by_hand: Callable[..., pd.DataFrame]
) -> None:
    (dimension,) = _header(_statement(kpi), "by")
    ways: list[tuple[str | None, str | None]] = [(None, None), (dimension, "month")]
    if variant is None:
        ways += [(None, "month"), (dimension, None)]
    for by, grain in ways:
        ours = _keyed(told(kpi, variant, by, grain), by, grain)
        theirs = _hand_keyed(by_hand(kpi, variant=variant, dimension=by, grain=grain))
        assert theirs, "the made-up company has no rows for it"
        assert set(ours) == set(theirs)
        for key, hand in theirs.items():
            row = ours[key]
            assert (row["n"], row["pending"]) == (hand["n"], hand["pending"]), key
            assert row["units"] == hand.get("units", row["units"]), key
            if hand["n"]:
                assert row["value"] == pytest.approx(float(hand["value"]), rel=1e-9, abs=1e-9), key


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_figures_stay_within_their_bounds(kpi: Metric, variant: str | None, told: Callable[..., Any]) -> None:
    rows = told(kpi, variant, "region", "month")
    assert rows
    for row in rows:
        if row["value"] is None:
            assert row["state"] == "none"
            continue
        for limit in ("low", "high"):
            assert row[limit] is None or math.isfinite(row[limit])
        low, high = row["low"], row["high"]
        assert low is None or low <= row["value"] + 1e-9, row
        assert high is None or high >= row["value"] - 1e-9, row
        for number in (row["value"], low, high):
            if number is not None:
                _check_unit(kpi, variant, number)


def _check_unit(kpi: Metric, variant: str | None, number: float) -> None:
    asked = kpi.asked([variant] if variant else [])
    slack = 1e-9
    if asked.unit == "percent" and type(asked.brick).__name__ in ("Share", "MoneyShare"):
        assert -slack <= number <= 100 + slack
    if asked.unit == "points":
        assert -100 - slack <= number <= 100 + slack
    if asked.unit == "seconds":
        assert number >= 0


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_groups_add_up_or_the_file_says_why_not(kpi: Metric, variant: str | None, told: Callable[..., Any]) -> None:
    found = next((v for v in kpi.variants if v.name == variant), None)
    brick = kpi.asked([variant] if variant else []).brick
    (whole,) = told(kpi, variant)
    names = ["n", "pending"] if isinstance(brick, Quantile) else ["n", "pending", "part_num", "part_den"]
    if not (kpi.not_additive or (found and found.not_additive)):
        _check_sums(told(kpi, variant, "region", "month"), whole, names)
    elif not brick.once:  # whoever counts once a row stands in one group only, whatever periods do
        _check_sums(told(kpi, variant, "region"), whole, names)


def _check_sums(parts: list[dict[str, Any]], whole: dict[str, Any], names: list[str]) -> None:
    assert len(parts) > 1
    for name in names:
        assert math.fsum(row[name] for row in parts) == pytest.approx(whole[name], rel=1e-12, abs=1e-9), name


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_any_number_can_be_opened(kpi: Metric, variant: str | None, company: Any, told: Callable[..., Any]) -> None:
    (whole,) = told(kpi, variant)
    rows = company.workspace.kpi(kpi.name, variant=variant, rows=True, **WHOLE).to_pandas()
    assert rows["why"].notna().all()
    assert (rows["why"].eq("counted") == rows["counted"]).all()
    counted = rows[rows["counted"]]
    brick = kpi.asked([variant] if variant else []).brick
    if brick.once:
        heavy = counted[counted["den"] != 0] if "den" in counted else counted
        assert heavy["unit"].nunique() == whole["n"]
    else:
        assert len(counted) == whole["n"]
    assert int(rows["waiting"].sum()) == whole["pending"]
    assert not rows["id"].duplicated().any()
    assert set(brick.columns) <= set(rows.columns)
    first, last = date.fromisoformat(START), date.fromisoformat(END)
    if "instant" in rows:
        days = rows["instant"].dt.tz_convert("Europe/Berlin").dt.date
        assert days.between(first, last, inclusive="left").all()


@pytest.mark.slow
def test_copies_of_people_in_other_sources_change_no_figure(
    company: Any, company_copy: Any, told: Callable[..., Any]
) -> None:
    before = {k.name: told(k, None, "region", "month") for k in KPIS}
    people = company.sql("select source_id, region, segment, updated_at from facts.main.customers")
    firms = company.sql("select source_id, region, segment, updated_at from facts.main.accounts")
    for source in ("crm", "shop"):
        company_copy.deliver(
            {"customers": people.to_dict("records"), "accounts": firms.to_dict("records")}, source=source
        )
    for name, rows in before.items():
        after = company_copy.kpi(name, by=["region"], grain="month", **WHOLE)
        assert _without(rows) == _without(after), name


def _without(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "snapshot"} for row in rows]
