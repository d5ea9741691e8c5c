"""One simulated history for all tests of this folder, as frames by table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard.simulate import Written, simulate
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Type


@dataclass(frozen=True)
class History:
    """What was written, read back with nothing but pandas."""

    written: Written
    frames: dict[str, pd.DataFrame]
    truth: dict[str, Any]

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.frames[table]


def read(written: Written) -> History:
    frames = {}
    for table, path, _ in written.files:
        declared = tables()[table].by_name
        if path.suffix == ".parquet":
            frames[table] = pd.read_parquet(path)
            continue
        text = {name: str for name, column in declared.items() if column.type is Type.TEXT}
        frame = pd.read_csv(path, dtype=text)
        for name in frame.columns:
            if name in declared and declared[name].type is Type.INSTANT:
                frame[name] = pd.to_datetime(frame[name], utc=True)
        frames[table] = frame
    return History(written, frames, json.loads(written.truth.read_text("utf-8")))


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two years of 3,000 contacts."""
    return read(simulate(tmp_path_factory.mktemp("larkfield"), customers=3000))


@pytest.fixture(scope="session")
def folder(history: History) -> Path:
    return history.written.truth.parent
