"""An answer: the rows of a result with what they mean, as Arrow, pandas, Polars or plain objects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from wellheard.metrics.metric import Asked, Metric
from wellheard.metrics.question import Question


@dataclass(frozen=True)
class Answer:
    """What `query` gives. `data_end` is the day up to which the KPI's tables hold data.

    `engine` says where the parts came from: "facts" or "rollups". `notes` say what holds for the answer as a whole and
    its readers must know, a sentence each.
    """

    table: pa.Table
    metric: Metric
    asked: Asked
    question: Question
    data_end: date | None
    snapshot: int
    notes: tuple[str, ...] = ()
    engine: str = "facts"

    @property
    def title(self) -> str:
        """The KPI's title with the variants that the figures are of, which may make another figure of it."""
        return ", ".join((self.metric.title, *(name.replace("_", " ") for name in self.asked.variants)))

    def to_arrow(self) -> pa.Table:
        """The result as an Arrow table."""
        return self.table

    def to_pandas(self) -> Any:
        """The result as a pandas frame."""
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        """The result as a Polars frame; needs the extra `polars`."""
        import polars

        return polars.from_arrow(self.table)

    def to_list(self) -> list[dict[str, Any]]:
        """The result as plain objects: null where there is no value, days and instants as ISO text."""
        return [{name: _plain(value) for name, value in row.items()} for row in self.table.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
