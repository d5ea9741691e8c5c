"""Writes one file a table and part, batch by batch, so that no table is ever held whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from wellheard.simulate.columns import constant, idents, instants
from wellheard.simulate.company import Array
from wellheard.simulate.flaws import Flaws

SOURCE = "simulated"
# Small or much-read tables go out as CSV, the rest as Parquet, so that both ways in are used.
AS_CSV = frozenset({"accounts", "customers", "survey_responses", "referrals", "schedules", "fx_rates", "touchpoints"})


@dataclass(frozen=True)
class Written:
    """The files of a simulated history, as (table, path, rows), and the file of its true parameters.

    A table has a file for each part of the company.
    """

    files: tuple[tuple[str, Path, int], ...]
    truth: Path

    @property
    def rows(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for table, _, rows in self.files:
            total[table] += rows
        return dict(total)


class Writer:
    """Open files by table in the folder `out`, which is made, with the flaws of a delivery; a context manager."""

    def __init__(self, out: Path, flaws: Flaws) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.flaws = out, flaws
        self.rows: Counter[str] = Counter()
        self.first_account = self.first_contact = 0
        self.files: dict[Path, tuple[str, int]] = {}
        self._part = 0
        self._open: dict[str, Any] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for sink in self._open.values():
            sink.close()
        self._open.clear()

    def turn(self, accounts: int, contacts: int) -> None:
        """Goes on with the company's next part, in files of its own, after so many accounts and contacts."""
        self._close()
        self._part += 1
        self.first_account += accounts
        self.first_contact += contacts

    def path(self, table: str) -> Path:
        """The file of a table in the present part: `orders.parquet`, then `orders-2.parquet`."""
        part = f"-{self._part + 1}" if self._part else ""
        return self.out / f"{table}{part}.{'csv' if table in AS_CSV else 'parquet'}"

    def accounts(self, numbers: Array, known: Array | None = None) -> pa.Array:
        """The ids of accounts, which are counted from 0 in each part; null where not `known`."""
        return idents("A", self.first_account + numbers, known)

    def contacts(self, numbers: Array, known: Array | None = None) -> pa.Array:
        """The ids of contacts, which are counted from 0 in each part; null where not `known`."""
        return idents("C", self.first_contact + numbers, known)

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
        path = self.path(table)
        before = self.files.get(path, (table, 0))[1]
        batch = self.flaws.suffered(table, batch, before)
        if len(batch):
            self._open[table].write_table(batch)
        self.files[path] = (table, before + len(batch))

    def _sink(self, table: str, schema: pa.Schema) -> Any:
        if table in AS_CSV:
            return pcsv.CSVWriter(self.path(table), schema)
        return pq.ParquetWriter(self.path(table), schema, compression="zstd")

    def written(self, truth: Path) -> Written:
        """What was written so far, by table and part."""
        files = sorted((table, place, path, rows) for place, (path, (table, rows)) in enumerate(self.files.items()))
        return Written(tuple((table, path, rows) for table, _, path, rows in files), truth)
