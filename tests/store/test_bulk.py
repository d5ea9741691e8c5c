"""Rows written past SQLAlchemy's work on values lie as SQLAlchemy would have written them."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from wellheard.base.settings import Settings
from wellheard.store.bulk import AS_TEXT, AT_ONCE, add, rows_of, rows_with
from wellheard.store.layout import ANSWERS
from wellheard.store.store import open_store
from wellheard.store.surveys import save_survey

NOON = datetime(2026, 3, 2, 12, 17, 31, 500, tzinfo=UTC)


def row(survey: str, number: int, at: datetime = NOON) -> dict[str, Any]:
    texts = {c.name: None for c in ANSWERS.columns if c.name not in ("number", "deleted_at")}
    return texts | {
        "submission_id": f"s{number}", "workspace": "main", "survey_key": survey, "version": 1,
        "key_hash": f"k{number}", "body_hash": "b", "given": '[{"comment":"Grüße, 你好"}]',
        "complete": True, "test": False,
        "answered_at": at, "changed_at": at, "edit_hash": "e", "edit_until": at,
    }  # fmt: skip


def test_rows_lie_as_sqlalchemy_writes_them(tmp_path: Path) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    with closing(open_store(tmp_path, Settings())) as store:
        with store.writing() as con:
            survey = save_survey(con, "main", "relationship", "{}", NOON).survey_key
            add(con, ANSWERS, [row(survey, 1, east)])
            con.execute(ANSWERS.insert(), [row(survey, 2, east)])
        with store.reading() as con:
            raw = [tuple(r) for r in con.execute(sa.text("select * from answers order by number"))]
            one, other = (
                tuple(
                    v
                    for v, c in zip(r, ANSWERS.columns, strict=True)
                    if c.name not in ("number", "submission_id", "key_hash")
                )
                for r in raw
            )
            assert one == other
            (found,) = rows_with(con, ANSWERS.c.key_hash, {"k1"})
    assert found["answered_at"] == NOON
    assert (found["complete"], found["test"]) == (True, False)


def test_any_number_of_values_is_looked_for(tmp_path: Path) -> None:
    many = 2 * AT_ONCE + 3
    with closing(open_store(tmp_path, Settings())) as store:
        with store.writing() as con:
            survey = save_survey(con, "main", "relationship", "{}", NOON).survey_key
            add(con, ANSWERS, [row(survey, number) for number in range(many)])
            add(con, ANSWERS, [])
        with store.reading() as con:
            assert len(rows_with(con, ANSWERS.c.key_hash, {f"k{n}" for n in range(many)})) == many
            assert rows_with(con, ANSWERS.c.key_hash, {"it's not there", '"'}) == []
            assert rows_with(con, ANSWERS.c.key_hash, set()) == []


def test_rows_are_read_as_sqlalchemy_reads_them_however_many(tmp_path: Path) -> None:
    many, odd = 2 * AS_TEXT, {"complete": False, "given": '"\\ \t\u0000', "asked_at": NOON}
    with closing(open_store(tmp_path, Settings())) as store:
        with store.writing() as con:
            survey = save_survey(con, "main", "relationship", "{}", NOON).survey_key
            add(con, ANSWERS, [row(survey, number) | (odd if number % 7 == 3 else {}) for number in range(many)])
        with store.reading() as con:
            some = ANSWERS.select().where(ANSWERS.c.submission_id != "s5")
            plain = [dict(each) for each in con.execute(some.order_by(ANSWERS.c.number)).mappings()]
            assert rows_of(con, some, ANSWERS.c.number) == plain
            assert len(plain) == many - 1
            assert rows_of(con, some.where(ANSWERS.c.number < 0), ANSWERS.c.number) == []


def test_a_moment_without_a_zone_is_refused(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, Settings())) as store, store.writing() as con:
        survey = save_survey(con, "main", "relationship", "{}", NOON).survey_key
        unplaced = row(survey, 1, NOON.replace(tzinfo=None))
        with pytest.raises(ValueError, match="no zone"):
            add(con, ANSWERS, [unplaced])
