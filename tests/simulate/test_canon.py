"""The files speak the language of `tables`: names, types, allowed values, keys, references and orders."""

from __future__ import annotations

import pandas as pd
import pytest

from wellheard.simulate.writer import AS_CSV, SOURCE
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Column, Type

MADE = {"person_links", "company_links"}  # by `enrich`, not by a source
EXPECTED = sorted(set(tables()) - MADE)
PYTHON_KINDS = {"i": {Type.INTEGER, Type.NUMBER}, "f": {Type.NUMBER, Type.INTEGER}, "b": {Type.BOOLEAN}}


@pytest.mark.slow
def test_every_table_that_a_source_can_fill_is_written(history) -> None:
    assert sorted(history.frames) == EXPECTED
    assert all(rows > 0 for _, _, rows in history.written.files)


def test_the_reported_rows_are_the_rows_of_the_files(history) -> None:
    assert {table: len(frame) for table, frame in history.frames.items()} == history.written.rows


def test_both_formats_are_used(history) -> None:
    suffixes = {table: path.suffix for table, path, _ in history.written.files}
    assert {table for table, suffix in suffixes.items() if suffix == ".csv"} == AS_CSV
    assert suffixes["messages"] == suffixes["usage"] == ".parquet"


@pytest.mark.parametrize("table", EXPECTED)
def test_columns_are_canonical(history, table: str) -> None:
    names = set(tables()[table].by_name)
    unknown = [name for name in history[table] if name not in names and not name.startswith("attributes.")]
    assert unknown == []


@pytest.mark.parametrize("table", EXPECTED)
def test_what_the_clock_works_out_is_left_to_it(history, table: str) -> None:
    assert not {column.name for column in tables()[table].made_by("clock")} & set(history[table])


@pytest.mark.parametrize("table", EXPECTED)
def test_keys_are_unique_for_each_version(history, table: str) -> None:
    frame = history[table]
    key = ["source_id", "updated_at"] if tables()[table].versioned else ["source_id"]
    assert (frame["source"] == SOURCE).all()
    assert not frame.duplicated(key).any()
    assert frame["updated_at"].notna().all()


@pytest.mark.parametrize("table", EXPECTED)
def test_values_are_allowed(history, table: str) -> None:
    for column in tables()[table].columns:
        if column.name in history[table]:
            _check(history[table][column.name], column)


def _check(values: pd.Series, column: Column) -> None:
    known = values.dropna()
    if column.required:
        assert len(known) == len(values), column.name
    if column.one_of:
        assert set(known) <= set(column.one_of), column.name
    if column.least is not None:
        assert (known.astype(float) >= column.least).all(), column.name
    if column.most is not None:
        assert (known.astype(float) <= column.most).all(), column.name
    if column.type is Type.INSTANT and len(known):
        assert isinstance(values.dtype, pd.DatetimeTZDtype), column.name
    if column.type in (Type.NUMBER, Type.INTEGER, Type.BOOLEAN) and len(known) == len(values):
        assert column.type in PYTHON_KINDS[values.dtype.kind], column.name
    if column.type is Type.MONEY:
        assert {value.as_tuple().exponent for value in known} <= {-4}, column.name


@pytest.mark.parametrize("table", EXPECTED)
def test_references_resolve(history, table: str) -> None:
    for column in tables()[table].columns:
        if column.refers and column.name in history[table]:
            missing = set(history[table][column.name].dropna()) - set(history[column.refers]["source_id"])
            assert not missing, f"{table}.{column.name}: {sorted(missing)[:3]}"


# No column of `tables` names these by `refers`, since other sources may leave them out.
@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("survey_responses", "touchpoint", ("touchpoints", "touchpoint")),
        ("survey_invitations", "touchpoint", ("touchpoints", "touchpoint")),
        ("conversations", "schedule_id", ("schedules", "schedule_id")),
        ("invoices", "attributes.order_id", ("orders", "source_id")),
        ("orders", "currency", ("fx_rates", "from_currency")),
        ("subscriptions", "currency", ("fx_rates", "from_currency")),
    ],
)
def test_names_are_known_elsewhere(history, table: str, column: str, target: tuple[str, str]) -> None:
    assert set(history[table][column].dropna()) <= set(history[target[0]][target[1]])


@pytest.mark.parametrize("table", EXPECTED)
def test_instants_are_in_order(history, table: str) -> None:
    frame = history[table]
    for earlier, later in tables()[table].orders:
        if earlier in frame and later in frame:
            both = frame[frame[earlier].notna() & frame[later].notna()]
            assert (both[earlier] <= both[later]).all(), (earlier, later)


@pytest.mark.parametrize("table", EXPECTED)
def test_nothing_lies_after_the_end(history, table: str) -> None:
    end = pd.Timestamp(history.truth["arguments"]["end"], tz="UTC")
    promised = {"renewal_at", "due_at"}
    for column in tables()[table].by_name.values():
        if column.type is Type.INSTANT and column.name in history[table] and column.name not in promised:
            known = history[table][column.name].dropna()
            assert (known < end).all(), column.name


EVENTS = ["conversations", "messages", "status_events", "survey_invitations", "survey_responses", "feedback", "orders",
          "invoices", "costs", "visits", "carts", "usage", "referrals"]  # fmt: skip


@pytest.mark.parametrize("table", EVENTS)
def test_events_fill_the_history_from_its_first_month_on(history, table: str) -> None:
    months = [pd.Timestamp(day, tz="UTC") for day in history.truth["months"]]
    instants = history[table][tables()[table].instant]
    assert instants.min() >= months[0]
    assert instants.min() < months[1]
    assert instants.max() > months[-1]
