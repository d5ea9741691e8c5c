"""The data of the bench: a made-up company, imported once into a home that later runs find again.

SIZE=1 is about 1 M answers, 1 M conversations with 4 M messages, 2 M orders, 0.5 M subscription periods and 2 M visits.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wellheard
from wellheard.app import ImportCall
from wellheard.simulate import simulate
from wellheard.simulate.volume import Volume

CUSTOMERS = 270_000  # at SIZE=1
VOLUME = Volume(conversations=0.73, visits=0.51, usage=0.27, readings=0.25, standing_orders=0.46, term_months=3)
MONTHS = 24
START, END = "2024-11-01", "2026-11-01"
FIRST = ("touchpoints", "schedules", "fx_rates", "accounts", "customers")  # what others lean on
VERSION = 1  # of the data: counted up when what is simulated changes
SETTINGS = 'currency = "EUR"\n'


@dataclass(frozen=True)
class Place:
    """Where the data of one size lie: the files as delivered, the home they were imported into, and copies for others.

    The folder is WELLHEARD_BENCH, else `wellheard-bench` in the cache folder of whoever runs the bench.
    """

    size: float

    @property
    def folder(self) -> Path:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = Path(os.environ.get("WELLHEARD_BENCH") or Path(cache) / "wellheard-bench")
        return root / f"v{VERSION}-size-{self.size:g}"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def copy(self, name: str) -> Path:
        """Where a copy of the data for another engine lies."""
        return self.folder / name

    def says(self) -> dict[str, Any]:
        """What is known of the data: rows by table, and how long they took."""
        known: dict[str, Any] = json.loads((self.folder / "data.json").read_text("utf-8"))
        return known


def made(size: float) -> Place:
    """The place of the data of a size; simulates and imports them where they are not there yet."""
    place = Place(size)
    if (place.folder / "data.json").is_file():
        return place
    told = _simulated(place)
    shutil.rmtree(place.home, ignore_errors=True)
    place.home.mkdir(parents=True)
    (place.home / "wellheard.toml").write_text(SETTINGS, "utf-8")
    started = time.perf_counter()
    with wellheard.open(place.home) as workspace:
        for table, path in ordered([(table, Path(path)) for table, path in told["files"]]):
            report = workspace.import_files(ImportCall(paths=(path,), table=table))
            print(f"  {sum(t.new for t in report.tables):>10,} rows of {table}", flush=True)
        rows = workspace.counts()
    known = {"rows": rows, "simulate_seconds": told["seconds"], "import_seconds": time.perf_counter() - started}
    (place.folder / "data.json").write_text(json.dumps(known, indent=1), "utf-8")
    return place


def _simulated(place: Place) -> dict[str, Any]:
    """The files of the made-up company, told once, and how many seconds that took."""
    kept = place.folder / "files.json"
    if not kept.is_file():
        shutil.rmtree(place.folder, ignore_errors=True)
        place.files.mkdir(parents=True)
        print(f"Making the data of SIZE={place.size:g} …", flush=True)
        started = time.perf_counter()
        written = simulate(place.files, customers=max(int(CUSTOMERS * place.size), 50), months=MONTHS, volume=VOLUME)
        files = [(table, str(path)) for table, path, _ in written.files]
        kept.write_text(json.dumps({"files": files, "seconds": time.perf_counter() - started}), "utf-8")
    told: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return told


def ordered(files: Any) -> list[tuple[str, Path]]:
    """Files by table in the order in which they are imported: first what others lean on."""
    rank = {name: number for number, name in enumerate(FIRST)}
    return sorted(files, key=lambda file: (rank.get(file[0], len(rank)), file[0], file[1].name))


@contextmanager
def scratch(place: Place, name: str) -> Iterator[Path]:
    """An empty folder beside the data, for what a task writes; gone afterwards."""
    folder = place.folder / "scratch" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
