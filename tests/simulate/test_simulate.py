"""The call itself: sizes, determinism, the end of the history, blocks, and calls that are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from wellheard.base.errors import BadCall
from wellheard.simulate import Written, simulate
from wellheard.simulate import company as company_module
from wellheard.simulate import customers as customers_module

SMALL = {"customers": 250, "months": 9}


def contents(folder: Path) -> dict[str, object]:
    parts: dict[str, object] = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".parquet"}
    return parts | {path.name: pq.read_table(path) for path in folder.glob("*.parquet")}


@pytest.mark.slow
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


@pytest.mark.slow
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


def frames_of(written: Written) -> dict[str, pd.DataFrame]:
    """Each table whole, from the files of all parts."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for table, path, _ in written.files:
        parts.setdefault(table, []).append(pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path))
    return {table: pd.concat(each) for table, each in parts.items()}


@pytest.mark.slow
def test_a_large_company_is_told_in_parts_that_are_one_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_module, "PART", 100)
    written = simulate(tmp_path, **SMALL)
    assert [path.name for table, path, _ in written.files if table == "orders"] == [
        "orders.parquet",
        "orders-2.parquet",
        "orders-3.parquet",
    ]
    frames = frames_of(written)
    assert {table: len(frame) for table, frame in frames.items()} == written.rows
    for table, frame in frames.items():
        key = ["source_id", "updated_at"] if table in ("accounts", "customers") else ["source_id"]
        assert not frame.duplicated(key).any(), table
    people = frames["customers"].drop_duplicates("source_id")
    assert len(people) == SMALL["customers"]
    assert people["email"].is_unique
    assert set(people["account_id"]) == set(frames["accounts"]["source_id"])
    for table in ("orders", "visits", "usage", "conversations", "survey_responses", "subscriptions", "costs"):
        assert set(frames[table]["customer_id"].dropna()) <= set(people["source_id"]), table
    home = people.set_index("source_id")["account_id"]
    assert (frames["usage"]["customer_id"].map(home) == frames["usage"]["account_id"]).all()
    assert frames["costs"]["kind"].eq("tooling").sum() == SMALL["months"]
    truth = json.loads(written.truth.read_text("utf-8"))
    started = frames["subscriptions"]
    first = pd.Timestamp(truth["months"][0], tz="UTC")
    running = started[~started["trial"] & (started["started_at"] < first)]
    assert np.array(truth["expected"]["sums"]["churn_at_risk"])[0].sum() == running["account_id"].nunique()


def test_parts_draw_chances_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_module, "PART", 100)
    simulate(tmp_path, customers=200, months=2)
    one, two = (pd.read_parquet(tmp_path / f"usage{part}.parquet") for part in ("", "-2"))
    assert list(one["used_at"][:50]) != list(two["used_at"][:50])


@pytest.mark.slow
def test_duplicates_are_the_same_rows_once_more(tmp_path: Path) -> None:
    plain = frames_of(simulate(tmp_path / "plain", **SMALL))
    twice = simulate(tmp_path / "twice", **SMALL, duplicates=0.1)
    again = frames_of(twice)
    assert {table: len(frame) for table, frame in again.items()} == twice.rows
    for table in ("messages", "visits", "usage", "survey_invitations"):
        extra = len(again[table]) - len(plain[table])
        noise = 4 * np.sqrt(0.1 * 0.9 * len(plain[table]))
        assert abs(extra - 0.1 * len(plain[table])) < noise, table
        once = again[table].drop_duplicates().sort_values("source_id", ignore_index=True)
        assert once.equals(plain[table].sort_values("source_id", ignore_index=True)), table
    assert json.loads(twice.truth.read_text("utf-8"))["imperfections"]["duplicates"] == 0.1


@pytest.mark.slow
def test_gaps_are_days_without_events(tmp_path: Path) -> None:
    plain = frames_of(simulate(tmp_path / "plain", **SMALL))
    gaps = simulate(tmp_path / "gaps", **SMALL, gaps=6)
    found = frames_of(gaps)
    days = json.loads(gaps.truth.read_text("utf-8"))["imperfections"]["gaps"]["days"]
    assert len(set(days)) == 6
    for table, instant in (("usage", "used_at"), ("visits", "started_at")):
        missed = plain[table][instant].dt.strftime("%Y-%m-%d").isin(days)
        assert missed.any()
        assert found[table].reset_index(drop=True).equals(plain[table][~missed].reset_index(drop=True)), table
    assert found["messages"].equals(plain["messages"])


PEAK = """
import resource, shutil, sys
from pathlib import Path
from wellheard.simulate import company
company.PART, company.BLOCK = 20_000, 5_000
from wellheard.simulate import customers, simulate
customers.BLOCK = 5_000
written = simulate(Path(sys.argv[1]), customers=int(sys.argv[2]), months=1)
print(sum(written.rows.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak(folder: Path, customers: int) -> tuple[int, int]:
    """Rows written and the highest memory in MB, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder), str(customers)], capture_output=True, text=True, check=True
    )
    rows, megabytes = ran.stdout.split()
    shutil.rmtree(folder)
    return int(rows), int(megabytes)


@pytest.mark.long
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    small, large = peak(tmp_path / "small", 40_000), peak(tmp_path / "large", 400_000)
    assert large[0] > 4_000_000
    assert large[0] > 8 * small[0]
    assert large[1] < 1.1 * small[1], (small, large)


@pytest.mark.slow
def test_rows_grow_with_the_company(tmp_path: Path) -> None:
    small = simulate(tmp_path / "small", customers=400, months=6).rows
    large = simulate(tmp_path / "large", customers=1600, months=6).rows
    for table in ("messages", "usage", "visits", "survey_invitations"):
        assert 2 < large[table] / small[table] < 8


@pytest.mark.parametrize(
    "bad", [{"customers": 0}, {"months": 0}, {"seed": -1}, {"duplicates": 1.5}, {"gaps": -1}, {"gaps": 10**6}]
)
def test_a_bad_call_says_which_argument(tmp_path: Path, bad: dict[str, float]) -> None:
    with pytest.raises(BadCall) as error:
        simulate(tmp_path, **bad)
    assert error.value.field == next(iter(bad))
    assert error.value.hint.startswith("Give ")
    assert np.array([path.name for path in tmp_path.iterdir()]).size == 0
