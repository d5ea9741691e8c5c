"""The clock's columns follow what is loaded, in whatever order it comes, and follow it back when it goes."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wellheard.app import Workspace
from wellheard.enrich.clock import VERSION
from wellheard.enrich.conversation_times import fill_times
from wellheard.warehouse import load

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
MADE = ("first_customer_at", "first_human_reply_at", "resolved_at", "first_response_seconds", "resolution_seconds")


def at(hour: int, minute: int = 0) -> str:
    return f"2025-03-03T{hour:02d}:{minute:02d}:00Z"


def conversation(key: str, **more: Any) -> dict[str, Any]:
    return {"source_id": key, "opened_at": at(9), "opened_by": "customer", "channel": "email", **more}


def message(key: str, of: str, who: str, hour: int, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"source_id": key, "conversation_id": of, "author_type": who, "sent_at": at(hour, minute), **more}


def solved(key: str, of: str, hour: int, new: str = "solved") -> dict[str, Any]:
    return {
        "source_id": key,
        "conversation_id": of,
        "changed_at": at(hour),
        "field": "status",
        "old": "open",
        "new": new,
    }


class Talk:
    """Loads conversations and what happened in them, and gives the clock's columns."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk

    def load(self, source: str = "helpdesk", **rows: list[dict[str, Any]]) -> str:
        return str(self.desk.deliver(rows, source).import_id)

    def made(self) -> dict[str, dict[str, Any]]:
        rows = self.desk.workspace.lake.table("conversations").to_pyarrow().to_pylist()
        return {f"{r['source']}:{r['source_id']}": {name: _utc(r[name]) for name in MADE} for r in rows}

    def seconds(self, key: str = "helpdesk:t1") -> tuple[float | None, float | None]:
        row = self.made()[key]
        return row["first_response_seconds"], row["resolution_seconds"]


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@pytest.fixture
def talk(desk: Any) -> Talk:
    return Talk(desk)


def test_worked_example(talk: Talk) -> None:
    talk.load(
        conversations=[conversation("t1")],
        messages=[
            message("m1", "t1", "customer", 9),
            message("m2", "t1", "bot", 9, 1),
            message("m3", "t1", "human", 9, 30, visibility="internal"),
            message("m4", "t1", "human", 11, 15),
        ],
        status_events=[solved("e1", "t1", 14)],
    )
    assert talk.seconds() == (2 * 3600 + 900, 5 * 3600)
    row = talk.made()["helpdesk:t1"]
    assert row["first_human_reply_at"] == datetime(2025, 3, 3, 11, 15, tzinfo=UTC)
    assert row["resolved_at"] == datetime(2025, 3, 3, 14, tzinfo=UTC)


@pytest.mark.slow
def test_what_a_source_gives_stays_where_it_has_no_messages(talk: Talk) -> None:
    talk.load(
        conversations=[conversation("t1", first_response_seconds=600, resolution_seconds=7200), conversation("t2")]
    )
    assert talk.seconds() == (600, 7200)
    first = talk.load(messages=[message("m1", "t1", "customer", 9), message("m2", "t1", "human", 10)])
    assert talk.seconds()[0] == 3600
    talk.desk.workspace.undo(first)
    assert talk.seconds() == (600, 7200)


def test_nothing_that_a_source_gives_is_lost(talk: Talk) -> None:
    """Every column of the clock that a source without messages and status events fills comes out as it went in."""
    given: dict[str, Any] = {
        "first_reopened_at": at(12),
        "reopen_count": 2,
        "first_resolution_seconds": 3600,
        "first_resolution_business_seconds": 1800,
        "waiting_on_us_seconds": 900,
        "waiting_on_us_business_seconds": 600,
        "first_response_due_at": at(10),
        "resolution_due_at": at(17),
        "handed_off_at": at(9, 5),
        "handoff_response_seconds": 300,
        "handoff_response_business_seconds": 240,
        "customer_messages": 4,
        "human_replies": 3,
        "human_agents": 2,
        "handoffs": 1,
    }
    talk.load(conversations=[conversation("t1", **given)])
    (row,) = talk.desk.workspace.lake.table("conversations").to_pyarrow().to_pylist()
    seen = {name: _utc(row[name]) for name in given}
    assert seen == {name: datetime.fromisoformat(v) if isinstance(v, str) else v for name, v in given.items()}


@pytest.mark.slow
def test_messages_before_their_conversation_and_late_ones(talk: Talk) -> None:
    talk.load(messages=[message("m2", "t1", "human", 12)])
    assert talk.made() == {}
    talk.load(conversations=[conversation("t1")])
    talk.load(messages=[message("m1", "t1", "customer", 10)])
    assert talk.seconds()[0] == 2 * 3600
    talk.load(messages=[message("m3", "t1", "human", 10, 20)])  # it was sent between, and comes late
    assert talk.seconds()[0] == 20 * 60
    talk.load(status_events=[solved("e1", "t1", 13)])
    assert talk.seconds()[1] == 3 * 3600


@pytest.mark.slow
def test_a_deleted_message_leaves_the_clock(talk: Talk) -> None:
    talk.load(
        conversations=[conversation("t1")],
        messages=[
            message("m1", "t1", "customer", 9),
            message("m2", "t1", "human", 10),
            message("m3", "t1", "human", 12),
        ],
    )
    assert talk.seconds()[0] == 3600
    dead = talk.load(messages=[{"source_id": "m2", "deleted": "true"}])
    assert talk.seconds()[0] == 3 * 3600
    talk.desk.workspace.undo(dead)
    assert talk.seconds()[0] == 3600


