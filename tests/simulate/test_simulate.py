"""The call itself: sizes, determinism, the end of the history, blocks, and calls that are refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from wellheard.base.errors import BadCall
from wellheard.simulate import customers as customers_module
from wellheard.simulate import simulate

SMALL = {"customers": 250, "months": 9}


def contents(folder: Path) -> dict[str, object]:
    parts: dict[str, object] = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".parquet"}
    return parts | {path.name: pq.read_table(path) for path in folder.glob("*.parquet")}


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simulate(tmp_path / name, **SMALL)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, part in one.items():
        assert part.equals(two[name]) if name.endswith(".parquet") else part == two[name], name


@pytest.mark.parametrize("other", [{"seed": 8}, {"end": date(2026, 10, 1)}])
def test_other_arguments_give_other_rows(tmp_path: Path, other: dict[str, object]) -> None:
    simulate(tmp_path / "one", **SMALL)
    simulate(tmp_path / "two", **SMALL | other)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one["survey_responses.csv"] != two["survey_responses.csv"]
    assert not one["messages.parquet"].equals(two["messages.parquet"])


@pytest.mark.parametrize("end", [date(2026, 10, 31), date(2024, 2, 29), date(2026, 11, 15)])
def test_the_history_ends_on_any_day(tmp_path: Path, end: date) -> None:
    simulate(tmp_path, **SMALL, end=end)
    last = pd.Timestamp(end, tz="UTC")
    sent = pd.read_parquet(tmp_path / "messages.parquet")["sent_at"]
    assert last - pd.Timedelta(days=5) < sent.max() < last
    used = pd.read_parquet(tmp_path / "usage.parquet")["used_at"]
    assert last - pd.Timedelta(days=5) < used.max() < last
    months = used.dt.strftime("%Y-%m").nunique()
    assert months in (9, 10)


@pytest.mark.parametrize("customers", [1, 37, 1000])
def test_as_many_contacts_as_asked_for(tmp_path: Path, customers: int) -> None:
    simulate(tmp_path, customers=customers, months=3)
    assert pd.read_csv(tmp_path / "customers.csv")["source_id"].nunique() == customers


def test_blocks_bound_the_batches_and_keep_the_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers_module, "BLOCK", 60)
    written = simulate(tmp_path, **SMALL)
    batches = pq.ParquetFile(tmp_path / "usage.parquet")
    assert batches.num_row_groups > 2 * SMALL["months"]
    for number in range(batches.num_row_groups):
        who = batches.read_row_group(number)["customer_id"].to_pandas().str[1:].astype(int) // 60
        assert who.nunique() == 1
    for table, path, rows in written.files:
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        assert len(frame) == rows
        key = ["source_id", "updated_at"] if table in ("accounts", "customers") else ["source_id"]
        assert not frame.duplicated(key).any(), table
    conversations = set(pd.read_parquet(tmp_path / "conversations.parquet")["source_id"])
    assert set(pd.read_parquet(tmp_path / "messages.parquet")["conversation_id"]) == conversations


def test_rows_grow_with_the_company(tmp_path: Path) -> None:
    small = simulate(tmp_path / "small", customers=400, months=6).rows
    large = simulate(tmp_path / "large", customers=1600, months=6).rows
    for table in ("messages", "usage", "visits", "survey_invitations"):
        assert 2 < large[table] / small[table] < 8


@pytest.mark.parametrize("bad", [{"customers": 0}, {"months": 0}, {"seed": -1}])
def test_a_bad_call_says_which_argument(tmp_path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(BadCall) as error:
        simulate(tmp_path, **bad)
    assert error.value.field == next(iter(bad))
    assert "or more" in error.value.hint
    assert np.array([path.name for path in tmp_path.iterdir()]).size == 0
