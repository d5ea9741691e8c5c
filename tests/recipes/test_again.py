"""The same files again, with their rows in another order, change no digit of any answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard.app import ImportCall, Workspace

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
SLICE = None if LONG else 1200  # rows of each file; all of them in the long run
TURNS = 3 if LONG else 2
ASKED = {
    "sfo_airport_survey": ("nps", "csat", "ces", "ces:mean"),
    "helpdesk_italy": ("first_response_time", "first_response_time:p90", "resolution_time", "reopen_rate"),
    "ravenstack_saas": ("churn_rate", "gross_revenue_retention", "net_revenue_retention", "csat", "feature_adoption"),
    "shop_clickstream": ("conversion_rate", "cart_abandonment_rate", "revenue_per_user"),
}
FILES = {
    "sfo_airport_survey": "2017*.csv.gz",
    "ravenstack_saas": "ravenstack_[!c]*.csv.gz",  # who churned is read from the subscriptions
}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ASKED if LONG else ("helpdesk_italy",))
def test_I1_the_same_files_again_and_shuffled_change_no_digit(recipe: str, tmp_path: Path) -> None:
    toml = ROOT / "examples" / "recipes" / f"{recipe}.toml"
    files = sorted((DATA / recipe).glob(FILES.get(recipe, "*.csv.gz")))
    with Workspace(tmp_path / "home") as workspace:
        for turn in range(TURNS):
            folder = tmp_path / str(turn)
            folder.mkdir()
            paths = tuple(_copied(path, folder, turn) for path in files)
            report = workspace.import_files(ImportCall(paths=paths, recipe=toml))
            found = _answers(workspace, recipe)
            if turn == 0:
                before = found
            assert found == before
        assert {(t.new, t.changed) for t in report.tables} == {(0, 0)}
        assert sum(t.unchanged + t.repeated for t in report.tables) == sum(t.read for t in report.tables) > 500


def _copied(path: Path, folder: Path, seed: int) -> Path:
    """The beginning of a file, its rows shuffled but the first time."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=SLICE)
    frame.columns = [c.removesuffix(".1") for c in frame.columns]  # pandas renames a column that occurs twice
    frame = frame.sample(frac=1, random_state=seed) if seed else frame
    frame.to_csv(folder / path.name, index=False)
    return folder / path.name


def _answers(workspace: Workspace, recipe: str) -> list[dict[str, Any]]:
    rows = [row for kpi in ASKED[recipe] for row in workspace.kpi(kpi, grain="quarter").to_list()]
    return [{name: value for name, value in row.items() if name != "snapshot"} for row in rows]
