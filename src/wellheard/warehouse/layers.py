"""A statement in layers: each is computed once, however often the layers above look at it.

Ibis folds one selection into the next, which writes an expression out again wherever a column is used. Where columns
are parsed, judged and shown, as in an import, that makes a statement do tens of times too much work.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa


class Layers:
    """Relations over one another, each settled before the next is written."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._settled: list[tuple[str, str]] = []

    def settle(self, relation: ir.Table) -> ir.Table:
        """`relation` as a table of its own, whose columns are no expressions any more."""
        name = f"layer_{len(self._settled)}"
        self._settled.append((name, self._backend.compile(relation)))
        return ibis.table(relation.schema(), name=name)

    def sql(self, relation: ir.Table) -> str:
        """The whole statement for `relation`."""
        top = self._backend.compile(relation)
        if not self._settled:
            return str(top)
        below = ", ".join(f'"{name}" as not materialized ({sql})' for name, sql in self._settled)
        return f"with {below} select * from ({top})"

    def rows(self, relation: ir.Table) -> list[dict[str, Any]]:
        """The rows of `relation`, for small results."""
        found: pa.Table = self._backend.con.execute(self.sql(relation)).to_arrow_table()
        return list(found.to_pylist())
