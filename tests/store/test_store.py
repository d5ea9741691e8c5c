"""The store opens, brings itself up to date, refuses what is newer, and keeps what it was told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from wellheard.base.errors import BrokenHome
from wellheard.base.settings import Settings
from wellheard.store import followup, layout
from wellheard.store.columns import METADATA
from wellheard.store.store import FILE, newest, open_store
from wellheard.store.tokens import hashed, new_id, new_token

SURVEY = {"survey_key": "a" * 32, "workspace": "main", "survey_id": "relationship"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_a_new_store_is_made_by_migrations_and_looks_as_the_program_says(home: Path) -> None:
    store = open_store(home, Settings())
    assert store.layout() == newest()
    assert followup.CASES.metadata is METADATA  # the tables of every file are there to compare
    with store.reading() as con:
        assert compare_metadata(MigrationContext.configure(con), METADATA) == []
        made = {row[0]: row[1] for row in con.execute(sa.text("select name, sql from sqlite_master")) if row[1]}
    for name in ("used_invitations", "anonymous_answers"):
        assert "WITHOUT ROWID" in made[name]
    store.close()


def test_sqlite_waits_for_the_disk_at_every_commit(home: Path) -> None:
    store = open_store(home, Settings())
    with store.reading() as con:
        assert con.scalar(sa.text("pragma journal_mode")) == "wal"
        assert con.scalar(sa.text("pragma synchronous")) == 2
    store.close()


def test_what_fails_half_way_leaves_nothing(home: Path) -> None:
    store = open_store(home, Settings())

    def fail() -> None:
        with store.writing() as con:
            con.execute(layout.SURVEYS.insert().values(**SURVEY, made_at=datetime.now(UTC)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading() as con:
        assert con.scalar(sa.select(sa.func.count()).select_from(layout.SURVEYS)) == 0
    store.close()


def test_moments_come_back_in_utc(home: Path) -> None:
    store = open_store(home, Settings())
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=5)))
    with store.writing() as con:
        con.execute(layout.SURVEYS.insert().values(**SURVEY, made_at=moment))
    with store.reading() as con:
        assert con.scalar(sa.select(layout.SURVEYS.c.made_at)) == datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    store.close()


def test_r6_an_older_program_refuses_a_newer_store(home: Path) -> None:
    open_store(home, Settings()).close()
    with sqlite3.connect(home / FILE) as db:
        db.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(BrokenHome, match="newer version of Wellheard"):
        open_store(home, Settings())


def test_a_file_that_is_no_store_is_named(home: Path) -> None:
    (home / FILE).write_bytes(b"this is no database " * 100)
    with pytest.raises(BrokenHome, match="cannot be opened"):
        open_store(home, Settings())


def test_an_address_that_is_no_database_is_refused_without_being_shown(home: Path) -> None:
    with pytest.raises(BrokenHome) as refused:
        open_store(home, Settings(store=SecretStr("mysql://root:sesame@host/db")))
    assert "sesame" not in str(refused.value)


def test_several_processes_may_open_a_new_store_at_once(home: Path) -> None:
    code = """
import sys
from pathlib import Path
from wellheard.base.settings import Settings
from wellheard.store.store import open_store
print(open_store(Path(sys.argv[1]), Settings()).layout())
"""
    call = [sys.executable, "-c", code, str(home)]
    running = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate()[0].strip() for p in running] == [newest()] * 3


def test_migrations_follow_one_another() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from wellheard.store.store import VERSIONS

    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [s.revision for s in reversed(steps)] == [f"{n:04d}" for n in range(1, len(steps) + 1)]
    assert len(steps) == len(list(VERSIONS.glob("v*.py")))


@pytest.mark.parametrize("make", [new_id, new_token])
def test_s10_names_have_128_random_bits_and_never_meet(make: object) -> None:
    long = os.environ.get("WELLHEARD_TEST_LONG")
    made = {make() for _ in range(1_000_000 if long else 50_000)}  # type: ignore[operator]
    assert len(made) == (1_000_000 if long else 50_000)
    assert {len(name) for name in made} in ({32}, {22})


def test_tokens_are_kept_as_hashes() -> None:
    token = new_token()
    assert hashed(token) == hashed(token) != hashed(new_token())
    assert token not in hashed(token)
