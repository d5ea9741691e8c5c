"""Sums of floating numbers that come out alike in whatever order the rows are read."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


@ibis.udf.agg.builtin(name="fsum", signature=(("float64",), "float64"))
def _compensated(x):  # type: ignore[no-untyped-def]
    """The engine's sum that carries the lost digits along; null for no rows."""


def total(values: ir.NumericColumn, where: ir.BooleanValue | None = None) -> ir.NumericScalar:
    """Σ `values` of the rows where `where` holds, null for none; exact for whole numbers and decimals.

    Floats are summed with W. Kahan's compensation (Communications of the ACM 8 (1965) 40), so that the order in which
    threads see them moves the result by no more than its last bit.
    """
    if not values.type().is_floating():
        return values.sum(where=where)
    return _compensated(values if where is None else ibis.ifelse(where, values, None))
