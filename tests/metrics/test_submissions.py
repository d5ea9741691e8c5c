"""How many questionnaires were filled in, against counting by hand."""

from __future__ import annotations

from typing import Any

from wellheard.metrics.submissions import Filled


def test_a_submission_counts_once_and_trials_and_flagged_ones_apart(desk: Any) -> None:
    row = {"kind": "nps", "score": 9, "answered_at": "2026-03-05T10:00:00Z"}
    desk.deliver(
        {
            "survey_responses": [
                {**row, "source_id": "1", "survey_id": "a", "submission_id": "x"},
                {**row, "source_id": "2", "survey_id": "a", "submission_id": "x", "kind": "csat", "score": 4},
                {**row, "source_id": "3", "survey_id": "a", "submission_id": "y"},
                {**row, "source_id": "4", "survey_id": "a", "submission_id": "z", "test": True},
                {**row, "source_id": "5", "survey_id": "a", "submission_id": "w", "flag": "spam"},
                {**row, "source_id": "6", "survey_id": "b"},
                {**row, "source_id": "7"},
            ]
        }
    )
    assert desk.workspace.submissions() == {"a": Filled(2, 1), "b": Filled(1, 0)}
