"""Workspaces to test with: small ones filled row by row, and one made-up company shared by all tests."""

from __future__ import annotations

import gc
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import wellheard
from wellheard import desk as desks
from wellheard.app import Workspace
from wellheard.metrics.metric import Metric
from wellheard.simulate import simulate
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.catalogue import tables

ZONE = "Europe/Berlin"
HALF_A_YEAR = {"start": "2026-02-01", "end": "2026-08-01"}  # with a change of clocks in it
FIRST, AFTER = date(2025, 11, 1), date(2026, 11, 1)  # the year that the made-up company lives through
UNUSED = ("feedback", "invoices", "appointments")


# Expressions are many small objects, and looking through them takes a tenth of the time.
gc.set_threshold(100_000, 50, 50)


class Desk(desks.Desk):
    """A workspace to fill, to ask, and to look into."""

    def sql(self, text: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The rows of a plain statement over the lake, past everything that the program does."""
        return self.workspace.lake.con.execute(text, parameters or {}).to_arrow_table().to_pandas()

    def clear(self) -> None:
        """Empties every table that was filled, faster than by taking imports back."""
        for table in sorted(self.touched | {"person_links", "company_links"}):
            for lake in ("facts", "personal") if canonical(table).private else ("facts",):
                self.workspace.lake.con.execute(f"delete from {lake}.main.{table}")
        self.forget()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home, to be copied."""
    home = tmp_path_factory.mktemp("template")
    wellheard.open(home).close()
    return home


@pytest.fixture(scope="session")
def new_desk(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Desk]]:
    """Makes a desk over a home of its own, with the settings given."""
    opened: list[Workspace] = []

    def make(**settings: Any) -> Desk:
        home = tmp_path_factory.mktemp("home")
        shutil.copytree(template, home, dirs_exist_ok=True)
        lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
        (home / "wellheard.toml").write_text("".join(lines), encoding="utf-8")
        opened.append(wellheard.open(home))
        return Desk(opened[-1])

    yield make
    for workspace in opened:
        workspace.close()


@pytest.fixture(scope="session")
def shared_desk(new_desk: Callable[..., Desk]) -> Desk:
    return new_desk()


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """An empty desk with the default settings; emptied again after the test."""
    yield shared_desk
    shared_desk.clear()


@pytest.fixture(scope="session")
def company_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the made-up company; made once, also where several processes run the tests."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    home, done = base / "company", base / "company.done"
    try:
        (base / "company.making").touch(exist_ok=False)
    except FileExistsError:
        _wait_for(done)
        return home
    try:
        _found_company(home, base / "company-files")
    except BaseException:
        done.write_text("failed")
        raise
    done.write_text("made")
    return home


def _found_company(home: Path, files: Path) -> None:
    home.mkdir()
    (home / "wellheard.toml").write_text(f'time_zone = "{ZONE}"\ncurrency = "EUR"\n', encoding="utf-8")
    written = simulate(files, customers=800, months=12, end=AFTER)
    with wellheard.open(home) as workspace:
        rows = {table: _read(table, path) for table, path, _ in written.files if table not in UNUSED}
        Desk(workspace).deliver(rows, source="simulated")


def _read(table: str, path: Path) -> list[dict[str, Any]]:
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    kept = frame[[c for c in frame.columns if c in tables()[table].by_name]].astype(object)
    return kept.where(kept.notna(), None).to_dict("records")


def _wait_for(done: Path) -> None:
    for _ in range(3000):
        with suppress(FileNotFoundError):
            if said := done.read_text():
                assert said == "made", "the made-up company could not be made"
                return
        time.sleep(0.1)
    raise AssertionError("nobody made the made-up company")


@pytest.fixture(scope="session")
def company(company_home: Path) -> Iterator[Desk]:
    """The made-up company of 800 contacts and twelve months, in Berlin time. Read only."""
    with wellheard.open(company_home) as workspace:
        yield Desk(workspace)


@pytest.fixture(scope="session")
def company_copy(company_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A copy of the made-up company that may be added to."""
    home = tmp_path_factory.mktemp("company")
    shutil.copytree(company_home, home, dirs_exist_ok=True)
    with wellheard.open(home) as workspace:
        yield Desk(workspace)


@pytest.fixture(scope="session")
def told(company: Desk, company_home: Path) -> Callable[..., list[dict[str, Any]]]:
    """What the made-up company's figures are for half a year, each asked once, also where several processes ask."""
    kept = company_home.parent / "told"
    kept.mkdir(exist_ok=True)

    def tell(kpi: Metric, variant: str | None, by: str | None = None, grain: str | None = None) -> list[dict[str, Any]]:
        path = kept / f"{kpi.name}.{variant}.{by}.{grain}.json"
        if not path.exists():
            rows = company.kpi(kpi.name, variant=variant, by=[by] if by else [], grain=grain, **HALF_A_YEAR)
            beside = path.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps(rows))
            beside.replace(path)
        found: list[dict[str, Any]] = json.loads(path.read_text())
        return found

    return tell
