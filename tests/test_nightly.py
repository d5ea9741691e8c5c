"""When customers are scored by themselves, and that it is the command which does it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wellheard.nightly import Nightly, next_run


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-06-01T00:30:00+00:00", "2026-06-01T01:00:00+00:00"),  # 2:30 in Berlin
        ("2026-06-01T01:00:00+00:00", "2026-06-02T01:00:00+00:00"),
        ("2026-10-24T22:00:00+00:00", "2026-10-25T02:00:00+00:00"),  # the clocks go back in that night
        ("2026-01-15T12:00:00+00:00", "2026-01-16T02:00:00+00:00"),
    ],
)
def test_it_waits_for_three_o_clock_on_the_wall(now: str, due: str) -> None:
    assert next_run(datetime.fromisoformat(now), 3, "Europe/Berlin").astimezone(UTC) == datetime.fromisoformat(due)


@pytest.mark.slow
def test_the_process_scores_the_workspace_or_says_what_is_wrong(new_desk: Any) -> None:
    desk = new_desk(score_hour=-1)
    with Nightly(desk.workspace) as nightly:
        assert nightly.score() == 2  # there is nothing to score yet
