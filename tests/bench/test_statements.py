"""The statements written by hand give what the product gives: every KPI by month and segment, over two years."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.exports import SET, exported
from bench.figures import Figures, differences, keyed

import wellheard
from bench import data, hand, ours
from wellheard.app import Workspace

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[data.Place]:
    """A company of some hundred contacts, made as the bench makes its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WELLHEARD_BENCH", str(tmp_path_factory.mktemp("bench")))
        yield data.made(0.002)


@pytest.fixture(scope="module")
def workspace(place: data.Place) -> Iterator[Workspace]:
    with wellheard.open(place.home) as opened:
        hand.prepare(opened.lake.con)
        yield opened


def _whole(figures: Figures) -> Figures:
    """Without the last month: so small a company may do nothing on its last day, which ends it sooner."""
    return {key: figure for key, figure in figures.items() if key[0] != "2026-10-01"}


@pytest.mark.parametrize("name", hand.names())
def test_a_statement_by_hand_agrees(name: str, workspace: Workspace) -> None:
    us = _whole(keyed(ours.figures(workspace, name, ours.MONTHLY)))
    assert us, "nothing to compare"
    assert not differences(_whole(hand.figures(workspace.lake.con, name)), us)


@pytest.mark.parametrize("tool", ["pandas", "polars"])
def test_another_tool_agrees(tool: str, place: data.Place, workspace: Workspace) -> None:
    pytest.importorskip(tool)
    from bench.alternatives import in_pandas, in_polars

    folder: Path = exported(place)
    turn = in_pandas.in_memory(str(folder)) if tool == "pandas" else in_polars.lazy(str(folder))
    given = turn()
    for name in SET:
        us = {key: row for key, row in keyed(ours.figures(workspace, name, ours.MONTHLY)).items() if row["n"]}
        theirs = keyed(given[name], ("value", "n"))
        assert not differences(_whole(theirs), _whole(us), ("value", "n")), name
