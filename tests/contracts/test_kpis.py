"""What every KPI keeps, whatever it measures. The files are found; none is listed here."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard import kpi_contract
from wellheard.kpi_contract import Bench
from wellheard.metrics import parts, statements
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.metric import Example, Metric

SQL = Path(__file__).parent.parent / "kpis"
KPIS = list(metrics().values())
MOST = None if os.environ.get("WELLHEARD_TEST_LONG") else 1  # examples a KPI that are delivered again and again
START, END = "2026-02-01", "2026-08-01"  # half a year with a change of clocks in it
WHOLE = {"start": START, "end": END}


SHARE = 16  # of the variants, one in so many is asked in an ordinary run, and all in a long one


def _marks(kpi: Metric, name: str | None) -> list[pytest.MarkDecorator]:
    place = kpi_contract.figures_of(kpi).index(name)
    return [] if place == 0 or place % SHARE == len(kpi.name) % SHARE else [pytest.mark.long]


def _text(kpi: Metric) -> str:
    return inspect.getsource(importlib.import_module(f"wellheard.kpis.{kpi.name}"))


def _first(kpi: Metric) -> Example | None:
    """The first example of the KPI itself that has a value."""
    return next((e for e in kpi.examples if e.value is not None and not e.variant), None)


FIGURES = [
    pytest.param(kpi, name, id=f"{kpi.name}:{name or ''}", marks=_marks(kpi, name))
    for kpi in KPIS
    for name in kpi_contract.figures_of(kpi)
]


def _seen(kpi: Metric, example: Example, place: int) -> list[pytest.MarkDecorator]:
    """Quick checks see one example of each KPI, an ordinary run every other one, and a long one all."""
    if example is _first(kpi):
        return []
    return [pytest.mark.slow] if place % 2 else [pytest.mark.slow, pytest.mark.long]


EXAMPLES = [
    pytest.param(kpi, example, id=f"{kpi.name}: {example.words}", marks=_seen(kpi, example, place))
    for kpi in KPIS
    for place, example in enumerate(sorted(kpi.examples, key=lambda e: repr(e.rows)))
]


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
    assert not list(kpi_contract.words(kpi))
    assert not list(kpi_contract.needs(kpi))


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_examples_cover_nothing_and_something(kpi: Metric) -> None:
    assert any(e.value is None and e.n == 0 and not any(e.rows.values()) for e in kpi.examples), "no empty example"
    assert any(e.value is not None and e.variant is None for e in kpi.examples), "no example of the default"
    assert not list(kpi_contract.named_variants(kpi))


# --- worked examples --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kpi", "example"), EXAMPLES)
def test_worked_example(kpi: Metric, example: Example, bench: Bench) -> None:
    assert not list(kpi_contract.worked(kpi, example, bench))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kpi", [pytest.param(k, id=k.name, marks=[] if i % 5 == 0 else [pytest.mark.long]) for i, k in enumerate(KPIS)]
)
def test_neither_order_nor_redelivery_nor_a_longer_table_changes_a_digit(kpi: Metric, bench: Bench) -> None:
    assert not list(kpi_contract.order_redelivery_and_longer_joins(kpi, bench, MOST))


# --- nothing there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_an_empty_lake_gives_nothing(kpi: Metric, empty: Any) -> None:
    rows = empty.kpi(kpi.name)
    assert len(rows) == (1 if kpi.split is None else len(kpi.split.variants))
    assert all(kpi_contract.is_nothing(row) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_no_variant_minds_an_empty_lake(kpi: Metric, variant: str | None, empty: Any) -> None:
    def ask(**how: Any) -> list[dict[str, Any]]:
        return empty.kpi(kpi.name, **how)

    assert not list(kpi_contract.emptiness(kpi, variant, ask, START, END, 6))


# --- the made-up company ----------------------------------------------------------------------------------------------


def _header(text: str, word: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"-- {word}:")]
    return line.partition(":")[2].split()


def _statement(kpi: Metric) -> str:
    path = SQL / f"{kpi.name}.sql"
    assert path.is_file(), f"write tests/kpis/{kpi.name}.sql: the KPI by hand, to compare with"
    return path.read_text("utf-8")


def _dimension(kpi: Metric) -> str:
    """The dimension by which the KPI's statement splits it; all suites ask by it, so that each figure is asked once."""
    (name,) = _header(_statement(kpi), "by")
    return name


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_a_statement_by_hand_exists(kpi: Metric) -> None:
    text = _statement(kpi)
    assert set(_header(text, "variants")) <= {variant.name for variant in kpi.variants}
    assert _header(text, "by")


