"""The scores of one kind as they go into the lake: whose, how much, how sure, and by which model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.warehouse.scores import SCHEMA


@dataclass(frozen=True)
class Scores:
    """Columns of equal length, a row a customer. `who` are names of rows, `source:source_id`; NaN is not known.

    `attributes` are texts beside the score, such as its reasons; None where there is none.
    """

    kind: str
    who: pa.Array
    is_person: pa.Array
    value: Any
    model: str | Sequence[str]
    low: Any = None
    high: Any = None
    coverage: Any = None
    currency: str | None = None
    attributes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def table(self, as_of: datetime) -> pa.Table:
        """The rows as the lake takes them."""
        size = len(self.who)
        parts = pc.split_pattern(self.who, ":", max_splits=1)
        source, key = pc.list_element(parts, 0), pc.list_element(parts, 1)
        nobody = pa.scalar(None, pa.string())
        columns = {
            "source": source,
            "customer_id": pc.if_else(self.is_person, key, nobody),
            "account_id": pc.if_else(self.is_person, nobody, key),
            "as_of": pa.array([as_of] * size, pa.timestamp("us", "UTC")) if size < 2 else _same(as_of, size),
            "kind": _text(self.kind, size),
            "value": _number(self.value, size),
            "low": _number(self.low, size),
            "high": _number(self.high, size),
            "coverage": _number(self.coverage, size),
            "currency": _text(self.currency, size),
            "model": _text(self.model, size),
            "attributes": self._attributes(size),
        }
        return pa.table(columns).select(SCHEMA.names).cast(SCHEMA)

    def _attributes(self, size: int) -> pa.Array:
        names = list(self.attributes)
        texts = list(self.attributes.values())
        rows = ([(n, t) for n, t in zip(names, row, strict=True) if t is not None] for row in zip(*texts, strict=True))
        kind = pa.map_(pa.string(), pa.string())
        return pa.array([row or None for row in rows], kind) if names else pa.nulls(size, kind)


def _same(at: datetime, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(at, pa.timestamp("us", "UTC")), size)


def _text(value: str | Sequence[str] | None, size: int) -> pa.Array:
    if value is not None and not isinstance(value, str):
        return pa.array(value, pa.string())
    return pa.repeat(pa.scalar(value, pa.string()), size)


def _number(values: Any, size: int) -> pa.Array:
    """Numbers, with null for what is none."""
    if values is None:
        return pa.nulls(size, pa.float64())
    numbers = np.asarray(values, dtype=np.float64)
    return pa.array(numbers, pa.float64(), mask=~np.isfinite(numbers))
