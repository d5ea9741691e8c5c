"""What delivering again, late, doubled or deleted rows does: nothing that depends on the order of delivery."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # everyday checks leave it out

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
START = datetime(2025, 1, 6, 9, tzinfo=UTC)
Rows = list[dict[str, Any]]


def _at(hours: float) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def fixture() -> dict[str, Rows]:
    """A small company: every kind of table, versions, tombstones, money, personal columns, messages with a clock."""
    rng = random.Random(4)
    customers = [
        {"source_id": f"c{i}", "updated_at": _at(24 * v), "name": f"Name {i}", "email": f"c{i}@x.example",
         "segment": rng.choice(["small", "large"]), "region": rng.choice(["EU", "US"]), "created_at": _at(0)}
        for i in range(12) for v in range(3)
    ]  # fmt: skip
    answers = [
        {"source_id": f"r{i}", "updated_at": _at(i), "kind": rng.choice(["nps", "csat", "ces"]),
         "score": rng.randint(1, 5),
         "answered_at": _at(i), "customer_id": f"c{i % 12}", "comment": f"words {i}", "survey_id": "s"}
        for i in range(60)
    ]  # fmt: skip
    orders = [
        {"source_id": f"o{i}", "updated_at": _at(i), "customer_id": f"c{i % 12}", "ordered_at": _at(7 * i),
         "revenue": f"{rng.randint(1, 99999)}.{rng.randint(0, 9999):04d}", "currency": "EUR", "status": "paid"}
        for i in range(40)
    ]  # fmt: skip
    subscriptions = [
        {"source_id": f"s{i}", "updated_at": _at(24 * v), "customer_id": f"c{i}", "mrr": f"{10 * (i + v)}.50",
         "currency": "EUR", "started_at": _at(-2000), "ended_at": _at(300) if v and i % 4 == 0 else None}
        for i in range(12) for v in range(2)
    ]  # fmt: skip
    conversations = [
        {"source_id": f"t{i}", "updated_at": _at(i + 9), "customer_id": f"c{i % 12}", "channel": "email",
         "opened_at": _at(i), "opened_by": "customer", "status": "solved"}
        for i in range(15)
    ]  # fmt: skip
    messages = [
        {"source_id": f"m{i}-{k}", "updated_at": _at(i + k), "conversation_id": f"t{i}", "sent_at": _at(i + k * 0.7),
         "author_type": who, "visibility": "public", "body": f"text {i} {k}"}
        for i in range(15) for k, who in enumerate(["customer", "human", "customer", "human"])
    ]  # fmt: skip
    dead = {"source_id": "r3", "updated_at": _at(900), "deleted": "true"}
    return {
        "customers": customers,
        "survey_responses": [*answers, dead],
        "orders": orders,
        "subscriptions": subscriptions,
        "conversations": conversations,
        "messages": messages,
    }


def _load(bench: Any, data: dict[str, Rows]) -> None:
    for table, rows in data.items():
        report = bench.take(table, rows, source="crm")
        assert not report.rejected, report.reasons


@pytest.mark.slow
def test_i1_replay_shuffled_and_in_overlapping_windows(benches: Callable[[str], Any]) -> None:
    data = fixture()
    first = benches("once")
    _load(first, data)
    state, kpis = first.state(), first.kpis()
    assert len(set(state.values())) > 6

    def agrees(bench: Any, turn: int) -> None:
        """The rows are the same, and so are the KPIs; ordinarily each KPI is asked again after one of three ways."""
        assert bench.state() == state, turn
        for name in kpis if LONG else list(kpis)[turn % 3 :: 3]:
            assert bench.kpis(name) == {name: kpis[name]}, turn

    for round_ in range(10 if LONG else 4):
        if round_ < (3 if LONG else 2):
            _load(first, data)
        else:
            table = sorted(data)[round_ % len(data)]
            first.take(table, data[table], source="crm")
    agrees(first, 0)
    for seed in range(5 if LONG else 1):
        shuffled = benches(f"order{seed}")
        rng = random.Random(seed)
        names = rng.sample(sorted(data), len(data))
        _load(shuffled, {name: rng.sample(data[name], len(data[name])) for name in names})
        agrees(shuffled, 1 + seed)
    windows = benches("windows")
    for table, rows in data.items():
        third = len(rows) // 3
        for start in (2 * third, 0, third):  # each window overlaps the next, the last comes first
            windows.take(table, rows[start : start + 2 * third + 2], source="crm")
    agrees(windows, 2)


@pytest.mark.parametrize("table", ["survey_responses", "customers"])
def test_i2_newest_wins_in_both_orders(benches: Callable[[str], Any], table: str) -> None:
    rng = random.Random(2)
    old, new = [], []
    for i in range(100):
        gap = rng.choice([0.001, 1, 24, 9000])
        row = {"source_id": f"k{i}", "kind": "nps"} if table == "survey_responses" else {"source_id": f"k{i}"}
        old.append({**row, "updated_at": _at(i), "language": f"old {i}"})
        new.append({**row, "updated_at": _at(i + gap), "language": f"new {i}"})
    forwards, backwards, mixed = benches("forwards"), benches("backwards"), benches("mixed")
    for bench, parts in ((forwards, (old, new)), (backwards, (new, old))):
        for part in parts:
            bench.take(table, part, source="crm")
    mixed.take(table, rng.sample([*old, *new], 200), source="crm")
    found = [row["language"] for row in forwards.workspace.lake.table(table).to_pyarrow().to_pylist()]
    assert sorted(found) == sorted(row["language"] for row in new)
    assert forwards.state() == backwards.state() == mixed.state()


def test_i3_duplicates_inside_one_batch(bench: Any) -> None:
    rows = [
        {"source_id": f"k{i}", "kind": "nps", "score": 3 * v, "updated_at": _at(v)}
        for i in range(1000)
        for v in range(3)
    ]
    random.Random(1).shuffle(rows)
    report = bench.take("survey_responses", [*rows, *rows[:50]])
    (counts,) = report.tables
    assert (counts.read, counts.new, counts.older, counts.repeated) == (3050, 1000, 2000, 50)
    assert [row["score"] for row in bench.rows("survey_responses")] == [6.0] * 1000


def test_equal_versions_do_not_depend_on_the_order(benches: Callable[[str], Any]) -> None:
    one = {"source_id": "k", "kind": "nps", "score": 3, "updated_at": _at(1)}
    other = {**one, "score": 8}
    forwards, backwards = benches("forwards"), benches("backwards")
    for bench, rows in ((forwards, (one, other)), (backwards, (other, one))):
        for row in rows:
            bench.take("survey_responses", [row])
    assert forwards.state() == backwards.state()


def test_tombstone_deletes_and_stays_dead_for_late_older_versions(bench: Any) -> None:
    row = {"source_id": "k", "kind": "nps", "score": 3, "updated_at": _at(1), "comment": "secret words"}
    bench.take("survey_responses", [row])
    bench.take("survey_responses", [{"source_id": "k", "deleted": "true", "updated_at": _at(5)}])
    assert bench.workspace.lake.table("survey_responses").count().to_pyarrow().as_py() == 0
    assert [r["comment"] for r in bench.rows("survey_responses", "personal")] == [None]
    late = bench.take("survey_responses", [{**row, "updated_at": _at(4)}])
    assert late.tables[0].older == 1
    assert bench.workspace.lake.table("survey_responses").count().to_pyarrow().as_py() == 0
    bench.take("survey_responses", [{**row, "updated_at": _at(6)}])  # the source brought it back
    assert bench.workspace.lake.table("survey_responses").count().to_pyarrow().as_py() == 1


def test_tombstone_wins_over_a_row_of_the_same_instant(benches: Callable[[str], Any]) -> None:
    rows = [
        [{"source_id": f"k{i}", "kind": "nps", "score": i % 10, "updated_at": _at(1)} for i in range(40)],
        [{"source_id": f"k{i}", "deleted": "true", "updated_at": _at(1)} for i in range(40)],
    ]
    for name, order in (("forwards", rows), ("backwards", rows[::-1])):
        bench = benches(name)
        for part in order:
            bench.take("survey_responses", part)
        assert bench.workspace.lake.table("survey_responses").count().to_pyarrow().as_py() == 0


def test_versions_are_inserted_into_the_past_and_stay_contiguous(bench: Any) -> None:
    rng = random.Random(9)
    rows = [
        {"source_id": f"c{i}", "updated_at": _at(24 * v), "segment": f"v{v}", "name": f"N{v}"}
        for i in range(5)
        for v in range(8)
    ]
    rng.shuffle(rows)
    for start in range(0, len(rows), 8):
        bench.take("customers", rows[start : start + 8], source="crm")
    kept: dict[str, Rows] = {}
    for row in bench.rows("customers"):
        kept.setdefault(row["source_id"], []).append(row)
    for versions in kept.values():
        assert [v["segment"] for v in versions] == [f"v{n}" for n in range(8)]
        assert versions[0]["valid_from"] is None
        assert versions[-1]["valid_to"] is None
        for before, after in pairwise(versions):
            assert before["valid_to"] == after["valid_from"] == after["updated_at"]


def test_unversioned_snapshot_makes_a_version_only_where_it_differs(bench: Any) -> None:
    rows = [{"source_id": "c1", "segment": "a"}, {"source_id": "c2", "segment": "a"}]
    bench.take("customers", rows)
    again = bench.take("customers", rows)
    assert again.tables[0].unchanged == 2
    changed = bench.take("customers", [{**rows[0], "segment": "b"}, rows[1]])
    assert (changed.tables[0].changed, changed.tables[0].unchanged) == (1, 1)
    back = bench.take("customers", rows)
    assert back.tables[0].changed == 1
    assert [r["segment"] for r in bench.rows("customers") if r["source_id"] == "c1"] == ["a", "b", "a"]


def test_equal_rows_without_a_key_are_counted_by_file(bench: Any) -> None:
    row = {"kind": "nps", "score": 9, "answered_at": "2025-01-06 10:00:00"}
    other = {"kind": "nps", "score": 2, "answered_at": "2025-01-06 10:00:00"}
    first = bench.take("survey_responses", [row, other, row])
    assert first.tables[0].new == 3
    shuffled = bench.take("survey_responses", [other, row, row])
    assert (shuffled.tables[0].new, shuffled.tables[0].unchanged) == (0, 3)
    longer = bench.take("survey_responses", [row, row, row, other])
    assert (longer.tables[0].new, longer.tables[0].unchanged) == (1, 3)
