"""A workspace that files are imported into, as a person would do it, and what can be read out of it again."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.tables.catalogue import tables
from wellheard.warehouse.load import Report

LEFT_OUT = ("ingested_at", "import_id")


class Bench:
    """A workspace in a folder, with rows written to files and imported."""

    def __init__(self, folder: Path, template: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        shutil.copytree(template, folder / "home")  # a home may be moved and copied
        self.workspace = Workspace(folder / "home")
        self._files = 0

    def write(self, rows: Sequence[Mapping[str, Any]], name: str | None = None) -> Path:
        """The rows as a CSV file; None is an empty cell."""
        self._files += 1
        path = self.folder / (name or f"file{self._files}.csv")
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def take(self, table: str, rows: Sequence[Mapping[str, Any]], **how: Any) -> Report:
        """Imports rows as a table."""
        call = ImportCall(paths=(self.write(rows),), table=table, **how)
        return self.workspace.import_files(call)

    def recipe(self, text: str, *paths: Path) -> Report:
        """Imports files by a recipe."""
        path = self.folder / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        return self.workspace.import_files(ImportCall(paths=paths, recipe=path))

    def rows(self, table: str, lake: str = "facts") -> list[dict[str, Any]]:
        """The lake's own rows, by key and version."""
        cursor = self.workspace.lake.con.execute(f"select * from {lake}.main.{table} order by id, updated_at")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def state(self) -> dict[str, str]:
        """An ordered hash of every table of both lakes, without the columns that say when and by which import."""
        found = {}
        for lake in ("facts", "personal"):
            for name, words in tables().items():
                if lake == "personal" and not words.private:
                    continue
                rows = [{k: v for k, v in row.items() if k not in LEFT_OUT} for row in self.rows(name, lake)]
                found[f"{lake}.{name}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
        return found

    def kpis(self, *names: str) -> dict[str, str]:
        """KPIs' answers for all data, as text to the last digit, without the snapshot's number.

        Second moments are sums of squares in floating point, which hang on the order of addition in their last digits.
        """
        found = {}
        for metric in self.workspace.kpis():
            if not names or metric.name in names:
                rows = self.workspace.kpi(metric.name).to_list()
                found[metric.name] = json.dumps([_exact(row) for row in rows], default=repr)
        return found


def _exact(row: Mapping[str, Any]) -> dict[str, Any]:
    moments = ("low", "high", "part_nn", "part_nd", "part_dd")
    kept = {name: value for name, value in row.items() if name != "snapshot"}
    return {n: f"{v:.11g}" if n in moments and isinstance(v, float) else v for n, v in kept.items()}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh home, made once: to copy it is quicker than to make another."""
    folder = tmp_path_factory.mktemp("template") / "home"
    Workspace(folder).close()
    return folder


@pytest.fixture
def bench(tmp_path: Path, template: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, template)
    yield made
    made.workspace.close()


@pytest.fixture
def benches(tmp_path: Path, template: Path) -> Iterator[Callable[[str], Bench]]:
    """Makes workspaces by name, each in a folder of its own."""
    made: dict[str, Bench] = {}

    def make(name: str) -> Bench:
        if name not in made:
            made[name] = Bench(tmp_path / name, template)
        return made[name]

    yield make
    for one in made.values():
        one.workspace.close()
