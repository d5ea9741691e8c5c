"""Arrow columns out of numpy arrays, without a Python object a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.simulate.company import Array


def idents(prefix: str, numbers: Array, known: Array | None = None, width: int = 7) -> pa.Array:
    """`prefix` and the padded number, such as C0000042; null where not `known`."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, padding="0")
    full = pc.binary_join_element_wise(prefix, digits, "")
    return full if known is None else pc.if_else(pa.array(known), full, pa.scalar(None, pa.string()))


def instants(seconds: Array, until: int | None = None) -> pa.Array:
    """UTC instants; null from `until` on, for what has not happened yet."""
    mask = None if until is None else seconds >= until
    values = seconds if mask is None else np.where(mask, 0, seconds)
    return pa.array(values.astype("datetime64[s]").astype("datetime64[us]"), pa.timestamp("us", "UTC"), mask=mask)


def dates(seconds: Array, known: Array | None = None) -> pa.Array:
    """The UTC days of instants; null where not `known`."""
    mask = None if known is None else ~known
    values = seconds if mask is None else np.where(mask, 0, seconds)
    return pa.array(values.astype("datetime64[s]").astype("datetime64[D]"), pa.date32(), mask=mask)


def money(cents: Array, known: Array | None = None) -> pa.Array:
    """Exact decimal(18, 4) from whole cents."""
    low = cents.astype(np.int64) * 100
    wide = np.ascontiguousarray(np.stack([low, low >> 63], axis=1))  # 128-bit little-endian, sign carried up
    plain = pa.Array.from_buffers(pa.decimal128(18, 4), len(low), [None, pa.py_buffer(wide)])
    return plain if known is None else pc.if_else(pa.array(known), plain, pa.scalar(None, plain.type))


def words(choices: Sequence[str], codes: Array, known: Array | None = None) -> pa.Array:
    """The word of each code; null where not `known`."""
    mask = None if known is None else ~known
    return pa.array(list(choices), pa.string()).take(pa.array(codes, pa.int64(), mask=mask))


def numbers(values: Array, known: Array | None = None) -> pa.Array:
    """Double precision numbers."""
    return pa.array(values.astype(np.float64), mask=None if known is None else ~known)


def integers(values: Array, known: Array | None = None) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=None if known is None else ~known)


def flags(values: Array, known: Array | None = None) -> pa.Array:
    return pa.array(values.astype(bool), mask=None if known is None else ~known)


def constant(value: str | float, rows: int) -> pa.Array:
    """The same value in every row."""
    return pa.repeat(pa.scalar(value), rows)


def sentences(*parts: pa.Array) -> pa.Array:
    """The parts of each row with a space between; null where all are null."""
    joined = pc.binary_join_element_wise(*parts, " ", null_handling="skip")
    return pc.if_else(pc.equal(pc.binary_length(joined), 0), pa.scalar(None, pa.string()), joined)
