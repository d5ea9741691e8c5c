"""The bounded set of KPIs on ClickHouse's engine in this process, with the tables in its own format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from bench.alternatives.portable import Dialect, rows, statements

DIALECT = Dialect(
    median="quantileExactInclusive(0.5)({})",
    segment_of_largest="argMaxIf(segment, mrr, at_start)",
    month="toStartOfMonth({})",
    day="toDate({})",
)
KEYS = {
    "people": "key", "companies": "key", "answers": "kind, answered_at", "invitations": "sent_at",
    "conversations": "asked_at", "subscriptions": "started_at", "orders": "ordered_at", "visits": "started_at",
    "rates": "base, day", "windows": "period",
}  # fmt: skip
SETTINGS = "settings join_use_nulls = 1, aggregate_functions_null_for_empty = 1, session_timezone = 'UTC'"


def in_process(folder: str) -> Callable[[], dict[str, Any]]:
    """A turn over MergeTree tables, sorted by what the statements filter by."""
    from chdb import session

    con = session.Session(tempfile.mkdtemp(prefix="wellheard-bench-"))
    con.query("create database if not exists bench engine = Atomic")
    con.query("use bench")
    for name, key in KEYS.items():
        path = Path(folder) / f"{name}.parquet"
        con.query(
            f"create table {name} engine = MergeTree order by ({key}) settings allow_nullable_key = 1 "
            f"as select * from file('{path}', Parquet)"
        )

    def turn() -> dict[str, Any]:
        return {name: _rows(con.query(f"{sql} {SETTINGS}", "ArrowStream")) for name, sql in statements(DIALECT).items()}

    return turn


def _rows(found: Any) -> list[dict[str, Any]]:
    with pa.ipc.open_stream(pa.py_buffer(found.bytes())) as stream:
        table = stream.read_all()
    frame: pd.DataFrame = table.rename_columns(["period", "segment", "value", "n"]).to_pandas()
    texts = [s.decode() if isinstance(s, bytes) else None if pd.isna(s) else s for s in frame["segment"]]
    days = [
        d if isinstance(d, str) else str(pd.Timestamp(d, unit="D") if isinstance(d, int) else d)
        for d in frame["period"]
    ]
    return rows(zip(days, texts, frame["value"], frame["n"], strict=True))
