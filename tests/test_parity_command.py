"""`wellheard parity`: both numbers with their ranges, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wellheard import cli
from wellheard.metrics.samples import plans


@pytest.fixture
def call(new_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs `wellheard parity ARGUMENTS` over ChartMogul's printed example; gives exit code and output."""
    desk = new_desk()
    desk.deliver(
        plans(
            ("A", 10, "2025-01-01", "2026-03-10"),
            ("B", 50, "2025-01-01", "2026-03-10"),
            ("B", 40, "2026-03-10", None),
            ("C", 40, "2025-01-01", "2026-03-10"),
            ("C", 50, "2026-03-10", None),
        )
    )
    home = Path(desk.workspace.home)
    desk.workspace.close()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["wellheard", "--home", str(home), "parity", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capfd.readouterr()
        return int(leaving.value.code or 0), written.out + written.err

    return run


MARCH = ("--from", "2026-03-01", "--to", "2026-04-01")


@pytest.mark.slow
def test_both_numbers_with_range_reason_and_source(call: Callable[..., tuple[int, str]]) -> None:
    code, text = call("ChartMogul", *MARCH, "--format", "json")
    assert code == 0
    told = {row["their_definition"].partition(":")[2]: row for row in json.loads(text)}
    assert told["as_chartmogul+revenue"]["their_value"] == pytest.approx(20)
    assert told["as_chartmogul+monthly"]["their_value"] == pytest.approx(90)
    assert told["as_chartmogul"]["their_n"] == 3
    for row in told.values():
        assert (row["product"], row["checked"]) == ("ChartMogul", "their printed example holds")
        assert row["why"].endswith(".")
        assert row["source"].startswith("ChartMogul help")
        assert row["our_low"] <= row["our_value"] <= row["our_high"]


@pytest.mark.slow
def test_a_table_for_people_and_a_hint_for_the_mistyped(call: Callable[..., tuple[int, str]]) -> None:
    code, text = call("chartmogul", *MARCH)
    assert code == 0
    assert "ChartMogul" in text
    assert "March 2026" in text
    assert "20.0 %" in text
    code, text = call("zendsk")
    assert code == 2
    assert "zendesk" in text


@pytest.mark.slow
def test_a_range_that_is_open_ends_with_the_data(call: Callable[..., tuple[int, str]]) -> None:
    code, text = call("chartmogul", "--from", MARCH[1], "--format", "json")
    assert code == 0
    for row in json.loads(text):
        assert row["period_start"] == MARCH[1]
        assert row["period_end"] is not None
        assert row["period_end"] > MARCH[1]