BY_HAND = [
    pytest.param(kpi, name, id=f"{kpi.name}:{name or ''}", marks=_marks(kpi, name))
    for kpi in KPIS
    if (SQL / f"{kpi.name}.sql").is_file()
    for name in (*([None] if kpi.split is None else []), *_header(_statement(kpi), "variants"))
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
    dimension = _dimension(kpi)
    ways: list[tuple[str | None, str | None]] = [(dimension, "month")]
    if MOST is None:
        ways += [(None, None), (None, "month"), (dimension, None)]
    elif variant is None:
        ways.append((None, None))
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
    rows = told(kpi, variant, _dimension(kpi), "month")
    assert rows
    assert not list(kpi_contract.bounds(kpi, variant, rows))


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_groups_add_up_or_the_file_says_why_not(kpi: Metric, variant: str | None, told: Callable[..., Any]) -> None:
    def tell(variant: str | None, by: str | None = None, grain: str | None = None) -> list[dict[str, Any]]:
        return told(kpi, variant, by, grain)

    found = next((v for v in kpi.variants if v.name == variant), None)
    apart = kpi.not_additive or (found and found.not_additive)
    by = "region" if apart else _dimension(kpi)  # a customer stands in one region, whatever their rows say
    assert variant or len({row[by] for row in tell(variant, by, "month")}) > 1
    assert not list(kpi_contract.sums(kpi, variant, tell, by))


@pytest.mark.slow
@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_any_number_can_be_opened(kpi: Metric, variant: str | None, company: Any, told: Callable[..., Any]) -> None:
    (whole,) = told(kpi, variant)
    rows = company.workspace.kpi(kpi.name, variant=variant, rows=True, **WHOLE).to_pandas()
    assert len(rows)
    assert not list(kpi_contract.opened(kpi, variant, rows, whole))
    first, last = date.fromisoformat(START), date.fromisoformat(END)
    if "instant" in rows:
        days = rows["instant"].dt.tz_convert("Europe/Berlin").dt.date
        assert days.between(first, last, inclusive="left").all()


@pytest.mark.slow
@pytest.mark.parametrize("kpi", [k for k in KPIS if "single=" in _text(k)], ids=lambda kpi: kpi.name)
def test_units_that_are_said_to_stand_once_do(
    kpi: Metric, company: Any, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    totals = parts.unit_totals

    def added_up(ask: Any, rows: Any) -> Any:
        assert ask.single
        ask.single = False
        return totals(ask, rows)

    by, grain = "region", "month"
    once = told(kpi, kpi.usual, by, grain)
    monkeypatch.setattr(parts, "unit_totals", added_up)
    statements.forget()
    assert _without(once) == _without(company.kpi(kpi.name, by=[by], grain=grain, variant=kpi.usual, **WHOLE))
    statements.forget()


@pytest.mark.slow
def test_copies_of_people_in_other_sources_change_no_figure(
    company: Any, company_copy: Any, told: Callable[..., Any]
) -> None:
    before = [(k, told(k, None, _dimension(k), "month")) for k in KPIS[:: MOST and 3]]  # all in a long run
    people = company.sql("select source_id, region, segment, updated_at from facts.main.customers")
    firms = company.sql("select source_id, region, segment, updated_at from facts.main.accounts")
    for source in ("crm", "shop"):
        company_copy.deliver(
            {"customers": people.to_dict("records"), "accounts": firms.to_dict("records")}, source=source
        )
    for kpi, rows in before:
        after = company_copy.kpi(kpi.name, by=[_dimension(kpi)], grain="month", **WHOLE)
        assert _without(rows) == _without(after), kpi.name


def _without(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "snapshot"} for row in rows]
