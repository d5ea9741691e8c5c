"""Taking imports back: in any order, with overlaps, with versions, personal columns and the columns of the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wellheard.base.errors import BadCall, Unknown

pytestmark = pytest.mark.slow  # everyday checks leave it out

DAY = "2025-01-{:02d}T10:00:00Z"
KPIS = ("nps", "csat", "revenue_per_user", "first_response_time", "resolution_time")


def answer(key: str, version: int, score: int) -> dict[str, Any]:
    return {
        "source_id": key,
        "updated_at": DAY.format(version),
        "kind": "nps",
        "score": score,
        "answered_at": DAY.format(1),
        "comment": f"{key} at {version}",
    }


A = [answer("k1", 2, 10), answer("k2", 2, 10), answer("k3", 2, 0)]
B = [answer("k2", 3, 0), answer("k3", 3, 9), answer("k4", 3, 3)]
BASE = [answer("k0", 1, 7), answer("k1", 1, 2)]


def taken(bench: Any, rows: list[dict[str, Any]], table: str = "survey_responses") -> str:
    report = bench.take(table, rows, source="s")
    assert not report.rejected, report.reasons
    return str(report.import_id)


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_undo_in_any_order_restores_what_was_replaced(benches: Callable[[str], Any], order: str) -> None:
    bench, without_a = benches("both"), benches("without A")
    taken(bench, BASE)
    start = bench.state(), bench.kpis("nps")
    first = taken(bench, A)
    between = bench.state(), bench.kpis("nps")
    second = taken(bench, B)
    taken(without_a, BASE)
    taken(without_a, B)
    if order == "ba":
        undone = bench.workspace.undo(second)
        assert (undone.removed, undone.restored) == ({"survey_responses": 1}, {"survey_responses": 2})
        assert (bench.state(), bench.kpis("nps")) == between
        bench.workspace.undo(first)
    else:
        bench.workspace.undo(first)
        assert (bench.state(), bench.kpis("nps")) == (without_a.state(), without_a.kpis("nps"))
        bench.workspace.undo(second)
    assert (bench.state(), bench.kpis("nps")) == start


def test_import_again_after_undo_loads_again(bench: Any) -> None:
    taken(bench, BASE)
    first = taken(bench, A)
    state = bench.state()
    bench.workspace.undo(first)
    again = bench.take("survey_responses", A, source="s")
    assert (again.tables[0].new, again.tables[0].changed) == (2, 1)
    assert bench.state() == state
    bench.workspace.undo(str(again.import_id))
    assert [r["source_id"] for r in bench.rows("survey_responses") if not r["deleted"]] == sorted(
        ["k0", "k1"], key=lambda k: next(r["id"] for r in bench.rows("survey_responses") if r["source_id"] == k)
    )


def test_undo_says_which_later_import_brought_the_same(bench: Any) -> None:
    first = taken(bench, A)
    second = taken(bench, A)
    assert bench.workspace.undo(first).again == (second,)


def test_undo_of_a_version_and_of_the_same_version_replaced(bench: Any) -> None:
    def customer(version: int, segment: str) -> dict[str, Any]:
        return {"source_id": "c", "updated_at": DAY.format(version), "segment": segment, "name": f"N {segment}"}

    taken(bench, [customer(1, "a"), customer(5, "e")], "customers")
    start = bench.state()
    past = taken(bench, [customer(3, "c")], "customers")
    with_past = bench.state()
    # The same version with other content: the greater content stays, whichever came first.
    mended = [taken(bench, [customer(3, s)], "customers") for s in ("x", "y", "z")]
    assert [r["valid_to"] is None for r in bench.rows("customers")] == [False, False, True]
    for one in reversed(mended):
        bench.workspace.undo(one)
    assert bench.state() == with_past
    bench.workspace.undo(past)
    assert bench.state() == start


def test_undo_of_a_tombstone_brings_back_the_row_and_its_words(bench: Any) -> None:
    taken(bench, A)
    state = bench.state()
    dead = taken(bench, [{"source_id": "k1", "deleted": "true", "updated_at": DAY.format(9)}])
    assert bench.state() != state
    bench.workspace.undo(dead)
    assert bench.state() == state
    assert "k1 at 2" in [r["comment"] for r in bench.rows("survey_responses", "personal")]


def test_undo_of_messages_takes_back_the_clock(bench: Any) -> None:
    opened = [{"source_id": f"t{i}", "opened_at": DAY.format(2), "channel": "email"} for i in range(3)]
    # One conversation whose source itself knows its first reply, the others by their messages alone.
    opened[0] |= {"first_response_seconds": "600"}
    talk = [
        {
            "source_id": f"m{i}{who}",
            "conversation_id": f"t{i}",
            "author_type": who,
            "sent_at": f"2025-01-02T{hour}:00:00Z",
        }
        for i in range(3)
        for who, hour in (("customer", 10 + i), ("human", 13))
    ]
    rows = [{**row, "first_response_seconds": row.get("first_response_seconds")} for row in opened]
    taken(bench, rows, "conversations")
    start = bench.state(), bench.kpis(*KPIS)
    said = taken(bench, talk, "messages")
    assert bench.kpis(*KPIS) != start[1]
    conversations = taken(bench, [{**rows[1], "channel": "chat"}], "conversations")
    bench.workspace.undo(said)
    bench.workspace.undo(conversations)
    assert bench.kpis(*KPIS) == start[1]
    assert {k: v for k, v in bench.state().items() if "messages" in k} == {
        k: v for k, v in start[0].items() if "messages" in k
    }


def test_undo_is_refused_with_reason(bench: Any) -> None:
    first = taken(bench, A)
    with pytest.raises(Unknown, match="there is no import"):
        bench.workspace.undo("nothing")
    bench.workspace.undo(first)
    with pytest.raises(BadCall, match="taken back already"):
        bench.workspace.undo(first)


def test_imports_list_counts(bench: Any) -> None:
    taken(bench, A)
    second = bench.take("survey_responses", [*B, B[0], {**B[0], "source_id": "", "kind": "nps"}], source="s")
    newest = bench.workspace.imports()[0]
    assert newest.import_id == second.import_id
    assert newest.source == "s"
    (counts,) = newest.tables
    assert counts == {
        "table": "survey_responses", "read": 5, "new": 1, "changed": 2, "unchanged": 0, "older": 0, "repeated": 1,
        "rejected": 1,
    }  # fmt: skip
    bench.workspace.undo(newest.import_id)
    assert bench.workspace.imports()[0].undone_at is not None


def test_undo_after_a_nightly_flush_and_merge(bench: Any) -> None:
    """What keeps the lake tidy at night must not take away the way back."""
    taken(bench, BASE)
    start = bench.state()
    first = taken(bench, A)
    con = bench.workspace.lake.con
    for lake in ("facts", "personal"):
        con.execute(f"call ducklake_flush_inlined_data('{lake}')")
        con.execute(f"call ducklake_merge_adjacent_files('{lake}')")
    bench.workspace.undo(first)
    assert bench.state() == start


def test_undo_is_refused_once_the_state_before_is_gone(bench: Any) -> None:
    taken(bench, BASE)
    first = taken(bench, A)
    taken(bench, B)
    for lake in ("facts", "personal"):
        bench.workspace.lake.con.execute(f"call ducklake_expire_snapshots('{lake}', older_than => now())")
    with pytest.raises(BadCall, match="no longer kept"):
        bench.workspace.undo(first)
