"""The rollups of a workspace: found by the series they hold, kept as files, brought forward together."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from wellheard.base.periods import Grain
from wellheard.base.settings import Settings
from wellheard.metrics.frame import Frame
from wellheard.metrics.metric import Metric
from wellheard.metrics.parts import Table
from wellheard.metrics.question import Question
from wellheard.metrics.reader import Reader
from wellheard.metrics.rollup import LEVEL, Rollup, shape_of, whole
from wellheard.metrics.upkeep import brought_forward, built
from wellheard.warehouse import rollup_files
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.touched import Touched, touched

PROGRAM = version("wellheard")
FORMAT = 1  # of the files; others are made again
MOST = 2_000  # series that are kept; the least lately refreshed go first


class Kept(Protocol):
    """Where a query looks for a rollup."""

    def find(self, reader: Reader, metric: Metric, question: Question, frame: Frame) -> Rollup | None:
        """The rollup that covers a question as of the reader's snapshot."""


class Rollups:
    """The rollups of one workspace. With `makes`, a series that is asked for and not there is made and kept."""

    def __init__(self, lake: Lake, known: Mapping[str, Metric], *, makes: bool = False) -> None:
        self.lake = lake
        self._metrics = known
        self.makes = makes
        self.folder = lake.folder / "rollups"
        self._kept: dict[str, Rollup] = {}
        self._read = False
        self._lock = threading.RLock()

    def find(self, reader: Reader, metric: Metric, question: Question, frame: Frame) -> Rollup | None:
        """The rollup that covers a question as of the reader's snapshot; None where there is none and none is made."""
        shape = shape_of(metric, question)
        if shape is None or reader.snapshot < 0 or not whole(frame, question) or not self.knows(metric):
            return None
        name = _name(shape, reader.settings)
        with self._lock:
            self._open()
            found = self._kept.get(name)
        if found is not None and found.snapshot == reader.snapshot:
            return found
        if found is None and not self.makes:
            return None
        if found is not None and found.snapshot > reader.snapshot:
            return None
        with self._lock:  # whoever waits here finds all of them as of the new snapshot
            found = self._kept.get(name)
            if found is None or found.snapshot < 0:
                return self._keep(name, built(reader, metric, shape))
            if found.snapshot < reader.snapshot:
                self._forward(reader)
            found = self._kept.get(name)
        return found if found is not None and found.snapshot == reader.snapshot else None

    def knows(self, metric: Metric) -> bool:
        """Whether it is a KPI that a home cannot change under its name."""
        return self._metrics.get(metric.name) is metric

    def refresh(self, reader: Reader) -> int:
        """Brings every rollup to the reader's snapshot; gives how many there are."""
        with self._lock:
            self._open()
            self._forward(reader)
            return len(self._kept)

    def _forward(self, reader: Reader) -> None:
        older = {name: r for name, r in self._kept.items() if r.snapshot < reader.snapshot}
        for snapshot in sorted({r.snapshot for r in older.values()}):
            with touched(self.lake, snapshot, reader.snapshot) as change:
                for name, rollup in older.items():
                    if rollup.snapshot == snapshot:
                        self._bring(name, rollup, reader, change)

    def _bring(self, name: str, rollup: Rollup, reader: Reader, change: Touched) -> None:
        metric = self._metrics.get(rollup.shape.kpi.partition("@")[0])
        if metric is None or metric.definition(()) != rollup.shape.kpi or name != _name(rollup.shape, reader.settings):
            self._kept.pop(name, None)
            rollup_files.remove(self.folder, name)
            return
        forward = brought_forward(rollup, reader, metric, change)
        self._keep(name, forward, write=forward.table is not rollup.table)

    def _keep(self, name: str, rollup: Rollup, *, write: bool = True) -> Rollup:
        self._kept[name] = rollup
        if write:
            about = {**_about(rollup), "stamp": self.lake.stamp(rollup.snapshot)}
            rollup_files.write(self.folder, name, _arrow(rollup), about)
        while len(self._kept) > MOST:
            oldest = min(self._kept, key=lambda key: self._kept[key].snapshot)
            del self._kept[oldest]
            rollup_files.remove(self.folder, oldest)
        return rollup

    def _open(self) -> None:
        """Reads the files once; those of another lake, program or format are let go."""
        if self._read:
            return
        for name in rollup_files.names(self.folder):
            found = rollup_files.read(self.folder, name)
            about = found[1] if found else {}
            known = about.get("format") == FORMAT and about.get("program") == PROGRAM
            if found and known and about["stamp"] == self.lake.stamp(about["snapshot"]):
                self._kept[name] = _rollup(*found)
            else:
                rollup_files.remove(self.folder, name)
        self._read = True


def _name(shape: Question, settings: Settings) -> str:
    said = repr((shape.kpi, shape.by, shape.grain, shape.variants)) + settings.model_dump_json()
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _about(rollup: Rollup) -> dict[str, Any]:
    shape = rollup.shape
    assert shape.grain is not None
    return {
        "format": FORMAT,
        "program": PROGRAM,
        "kpi": shape.kpi,
        "by": list(shape.by),
        "grain": shape.grain.value,
        "variants": list(shape.variants),
        "snapshot": rollup.snapshot,
        "tables": sorted(rollup.tables),
        "currency": rollup.currency,
        "notes": list(rollup.notes),
        "ends": rollup.ends,
        "first": rollup.first and rollup.first.isoformat(),
        "last": rollup.last and rollup.last.isoformat(),
    }


def _arrow(rollup: Rollup) -> pa.Table:
    """A row a key: its period and groups, the parts, the order statistics and the sums over both sides."""
    table, width = rollup.table, 1 + len(rollup.shape.by)
    columns = {f"k{i}": pa.array([key[i] for key in table.keys]) for i in range(width)}
    columns |= {f"p:{name}": pa.array(values) for name, values in table.parts.items()}
    columns |= {f"q:{name}": pa.array(values) for name, values in (table.quantile or {}).items()}
    for i in range(4):
        columns[f"c{i}"] = pa.array([rollup.crossed[k][i] if k in rollup.crossed else None for k in table.keys])
    return pa.table(columns)


def _rollup(table: pa.Table, about: dict[str, Any]) -> Rollup:
    columns = {name: table[name].to_pylist() for name in table.column_names if name[0] in "kc"}
    keys = tuple(zip(*(columns[f"k{i}"] for i in range(1 + len(about["by"]))), strict=True))
    crossed = {
        key: sums for key, sums in zip(keys, zip(*(columns[f"c{i}"] for i in range(4)), strict=True), strict=True)
        if sums[0] is not None
    }  # fmt: skip

    def arrays(mark: str) -> dict[str, Any]:
        return {c[2:]: np.array(table[c], dtype=np.float64) for c in table.column_names if c.startswith(mark)}

    shape = Question(
        kpi=about["kpi"],
        by=tuple(about["by"]),
        grain=Grain(about["grain"]),
        variants=tuple(about["variants"]),
        compare="previous",
        level=LEVEL,
    )
    return Rollup(
        shape,
        about["snapshot"],
        Table(keys, arrays("p:"), arrays("q:") or None),
        crossed,
        frozenset(about["tables"]),
        about["currency"],
        tuple(about["notes"]),
        about["ends"],
        _day(about["first"]),
        _day(about["last"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
