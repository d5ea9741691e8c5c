"""Writes one file a table, batch by batch, so that no table is ever held whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from wellheard.simulate.columns import constant, instants
from wellheard.simulate.company import Array

SOURCE = "simulated"
# Small or much-read tables go out as CSV, the rest as Parquet, so that both ways in are used.
AS_CSV = frozenset({"accounts", "customers", "survey_responses", "referrals", "schedules", "fx_rates", "touchpoints"})


@dataclass(frozen=True)
class Written:
    """The files of a simulated history, as (table, path, rows), and the file of its true parameters."""

    files: tuple[tuple[str, Path, int], ...]
    truth: Path

    @property
    def rows(self) -> dict[str, int]:
        return {table: rows for table, _, rows in self.files}


class Writer:
    """Open files by table in the folder `out`, which is made. Use as a context manager."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.rows: Counter[str] = Counter()
        self._open: dict[str, Any] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self._open.values():
            sink.close()

    def path(self, table: str) -> Path:
        return self.out / f"{table}.{'csv' if table in AS_CSV else 'parquet'}"

    def number(self, table: str, rows: int) -> int:
        """The first free row number of a table; `rows` of them are taken."""
        first = self.rows[table]
        self.rows[table] += rows
        return first

    def append(self, table: str, source_id: pa.Array, updated: Array, columns: dict[str, pa.Array]) -> None:
        """Adds rows: their key, the second of their last change, and the table's own columns."""
        common = {
            "source": constant(SOURCE, len(updated)),
            "source_id": source_id,
            "updated_at": instants(updated),
        }
        batch = pa.table({**common, **columns})
        if table not in self._open:
            self._open[table] = self._sink(table, batch.schema)
        if len(updated):
            self._open[table].write_table(batch)

    def _sink(self, table: str, schema: pa.Schema) -> Any:
        if table in AS_CSV:
            return pcsv.CSVWriter(self.path(table), schema)
        return pq.ParquetWriter(self.path(table), schema, compression="zstd")

    def written(self, truth: Path) -> Written:
        """What lies in the folder now."""
        return Written(tuple((table, self.path(table), self.rows[table]) for table in sorted(self._open)), truth)
