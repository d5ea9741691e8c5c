"""Answers reach the lake exactly once, count as their KPIs say, and anonymous ones only after their hour."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from wellheard import jobs
from wellheard.app import Workspace
from wellheard.jobs import merge_answers
from wellheard.store import batches
from wellheard.store.inbox import Inbox
from wellheard.store.invitations import invite, mark
from wellheard.store.store import Store, open_store
from wellheard.store.unnamed import delete_by_receipt
from wellheard.surveys.collect import collect, sent_from
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf

NOON = datetime(2026, 3, 2, 12, 17, 31, tzinfo=UTC)
NPS = 'name = "Relationship"\n[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'


class Asking:
    """A workspace with two surveys, whose answers are given and merged at times of the test's choice."""

    def __init__(self, desk: Any, folder: Path) -> None:
        self.desk = desk
        self.workspace: Workspace = desk.workspace
        surveys = folder / "surveys"
        surveys.mkdir()
        (surveys / "relationship.toml").write_text(NPS, "utf-8")
        (surveys / "staff.toml").write_text("anonymous = true\n" + NPS, "utf-8")
        self.store_file = folder / "store.sqlite"
        self.store: Store = open_store(folder, self.workspace.settings)
        self.inbox = Inbox(self.store)
        self.surveys = {s.id: s for s in Published(self.store, Shelf(surveys), "main").all()}

    def answer(self, score: int, at: datetime = NOON, survey: str = "relationship", why: str = "", **sent: Any) -> Any:
        given = sent_from({"answers": {"nps": score, "why": why}, **sent})
        submission, _ = collect(self.surveys[survey], 1, "main", given, at)
        assert submission is not None
        return self.inbox.take(submission)

    def merge(self, at: datetime = NOON) -> int:
        return merge_answers(self.workspace, self.store, lambda: at)

    def nps(self, **how: Any) -> tuple[Any, int]:
        row = self.desk.one("nps", **how)
        return row["value"], row["n"]

    def lying(self) -> list[dict[str, Any]]:
        found = self.desk.sql("select * from facts.main.survey_responses where not deleted order by source_id")
        rows: list[dict[str, Any]] = found.astype(object).where(found.notna(), None).to_dict("records")
        return rows

    def close(self) -> None:
        self.inbox.close()
        self.store.close()


@pytest.fixture
def asking(new_desk: Callable[[], Any], tmp_path: Path) -> Iterator[Asking]:
    made = Asking(new_desk(), tmp_path)
    yield made
    made.close()


def test_answers_count_once_they_are_merged_and_only_once(asking: Asking) -> None:
    for score in (10, 9, 8, 0):
        asking.answer(score, why="so it is" if score == 0 else "")
    assert asking.merge() == 5
    assert asking.merge() == 0
    assert asking.nps() == (25.0, 4)
    row = asking.lying()[0]
    assert (row["survey_id"], row["kind"], row["scale_min"], row["scale_max"]) == ("relationship", "nps", 0.0, 10.0)
    assert row["question_version"] == "nps-1"
    comments = asking.desk.sql("select comment from personal.main.survey_responses where comment is not null")
    assert list(comments["comment"]) == ["so it is"]


def test_a_crash_between_lake_and_store_doubles_nothing(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    asking.answer(10)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "settle", crash)
        with pytest.raises(KeyboardInterrupt):
            asking.merge()
    assert asking.nps() == (100.0, 1)  # the lake has it, and the store does not know
    asking.answer(0)
    assert asking.merge() == 1  # the same batch again
    assert asking.merge() == 1
    assert asking.nps() == (0.0, 2)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_deliver", crash)  # and before the lake
        asking.answer(10)
        with pytest.raises(KeyboardInterrupt):
            asking.merge()
    asking.merge()
    assert asking.nps()[1] == 3


