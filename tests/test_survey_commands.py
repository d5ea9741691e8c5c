"""The command line lists surveys with their addresses, and shows what was answered."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wellheard.base.settings import Settings
from wellheard.cli import app
from wellheard.store.inbox import Inbox
from wellheard.store.store import open_store
from wellheard.store.unnamed import delete_by_receipt
from wellheard.surveys.collect import collect, sent_from
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf

NOON = datetime(2026, 3, 2, 12, 17, 31, tzinfo=UTC)
NPS = '[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    place = tmp_path / "home"
    shutil.copytree(template, place)
    (place / "surveys").mkdir()
    (place / "surveys" / "relationship.toml").write_text('name = "Relationship"\n' + NPS, "utf-8")
    (place / "surveys" / "staff.toml").write_text('name = "Staff"\nanonymous = true\n' + NPS, "utf-8")
    store = open_store(place, Settings())
    inbox = Inbox(store)
    surveys = {s.id: s for s in Published(store, Shelf(place / "surveys"), "main").all()}

    def answer(survey: str, at: datetime, **sent: Any) -> Any:
        submission, _ = collect(surveys[survey], 1, "main", sent_from(sent), at)
        assert submission is not None
        return inbox.take(submission)

    answer("relationship", NOON, answers={"nps": 9}, channel="web")
    answer("relationship", NOON + timedelta(minutes=1), answers={"nps": 1}, website="x")
    answer("staff", NOON + timedelta(hours=1), answers={"nps": 7, "why": "so"})
    gone = answer("staff", NOON, answers={"nps": 2})
    with store.writing() as con:
        delete_by_receipt(con, surveys["staff"].key, gone.edit, NOON)
    inbox.close()
    store.close()
    return place


def told(home: Path, *arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["--home", str(home), "surveys", *arguments, "--format", "json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_surveys_are_listed_with_their_addresses_and_counts(home: Path) -> None:
    first, second = told(home, "list")
    assert (first["survey"], first["answers"], first["flagged"], first["invited"]) == ("relationship", 2, 1, 0)
    assert (second["survey"], second["answers"], second["flagged"]) == ("staff", 1, 0)
    assert first["path"].startswith("/s/")
    assert len(first["path"]) == 35


@pytest.mark.slow
def test_answers_are_shown_the_newest_first(home: Path) -> None:
    shown = [(row["survey"], row["answered_at"][11:19], row["said"], row["flag"]) for row in told(home, "answers")]
    assert shown == [
        ("staff", "13:00:00", {"nps": 7, "why": "so"}, None),
        ("relationship", "12:18:31", {"nps": 1}, "spam"),
        ("relationship", "12:17:31", {"nps": 9}, None),
    ]
    assert [row["flag"] for row in told(home, "answers", "relationship", "--flagged")] == ["spam"]
    assert len(told(home, "answers", "--limit", "1")) == 1


def test_a_survey_that_is_not_there_is_named(home: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "surveys", "answers", "other"])
    assert done.exit_code != 0
