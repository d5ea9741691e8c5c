"""The number of the newest state, which pages ask for at each visit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.conftest import Desk

import wellheard


def _answer(key: str) -> dict[str, list[dict[str, object]]]:
    return {"survey_responses": [{"source_id": key, "kind": "nps", "score": 9, "answered_at": "2026-07-01T10:00:00Z"}]}


@pytest.mark.slow
def test_the_newest_state_is_seen_though_another_process_made_it(tmp_path: Path) -> None:
    with wellheard.open(tmp_path) as one, wellheard.open(tmp_path) as other:
        for number in range(4):
            Desk(other).deliver(_answer(f"a{number}"))
            assert one.lake.newest() == one.lake.snapshot() == other.lake.snapshot()
            assert one.lake.newest() == one.lake.newest()


def test_it_is_asked_for_once_while_the_catalog_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wellheard.open(tmp_path) as workspace:
        lake = workspace.lake
        for name in ("facts.sqlite", "facts.sqlite-wal"):
            if (lake.folder / name).exists():
                os.utime(lake.folder / name, (1_700_000_000, 1_700_000_000))  # it changed long ago
        known = lake.newest()
        monkeypatch.setattr(type(lake), "snapshot", lambda _: pytest.fail("asked again"))
        assert lake.newest() == known


def test_a_catalog_that_changed_a_moment_ago_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wellheard.open(tmp_path) as workspace:
        lake = workspace.lake
        os.utime(lake.folder / "facts.sqlite")  # the tick of the clock may hold another change
        lake.newest()
        monkeypatch.setattr(type(lake), "snapshot", lambda _: 4711)
        assert lake.newest() == 4711
