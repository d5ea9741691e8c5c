"""What deliveries suffer on their way: rows that come twice, and days of which nothing comes at all."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np
import pyarrow as pa

from wellheard.base.errors import BadCall
from wellheard.simulate.company import DAY, Array, Company

# Streams of events that no other row refers to, with their instants: what an outage of a tracker loses.
STREAMS = {"usage": "used_at", "visits": "started_at"}


@dataclass(frozen=True)
class Flaws:
    """The share of rows that are delivered twice, and on how many days no events were tracked."""

    company: Company
    duplicates: float = 0.0
    gaps: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.duplicates <= 1:
            raise BadCall(f"duplicates is {self.duplicates}", hint="Give a share from 0 to 1.", field="duplicates")
        if not 0 <= self.gaps <= self._days:
            hint = f"Give 0 to {self._days}, the days of the history."
            raise BadCall(f"gaps is {self.gaps}", hint=hint, field="gaps")

    @property
    def _days(self) -> int:
        return (self.company.last - self.company.first) // DAY

    @cached_property
    def _silent(self) -> Array:
        """The UTC midnights of the days of which nothing came, sorted."""
        picked = self.company.rng("gaps").choice(self._days, self.gaps, replace=False)
        return np.sort(self.company.first + picked * DAY)

    @property
    def silent_days(self) -> list[date]:
        """The days of which nothing came."""
        return [datetime.fromtimestamp(int(day), UTC).date() for day in self._silent]

    def suffered(self, table: str, batch: pa.Table, before: int) -> pa.Table:
        """What arrives of a batch; `before` are the table's rows that came before it."""
        if self.gaps and table in STREAMS:
            seconds = batch[STREAMS[table]].to_numpy().astype("datetime64[s]").astype(np.int64)
            batch = batch.filter(pa.array(~np.isin(seconds - seconds % DAY, self._silent)))
        if self.duplicates:
            rng = np.random.default_rng([self.company.seed, zlib.crc32(f"duplicates of {table}".encode()), before])
            again = np.flatnonzero(rng.random(len(batch)) < self.duplicates)
            batch = pa.concat_tables([batch, batch.take(pa.array(again))])
        return batch
