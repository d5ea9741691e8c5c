"""The outbox and the cases: claimed once each, by however many, in SQLite as in PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wellheard.base.errors import BadCall, Unknown
from wellheard.base.settings import Settings
from wellheard.store import deliveries as outbox
from wellheard.store import keyed_calls
from wellheard.store.cases import Opening, Search, cases, open_case, overdue
from wellheard.store.connections import connections, keep_connection, note_failed, reseal
from wellheard.store.deliveries import LEASE, Outgoing
from wellheard.store.firings import Firing, acted_since, record
from wellheard.store.store import Store, open_store
from wellheard.store.vault import Vault, new_key

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VAULT = Vault((new_key(),))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        made: Callable[[], Store] = request.getfixturevalue("in_postgres")
        yield made()
        return
    opened = open_store(tmp_path, Settings())
    yield opened
    opened.close()


def queued(store: Store, many: int) -> None:
    with store.writing() as con:
        for n in range(many):
            outbox.queue(con, "main", VAULT, Outgoing(f"{n:032x}", "notice", "chat", f"No {n}", {"n": n}), NOON)


def test_many_who_claim_at_once_get_each_delivery_once(store: Store) -> None:
    queued(store, 40)

    def claim(_: int) -> list[int]:
        with store.writing() as con:
            return [d.number for d in outbox.claim(con, "main", VAULT, NOON, 7)]

    with ThreadPoolExecutor(8) as pool:
        claimed = [number for some in pool.map(claim, range(12)) for number in some]
    assert len(claimed) == len(set(claimed)) == 40


def test_a_claim_runs_out_and_its_delivery_is_tried_again_with_its_key(store: Store) -> None:
    queued(store, 1)
    with store.writing() as con:
        (first,) = outbox.claim(con, "main", VAULT, NOON)
        assert outbox.claim(con, "main", VAULT, NOON + LEASE - timedelta(seconds=1)) == []
        (again,) = outbox.claim(con, "main", VAULT, NOON + LEASE)
    assert (first.key, first.attempts, again.key, again.attempts) == (again.key, 1, first.key, 2)
    assert again.message == {"n": 0}
    assert again.first_at == NOON


def test_the_same_key_is_queued_once_and_a_workspace_sees_its_own(store: Store) -> None:
    queued(store, 2)
    queued(store, 2)
    with store.writing() as con:
        assert len(outbox.deliveries(con, "main", VAULT)) == 2
        assert outbox.deliveries(con, "other", VAULT) == []
        assert outbox.claim(con, "other", VAULT, NOON) == []
        with pytest.raises(Unknown):
            outbox.delivery(con, "other", VAULT, 1)
        with pytest.raises(BadCall):
            outbox.replay(con, "main", outbox.deliveries(con, "main", VAULT)[0].number, NOON)


def test_a_case_and_a_firing_are_there_once(store: Store) -> None:
    firing = Firing("r", "s", NOON, NOON, "acted", person="p")
    with store.writing() as con:
        assert [record(con, "main", firing), record(con, "main", firing)] == [True, False]
        assert record(con, "other", firing)
        assert acted_since(con, "main", "r", NOON) == [firing]
        numbers = [
            open_case(con, "main", Opening("answer", s, s, {"text": "Ünder"}, due_at=NOON), NOON) for s in "abca"
        ]
    assert [new for _, new in numbers] == [True, True, True, False]
    assert numbers[0][0] == numbers[3][0]
    later = NOON + timedelta(hours=1)
    with store.reading() as con:
        assert len(cases(con, "main", Search(text="nder"), NOON)) == 3
        assert cases(con, "main", Search(text="100%"), NOON) == []
        assert len(overdue(con, "main", later)) == 3
        assert len(cases(con, "main", Search(overdue=True), later)) == 3


def test_secrets_are_sealed_anew_and_failures_end_in_being_disabled(store: Store) -> None:
    old, new = new_key(), new_key()
    with store.writing() as con:
        keep_connection(con, "main", Vault((old,)), "chat", "slack", {}, {"token": "sesame"}, NOON)
        assert reseal(con, Vault((new, old))) == 1
        assert connections(con, "main", Vault((new,)))["chat"].secrets == {"token": "sesame"}
        told = [note_failed(con, "main", "chat", "no", NOON + timedelta(days=d)) for d in (0, 4, 5, 6)]
    assert told == [False, False, True, False]


def test_keyed_calls_are_begun_once_by_many(store: Store) -> None:
    def begin(_: int) -> object:
        return keyed_calls.begin(store, "main", "owner", "k", "b" * 64, NOON)

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(begin, range(24)))
    assert begun.count(True) == 1
    assert begun.count(False) == 23


def test_waits_are_drawn_anew_for_each() -> None:
    drawn = {outbox.wait_before(3, None, random.Random(n)) for n in range(50)}
    assert len(drawn) == 50