def test_a_batch_is_claimed_in_slices_and_goes_as_one(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SLICE", 2)
    for _ in range(5):
        asking.answer(10)
    assert asking.merge() == 5
    assert asking.merge() == 0
    assert asking.nps() == (100.0, 5)


class Merger(threading.Thread):
    """Merges in SQLite on its own; it stops in its tracks after the second write of a claim until it may go on."""

    def __init__(self, asking: Asking, killed: bool) -> None:
        super().__init__(daemon=True)
        self.asking, self.killed = asking, killed
        self.reading = asking.store.reading
        self.stopped, self.going = threading.Event(), threading.Event()
        self.writes = self.merged = 0

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self.asking.store.writing() as con:
            yield con
        self.writes += 1
        if self.writes == 2:
            self.stopped.set()
            assert self.going.wait(20)
        elif self.killed and self.writes == 3:
            raise KeyboardInterrupt

    def run(self) -> None:
        with suppress(KeyboardInterrupt):
            self.merged = merge_answers(self.asking.workspace, self, lambda: NOON)  # type: ignore[arg-type]


def test_what_one_claims_while_another_merges_what_it_took_for_left_behind_is_not_lost(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SLICE", 2)
    for _ in range(7):
        asking.answer(10)
    first, deliver = Merger(asking, killed=True), jobs._deliver

    def meanwhile(*what: Any) -> None:  # the second has read its batches: the first claims more, and is killed
        first.going.set()
        first.join()
        deliver(*what)

    first.start()
    assert first.stopped.wait(20)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_deliver", meanwhile)
        assert asking.merge() == 4
    assert (first.writes, first.merged) == (3, 0)
    assert [asking.merge() for _ in range(3)] == [2, 1, 0]
    assert asking.nps() == (100.0, 7)


def test_two_that_merge_the_same_bring_every_answer_once(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SLICE", 2)
    kept = [asking.answer(10) for _ in range(7)]
    first = Merger(asking, killed=False)
    first.start()
    assert first.stopped.wait(20)
    assert [asking.merge(), asking.merge(), asking.merge()] == [4, 3, 0]
    asking.answer(0, NOON + timedelta(minutes=1), edit=kept[0].edit)
    first.going.set()
    first.join()
    assert first.merged == 4  # the three that stand in its two batches, and the changed one
    assert asking.merge() == 0
    assert asking.nps() == (pytest.approx(100 * 5 / 7), 7)


def test_tidying_brings_the_journal_into_the_file_while_others_write(asking: Asking) -> None:
    journal = asking.store_file.with_name("store.sqlite-wal")
    kept = asking.answer(9)
    asking.store.tidy()
    length = journal.stat().st_size
    assert kept.submission_id.encode() in asking.store_file.read_bytes()
    asking.answer(9)
    assert journal.stat().st_size == length > 0  # it is written from its beginning again
    with asking.store.writing():  # while somebody writes, what can be done is done
        asking.store.tidy()


@pytest.mark.parametrize("took", [0.05, 0.4, 1.2, 1.7])
@pytest.mark.parametrize("merged", [0, 50, 5_000])
def test_an_answer_waits_five_seconds_for_the_lake_at_the_most(merged: int, took: float) -> None:
    """At the worst it comes just after a merge began: it waits for that one, the rest and its own."""
    assert took + jobs._rest(merged, took) + took < 5
    assert jobs._rest(batches.MOST, took) == jobs.EVERY  # what did not fit into a batch goes on at once


def test_a_change_replaces_and_what_is_answered_no_more_goes(asking: Asking) -> None:
    kept = asking.answer(0, why="never again")
    asking.merge()
    with asking.store.writing() as con:  # changed while its batch is on its way
        claimed = batches.claim(con, "main", NOON)
    assert claimed is None
    asking.answer(10, NOON + timedelta(minutes=1), edit=kept.edit)
    assert asking.merge() == 2  # the score, and the tombstone of the comment
    assert asking.nps() == (100.0, 1)
    assert [row["question_id"] for row in asking.lying()] == ["nps"]


def test_a_change_while_a_batch_is_on_its_way_is_not_lost(asking: Asking) -> None:
    kept = asking.answer(0)
    with asking.store.writing() as con:
        claimed = batches.claim(con, "main", NOON)
    assert claimed is not None
    asking.answer(9, NOON + timedelta(minutes=1), edit=kept.edit)
    assert (asking.merge(), asking.merge(), asking.merge()) == (0, 1, 0)
    assert asking.nps() == (100.0, 1)


def test_flagged_answers_lie_in_the_lake_and_do_not_count(asking: Asking) -> None:
    asking.answer(10)
    asking.answer(0, website="https://spam.example")
    asking.answer(0, seconds_taken=0.1)
    asking.merge()
    assert asking.nps() == (100.0, 1)
    assert sorted(str(row["flag"]) for row in asking.lying()) == ["None", "spam", "too_fast"]
    left_out = [row["why"] for row in asking.desk.kpi("nps", rows=True) if row["why"] != "counted"]
    assert left_out == ["flagged as a program's or a second answer"] * 2


def test_invitations_reach_the_lake_and_their_answers_name_them(asking: Asking) -> None:
    key, about = asking.surveys["relationship"].key, {"customer_id": "c7", "channel": "email"}
    with asking.store.writing() as con:
        made = [invite(con, "main", key, NOON - timedelta(days=20), about=about) for _ in range(2)]
        for id, _ in made:
            mark(con, id, NOON, sent_at=NOON - timedelta(days=20), delivered_at=NOON - timedelta(days=20))
    asking.answer(9, invitation=made[0][1])
    asking.merge()
    row = asking.desk.one("response_rate")
    assert (row["value"], row["n"]) == (50.0, 2)
    assert [(r["customer_id"], r["channel"]) for r in asking.lying()] == [("c7", "email")]


def test_p3_anonymous_answers_wait_for_the_end_of_their_hour(asking: Asking) -> None:
    key = asking.surveys["staff"].key
    with asking.store.writing() as con:
        id, token = invite(con, "main", key, NOON - timedelta(days=2), anonymous=True, about={"customer_id": "c7"})
        mark(con, id, NOON, sent_at=NOON - timedelta(days=2))
    asking.answer(9, survey="staff", invitation=token)
    asking.merge(NOON)  # the invitation alone
    assert asking.lying() == []
    assert asking.desk.sql("select answered_at from facts.main.survey_invitations")["answered_at"].isna().all()
    end = datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert asking.merge(end - timedelta(seconds=1)) == 0
    asking.merge(end + timedelta(seconds=1))
    (row,) = asking.lying()
    assert row["answered_at"].to_pydatetime() == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert [row[name] for name in ("customer_id", "invitation_id", "agent_id", "account_id")] == [None] * 4
    told = asking.desk.sql("select answered_at from facts.main.survey_invitations")["answered_at"]
    assert [t.to_pydatetime() for t in told] == [datetime(2026, 3, 2, tzinfo=UTC)]


def test_p3_a_deleted_anonymous_answer_leaves_the_lake(asking: Asking) -> None:
    kept = [asking.answer(score, survey="staff", why="private") for score in (10, 0)]
    asking.merge(NOON + timedelta(hours=1))
    assert asking.nps() == (0.0, 2)
    later = NOON + timedelta(hours=3)
    with asking.store.writing() as con:
        delete_by_receipt(con, asking.surveys["staff"].key, kept[1].edit, later)
    asking.merge(later + timedelta(hours=1))
    assert asking.nps() == (100.0, 1)
