"""A snapshot that is older than a column is read with that column empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ANSWER = {"source_id": "1", "kind": "nps", "score": 9, "main": True, "answered_at": "2026-03-02", "submission_id": "s"}


def test_a_snapshot_from_before_a_column_was_added_can_still_be_asked(new_desk: Callable[[], Any]) -> None:
    desk = new_desk()
    desk.deliver({"survey_responses": [ANSWER]})
    con = desk.workspace.lake.con
    con.execute("alter table facts.main.survey_responses drop column flag")
    before = desk.workspace.lake.snapshot()
    con.execute("alter table facts.main.survey_responses add column flag varchar")
    desk.deliver({"survey_responses": [ANSWER | {"source_id": "2", "score": 0, "submission_id": "t"}]})
    row = desk.one("nps", as_of=before)
    assert (row["value"], row["n"]) == (100.0, 1)
    assert desk.one("nps")["n"] == 2
