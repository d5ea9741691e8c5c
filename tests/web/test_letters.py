"""The end of a letter: a link that mail scanners may open, and one click by which letters stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.web.test_public import Door

from wellheard.store.deliveries import Outgoing, queue
from wellheard.store.refusals import refuse, refusing
from wellheard.store.vault import Vault, new_key

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LETTER, NOTICE = "a" * 32, "b" * 32


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    vault = Vault((new_key(),))
    with made.store.writing() as con:
        for key, kind in ((LETTER, "letter"), (NOTICE, "notice")):
            queue(con, "main", vault, Outgoing(key, kind, "mail", "News", {}, recipient="Ann@x.example"), NOON)
    yield made
    made.close()


def refused(door: Door, workspace: str = "main") -> bool:
    with door.store.reading() as con:
        return "ann@x.example" in refusing(con, workspace, [], ["ann@x.example"])[1]


def test_opening_the_link_changes_nothing_and_one_click_does(door: Door) -> None:
    for _ in range(3):  # scanners open every link
        assert door.client.get(f"/stop/{LETTER}").status_code == 200
    assert not refused(door)
    # As mail programs send it (RFC 8058): the field alone, without a cookie or a token.
    done = door.client.post(f"/stop/{LETTER}", data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert refused(door)
    assert not refused(door, "other")
    assert door.client.post(f"/stop/{LETTER}").status_code == 200  # once is as good as twice


@pytest.mark.parametrize("key", [NOTICE, "c" * 32, "x", "A" * 32, "a" * 32 + "%0A"])
def test_a_key_that_is_no_letters_stops_nothing(door: Door, key: str) -> None:
    assert door.client.post(f"/stop/{key}").status_code == 404
    assert not refused(door)


def test_a_refusal_is_kept_by_its_hash_alone(door: Door, tmp_path: Path) -> None:
    with door.store.writing() as con:
        refuse(con, "main", "c1", "secret-person@x.example", "letter", NOON)
        refuse(con, "main", "c1", "secret-person@x.example", "letter", NOON)
        assert refusing(con, "main", ["c1", "c2"])[0] == {"c1"}
    lying = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"secret-person" not in lying
