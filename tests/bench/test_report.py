"""What the bench found is shown as it was kept, and nobody is timed who gives other values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.figures import differences, keyed
from bench.hand import names, statement
from bench.record import Bar, Figure, Record, Table, compared, rounded
from bench.report import PAGE, number, page
from bench.turns import Failed, timed

from wellheard.metrics.catalogue import metrics

FIGURE = {"value": 50.0, "low": 40.0, "high": 60.0, "n": 100, "units": 90, "pending": 0}
KEY = ("2026-01-01", "SMB")


def test_the_page_is_what_the_report_makes_of_the_files() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m bench.report and commit docs/speed.md"


def test_a_record_is_shown_with_its_ratios_and_goals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.record.RESULTS", tmp_path)
    figures = compared([Figure("by hand", 2.0, 300.0), Figure("ours", 3.0)])
    bars = (Bar("ours ≤ 1.35 × by hand", 1.5, 1.35), Bar("fast ≥ 40 ×", 41.0, 40, at_least=True))
    Record("scorecard", 1.0, (Table("Scorecard", figures),), bars, ("All agree.",)).write()
    shown = page(tmp_path)
    assert "| by hand | 2 | 1 | 300 |" in shown
    assert "| ours | 3 | 1.5 | – |" in shown
    assert "| scorecard | 1 | ours ≤ 1.35 × by hand | 1.5 | **not reached** |" in shown
    assert "| scorecard | 1 | fast ≥ 40 × | 41 | reached |" in shown
    assert "- All agree." in shown
    kept = json.loads((tmp_path / "scorecard.json").read_text("utf-8"))
    assert "node" not in kept["machine"]
    assert "/" not in json.dumps(kept["machine"])


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (1234567, "1,234,567"), (0.012345, "0.0123"), (2.0, "2"), (True, "True")]
)
def test_numbers_are_shown_to_three_digits(value: Any, shown: str) -> None:
    assert number(value) == shown


def test_numbers_are_kept_to_five_digits() -> None:
    assert rounded({"a": [1.23456789, 2], "b": "x"}) == {"a": [1.2346, 2], "b": "x"}


@pytest.mark.parametrize("column", list(FIGURE))
def test_a_wrong_figure_is_seen(column: str) -> None:
    wrong = {**FIGURE, column: FIGURE[column] + 1}
    assert not differences({KEY: FIGURE}, {KEY: dict(FIGURE)})
    assert len(differences({KEY: FIGURE}, {KEY: wrong})) == 1
    assert len(differences({KEY: FIGURE}, {KEY: {**FIGURE, column: None}})) == 1


def test_a_group_that_one_side_lacks_is_seen() -> None:
    assert len(differences({KEY: FIGURE}, {})) == 1
    assert len(differences({}, {KEY: FIGURE})) == 1
    empty = {"period_start": "2026-01-01", "segment": None, **FIGURE, "n": 0}
    assert keyed([empty]) == {}


def test_every_statement_is_that_of_a_kpi() -> None:
    assert set(names()) <= set(metrics())
    assert len(names()) >= 35
    assert not [name for name in names() if "@" in statement(name) or "{" in statement(name)]


def test_a_task_is_timed_in_a_process_of_its_own() -> None:
    found = timed("bench.turns:counting", 3, turns=2)
    assert found.given == 2 * 3
    assert len(found.seconds) == 2
    assert found.peak_mb > 5
    with pytest.raises(Failed, match="no_such"):
        timed("bench.turns:no_such")
