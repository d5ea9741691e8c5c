"""What the store does otherwise in PostgreSQL; what it does alike is tried in test_inbox.py."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from wellheard.store import batches
from wellheard.store.columns import METADATA
from wellheard.store.inbox import Inbox
from wellheard.store.invitations import invite
from wellheard.store.layout import ANSWERS
from wellheard.store.store import Store, newest
from wellheard.store.submission import Submission
from wellheard.store.surveys import save_survey
from wellheard.store.tokens import new_token

NOON = datetime(2026, 3, 2, 12, 17, 31, tzinfo=UTC)
pytestmark = pytest.mark.slow


@pytest.fixture
def store(in_postgres: Callable[[], Store]) -> Store:
    return in_postgres()


@pytest.fixture
def survey(store: Store) -> str:
    with store.writing() as con:
        return save_survey(con, "main", "relationship", "{}", NOON).survey_key


def said(survey: str, score: int, **how: Any) -> Submission:
    rows = [{"question_id": "nps", "kind": "nps", "score": score}]
    return Submission("main", survey, 1, rows, complete=True, arrived_at=NOON, **how)


def test_the_layout_is_the_programs(store: Store) -> None:
    assert store.layout() == newest()
    with store.reading() as con:
        assert compare_metadata(MigrationContext.configure(con), METADATA) == []


def test_two_servers_keep_one_answer_a_key(store: Store, survey: str) -> None:
    inboxes, done = [Inbox(store), Inbox(store)], threading.Semaphore(0)
    keys = [new_token() for _ in range(100)]
    for key in keys:
        for inbox in inboxes:
            inbox.put(said(survey, 9, key=key), lambda _: done.release())
    for _ in range(200):
        assert done.acquire(timeout=60)
    for inbox in inboxes:
        inbox.close()
    with store.reading() as con:
        assert con.scalar(sa.select(sa.func.count()).select_from(ANSWERS)) == 100


def test_p3_after_its_hour_neither_order_nor_transaction_tells_who_gave_an_anonymous_answer(
    store: Store, survey: str
) -> None:
    inbox, arrived = Inbox(store), []
    for i in range(60):
        with store.writing() as con:
            invitation_id, token = invite(con, "main", survey, NOON, anonymous=True)
        arrived.append(invitation_id)
        inbox.take(said(survey, i % 11, anonymous=True, token=token))
    inbox.close()
    with store.writing() as con:
        assert batches.claim(con, "main", NOON + timedelta(hours=1)) is not None
    with store.reading() as con:
        answers = con.execute(sa.text("select given, xmin::text as by from anonymous_answers order by ctid")).all()
        used = con.execute(sa.text("select invitation_id, xmin::text as by from used_invitations order by ctid")).all()
    assert len({row.by for row in answers}) == len({row.by for row in used}) == 1
    assert [json.loads(row.given)[0]["score"] for row in answers] != [i % 11 for i in range(60)]
    assert [row.invitation_id for row in used] != arrived


def test_two_that_claim_at_once_share_the_answers_between_them(store: Store, survey: str) -> None:
    inbox = Inbox(store)
    for i in range(4):
        inbox.take(said(survey, i))
    inbox.close()
    claims: list[batches.Claimed | None] = []

    def claim() -> None:
        with store.writing() as con:
            claims.append(batches.claim(con, "main", NOON))

    second = threading.Thread(target=claim)
    with store.writing() as con:
        claims.append(batches.claim(con, "main", NOON))
        second.start()  # it sees the answers as they were, and waits for their rows
        _until_one_waits(store, second)
    second.join()
    ids = tuple(id for claimed in claims if claimed for id in claimed.batch_ids)
    with store.writing() as con:
        batch = batches.read_batch(con, ids, NOON)
        batches.settle(con, ids, NOON)
        assert batches.claim(con, "main", NOON) is None
    assert len({row["submission_id"] for row in batch.answers}) == len(batch.answers) == 4
    assert claims[1] is None  # what the first had taken, the second left to it


def _until_one_waits(store: Store, thread: threading.Thread) -> None:
    waits = sa.text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    for _ in range(400):
        with store.reading() as con:
            if con.scalar(waits):
                return
        thread.join(0.05)
    raise AssertionError("nobody waited for a row")
