"""A workspace to fill row by row and to ask, for worked examples and whatever else tries a KPI."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from wellheard.app import Workspace
from wellheard.enrich.enrichments import enrich
from wellheard.metrics.metric import Metric
from wellheard.metrics.query import query
from wellheard.metrics.question import question
from wellheard.sources.recipe import Recipe, completed, mapped
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Type
from wellheard.warehouse import load
from wellheard.warehouse.staging import Delivery

Rows = Sequence[Mapping[str, Any]]
_NUMBERS = (Type.NUMBER, Type.INTEGER)


def _names(rows: Rows) -> list[str]:
    """The names of all rows' columns; rows of one shape are told by their first."""
    shapes = dict.fromkeys(tuple(row) for row in rows)
    return list(dict.fromkeys(name for shape in shapes for name in shape))


class Delivered:
    """Rows handed to the loader as a file would be: typed where a column is, in the order given."""

    def __init__(self, table: str, rows: Rows) -> None:
        self.name = table
        self.rows = rows
        self.columns: Sequence[str] = _names(rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        arrays = {name: self._array(name, [row.get(name) for row in self.rows]) for name in self.columns}
        arrays["__row"] = pa.array(range(1, len(self.rows) + 1), pa.int64())
        yield pa.RecordBatch.from_pydict(arrays)

    def _array(self, name: str, values: list[Any]) -> pa.Array:
        column = canonical(self.name).by_name.get(name)
        if column is not None and column.type is Type.INSTANT:
            if all(v is None or (isinstance(v, datetime) and v.tzinfo is UTC) for v in values):
                return pa.array(values, pa.timestamp("us", "UTC"))
            import pandas as pd

            moments = [None if v is None else pd.Timestamp(v) for v in values]
            placed = [m if m is None or m.tzinfo else m.tz_localize("UTC") for m in moments]
            return pa.array(placed, pa.timestamp("us", "UTC"))
        if column is not None and column.type in _NUMBERS:
            return pa.array([None if v is None else float(v) for v in values], pa.float64())
        return pa.array([None if v is None else str(v) for v in values], pa.string())


class Desk:
    """A workspace to fill row by row and to ask."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.touched: set[str] = set()
        self._taken: list[str] = []

    def deliver(self, rows: Mapping[str, Rows], source: str = "example", seed: int | None = None) -> load.Report:
        """Loads canonical rows in one import; with `seed` in a shuffled order. Nothing may be refused."""
        given = {table: list(part) for table, part in rows.items() if part}
        if seed is not None:
            for part in given.values():
                random.Random(seed).shuffle(part)
        deliveries: list[Delivery] = [Delivered(table, part) for table, part in given.items()]
        self.touched |= set(given)
        workspace = self.workspace
        report = load.take(
            workspace.lake,
            _recipe(source, deliveries),
            deliveries,
            default_zone="UTC",
            rejects_folder=workspace.folder / "rejects",
            enrich=enrich,
        )
        assert not report.rejected, report.reasons
        self._taken += [report.import_id] if report.import_id else []
        return report

    def kpi(self, name: str, **how: Any) -> list[dict[str, Any]]:
        """The answer's rows as plain objects."""
        return self.workspace.kpi(name, **how).to_list()

    def ask(self, kpi: Metric, **how: Any) -> list[dict[str, Any]]:
        """The answer's rows of a KPI that need not be among the workspace's."""
        return query(self.workspace.lake, self.workspace.settings, kpi, question(kpi.name, **how)).to_list()

    def one(self, name: str, **how: Any) -> dict[str, Any]:
        """The answer's only row."""
        (row,) = self.kpi(name, **how)
        return row

    def clear(self) -> None:
        """Takes back everything that was delivered."""
        for import_id in reversed(self._taken):
            self.workspace.undo(import_id)
        self.forget()

    def forget(self) -> None:
        """Begins anew as if nothing had been delivered."""
        self._taken.clear()
        self.touched.clear()


def _recipe(source: str, deliveries: Sequence[Delivery]) -> Recipe:
    rules = []
    for delivery in deliveries:
        (rule,) = completed(mapped(delivery.name, source, {}, {}), delivery.columns).rules
        rules.append(replace(rule, files=delivery.name))
    return Recipe(name="example", source=source, rules=tuple(rules))