@pytest.mark.slow
def test_a_message_that_moves_leaves_one_clock_for_another(talk: Talk) -> None:
    talk.load(
        conversations=[conversation("t1"), conversation("t2")],
        messages=[
            message("m1", "t1", "customer", 9),
            message("m2", "t2", "customer", 9),
            message("m3", "t1", "human", 10),
        ],
    )
    before = talk.made()
    moved = talk.load(messages=[message("m3", "t2", "human", 10)])
    assert talk.seconds("helpdesk:t1")[0] is None
    assert talk.seconds("helpdesk:t2")[0] == 3600
    talk.desk.workspace.undo(moved)
    assert talk.made() == before


@pytest.mark.slow
def test_rows_of_another_source_join_only_where_one_conversation_can_be_meant(talk: Talk) -> None:
    talk.load(conversations=[conversation("t1")])
    said = [message("m1", "t1", "customer", 9), message("m2", "t1", "human", 11)]
    talk.load("chatlog", messages=said)
    assert talk.seconds()[0] == 2 * 3600
    second = talk.load("other", conversations=[conversation("t1")])
    assert talk.seconds()[0] is None  # which of the two is meant cannot be told any more
    talk.load(messages=[message("m8", "t1", "customer", 9), message("m9", "t1", "human", 10)])
    assert talk.seconds()[0] == 3600  # rows of its own source always join
    assert talk.seconds("other:t1")[0] is None
    talk.desk.workspace.undo(second)
    assert talk.seconds()[0] == 3600


@pytest.mark.slow
def test_opening_hours_that_change_move_every_clock(talk: Talk) -> None:
    talk.load(
        conversations=[conversation("t1")],
        messages=[message("m1", "t1", "customer", 9), message("m2", "t1", "human", 12)],
    )
    lake = talk.desk.workspace.lake

    def business() -> float | None:
        found = lake.table("conversations").to_pyarrow().to_pylist()[0]["first_response_business_seconds"]
        return None if found is None else float(found)

    assert business() is None
    week = [
        {"source_id": f"d{d}", "schedule_id": "main", "zone": "UTC", "weekday": d, "opens": "10:00", "closes": "17:00"}
        for d in range(7)
    ]
    talk.load(schedules=week)
    assert business() == 2 * 3600


@pytest.mark.slow
def test_only_what_was_touched_is_computed_anew(talk: Talk) -> None:
    talk.load(
        conversations=[conversation(f"t{n}") for n in range(5)],
        messages=[message(f"m{n}", f"t{n}", "customer", 9) for n in range(5)],
        status_events=[solved(f"e{n}", f"t{n}", 9) for n in range(5)],
    )
    counted: list[int] = []

    def counting(lake: Any, touched: Any) -> None:
        counted.append(fill_times(lake, touched))

    workspace: Workspace = talk.desk.workspace
    path = Path(workspace.folder) / "more.csv"
    path.write_text(f"source_id,conversation_id,author_type,sent_at\nm9,t3,human,{at(10)}\n")
    from wellheard.sources import files
    from wellheard.sources.recipe import completed, mapped

    class File:
        name = "more.csv"
        opened = files.open_file(path, files.detect(path))
        columns = opened.columns

        def batches(self) -> Any:
            return self.opened.batches()

    recipe = completed(mapped("messages", "helpdesk", {}, {}), File.columns)
    load.take(
        workspace.lake,
        recipe,
        [File()],
        default_zone="UTC",
        rejects_folder=workspace.folder / "rejects",
        enrich=counting,
    )
    assert counted == [1]
    versions = workspace.lake.con.execute("select distinct made_by__clock from facts.main.conversations").fetchall()
    assert versions == [(VERSION,)]


@pytest.mark.slow
def test_order_of_loading_is_nothing(talk: Talk) -> None:
    rng = random.Random(5)
    conversations = [conversation(f"t{n}", updated_at=at(9, n)) for n in range(8)]
    messages = [
        message(f"m{n}-{k}", f"t{n}", rng.choice(["customer", "human", "bot"]), 9 + k, rng.randrange(60))
        for n in range(8)
        for k in range(5)
    ]
    events = [solved(f"e{n}", f"t{n}", 12 + n % 6, rng.choice(["solved", "open"])) for n in range(8)]
    moved = [{**messages[3], "conversation_id": "t7", "updated_at": at(20)}]
    found = []
    for order in range(5 if LONG else 2):
        parts = [
            ("conversations", conversations),
            ("messages", messages),
            ("status_events", events),
            ("messages", moved),
        ]
        if order:
            parts = [(name, rows[i::2]) for name, rows in parts for i in range(2) if rows[i::2]]
            rng.shuffle(parts)
        for name, rows in parts:
            stamped = [{"updated_at": at(8), **row} for row in rows]
            talk.load(**{name: stamped})
        found.append(talk.made())
        talk.desk.clear()
    assert all(made == found[0] for made in found)
    assert any(row["first_response_seconds"] for row in found[0].values())


@pytest.mark.slow
def test_a_clock_that_runs_follows_the_end_of_the_data(talk: Talk) -> None:
    """Who waits longest is not who was loaded last: another conversation's message moves the end for both."""
    talk.load(conversations=[conversation("t1")], messages=[message("m1", "t1", "customer", 9)])

    def waited() -> dict[str, tuple[float | None, float | None]]:
        rows = talk.desk.workspace.lake.table("conversations").to_pyarrow().to_pylist()
        return {row["source_id"]: (row["unanswered_seconds"], row["unresolved_seconds"]) for row in rows}

    assert waited() == {"t1": (0, 0)}
    later = talk.load(conversations=[conversation("t2")], messages=[message("m2", "t2", "customer", 11)])
    assert waited() == {"t1": (7200, 7200), "t2": (0, 0)}
    talk.desk.workspace.undo(later)
    assert waited() == {"t1": (0, 0)}
