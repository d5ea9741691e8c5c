"""Connects the lake: DuckDB in this process, DuckLake catalogs in SQLite, data in Parquet.

A workspace has two lakes of the same shape: `facts`, and `personal` for the private columns, so that erasing a person
ends only the personal history. Several processes may hold one workspace at once.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import ibis
import ibis.expr.types as ir
import stamina

from wellheard.base.errors import BadCall, BrokenHome, Busy
from wellheard.base.settings import Settings
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Column
from wellheard.warehouse import schema

LAKES = ("facts", "personal")
INLINE_ROWS = 1000  # smaller writes stay in the catalog until they are flushed
LOCKED = ("database is locked", "conflict", "could not set lock", "cannot start a transaction", "busy")

T = TypeVar("T")


def _load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Loads an extension from its wheel, so that nothing is downloaded at run time."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise BrokenHome(f"the wheel duckdb-extension-{name} is missing", hint="run `make setup` again")
    folder = Path(spec.origin).parent
    found = sorted(folder.rglob(f"v{duckdb.__version__}/{name}.duckdb_extension"))
    if not found:
        raise BrokenHome(
            f"the extension {name} does not fit duckdb {duckdb.__version__}", hint="run `make setup` again"
        )
    con.load_extension(str(found[0]))


def is_lock(error: Exception) -> bool:
    """Whether another process was in the way, so that the same statement may succeed in a moment."""
    text = str(error).lower()
    return isinstance(error, duckdb.Error | sqlite3.OperationalError) and any(word in text for word in LOCKED)


def retried(work: Callable[[], T]) -> T:
    """Runs idempotent `work` again, with jitter, while another process holds the catalog; then raises Busy."""
    try:
        for attempt in stamina.retry_context(
            on=is_lock, attempts=40, timeout=90.0, wait_initial=0.02, wait_max=1.0, wait_jitter=0.3
        ):
            with attempt:
                return work()
    except (duckdb.Error, sqlite3.OperationalError) as error:
        if is_lock(error):
            raise Busy("another process is writing to this workspace", hint="try again in a moment") from error
        raise
    raise AssertionError("the retry loop always returns or raises")


class Lake:
    """One workspace's lakes, open in this process. Threads get their own cursor; close it when done."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self._local = threading.local()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "spill").mkdir(exist_ok=True)
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": settings.memory_limit.replace(" ", ""),
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": "false",
        }
        if settings.threads:
            config["threads"] = settings.threads
        self._root = duckdb.connect(config=config)
        _load_extension(self._root, "sqlite_scanner")
        _load_extension(self._root, "ducklake")
        self._prepare()

    def _prepare(self) -> None:
        marker = self.folder / "format"
        known = marker.read_text().split() if marker.exists() else []
        if known and int(known[0]) > schema.FORMAT:
            raise BrokenHome(
                f"{self.folder} was written by a newer version of Wellheard (format {known[0]})",
                hint="install the newer version, or restore a backup made before it",
            )
        retried(self._attach)
        if known[1:] != [schema.fingerprint()]:
            retried(self._create)
            partial = marker.with_suffix(".new")
            partial.write_text(f"{schema.FORMAT} {schema.fingerprint()}\n")
            partial.replace(marker)

    def _attach(self) -> None:
        for lake in LAKES:
            catalog = self.folder / f"{lake}.sqlite"
            with sqlite3.connect(catalog, timeout=30) as db:
                db.execute("pragma journal_mode=wal")  # readers and one writer at a time, without blocking each other
            db.close()
            text, data = str(catalog).replace("'", "''"), str(self.folder / lake).replace("'", "''")
            self._root.execute(
                f"attach if not exists 'ducklake:sqlite:{text}' as {lake} "
                f"(data_path '{data}', override_data_path true, data_inlining_row_limit {INLINE_ROWS})"
            )
        self._root.execute("set TimeZone = 'UTC'")

    def _create(self) -> None:
        for lake in LAKES:
            self._root.execute("begin")
            try:
                self._create_in(lake)
                self._root.execute("commit")
            except duckdb.Error:
                with suppress(duckdb.Error):  # a failed commit has ended the transaction already
                    self._root.execute("rollback")
                raise

    def _create_in(self, lake: str) -> None:
        for (place, name), columns in schema.layout().items():
            if place != lake:
                continue
            self._root.execute(schema.create_statement(lake, name, columns))
            have = {row[0] for row in self._root.execute(f"describe {lake}.main.{schema.quoted(name)}").fetchall()}
            for column, kind in columns:
                if column not in have:
                    self._root.execute(
                        f"alter table {lake}.main.{schema.quoted(name)} add column {schema.quoted(column)} {kind}"
                    )

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """This thread's connection."""
        if not hasattr(self._local, "con"):
            self._local.con = self._root.cursor()
            self._local.con.execute("set TimeZone = 'UTC'")
        return self._local.con  # type: ignore[no-any-return]

    @property
    def backend(self) -> Any:
        """This thread's Ibis backend over the same connection."""
        if not hasattr(self._local, "backend"):
            self._local.backend = ibis.duckdb.from_connection(self.con)
        return self._local.backend

    @contextmanager
    def reading(self) -> Iterator[int]:
        """One consistent state for all statements inside; yields its snapshot's number."""
        if getattr(self._local, "inside", False):
            yield self._local.snapshot
            return
        self.con.execute("begin")
        self._local.inside = True
        try:
            self._local.snapshot = self.snapshot()
            yield self._local.snapshot
        finally:
            self._local.inside = False
            self.con.execute("rollback")

    def snapshot(self) -> int:
        """The number of the lake's newest state."""
        row = self.con.execute("select max(snapshot_id) from ducklake_snapshots('facts')").fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def table(self, name: str, *, private: bool = False, history: bool = False, as_of: int | None = None) -> ir.Table:
        """The canonical table `name`, tombstones hidden, made values in place of given ones.

        `private` adds the personal columns; `history` keeps every version of a versioned table, with `valid_from` and
        `valid_to`; `as_of` reads an earlier snapshot.
        """
        words = canonical(name)
        raw = self._raw("facts", name, as_of)
        raw = raw.filter(~raw.deleted)
        if words.versioned and not history:
            raw = raw.filter(raw.valid_to.isnull())
        shown = {c.name: _given_or_made(raw, c) for c in words.public}
        common = ["id", "source", "source_id", "updated_at", "ingested_at", "attributes", "import_id"]
        span = ["valid_from", "valid_to"] if words.versioned else []
        opened = raw.select(*[raw[c] for c in (*common, *span)], **shown)
        return self._with_personal(opened, name, as_of) if private and words.private else opened

    def given(self, name: str) -> ir.Table:
        """The canonical table `name` with what its sources gave, whatever an enrichment made of it."""
        raw = self._raw("facts", name, None)
        raw = raw.filter(~raw.deleted)
        return raw.filter(raw.valid_to.isnull()) if canonical(name).versioned else raw

    def _with_personal(self, opened: ir.Table, name: str, as_of: int | None) -> ir.Table:
        """Joins the personal columns; the personal lake has snapshots of its own, so the past shows today's."""
        del as_of
        personal = self._raw("personal", name, None).drop("import_id")
        keys = ["id", "updated_at"] if canonical(name).versioned else ["id"]
        renamed = personal.rename({f"p_{k}": k for k in ("id", "updated_at")})
        joined = opened.left_join(renamed, [opened[k] == renamed[f"p_{k}"] for k in keys])
        return joined.drop("p_id", "p_updated_at")

    def _raw(self, lake: str, name: str, as_of: int | None) -> ir.Table:
        if as_of is None:
            return self.backend.table(name, database=(lake, "main"))
        if not 0 <= as_of <= self.snapshot():
            raise BadCall(f"there is no snapshot {as_of}", hint="`wellheard imports` lists them", field="as_of")
        return self.backend.sql(f"select * from {lake}.main.{schema.quoted(name)} at (version => {int(as_of)})")

    def close(self) -> None:
        """Ends this process's hold on the workspace."""
        self._root.close()


def _given_or_made(raw: ir.Table, column: Column) -> ir.Value:
    """The enrichment's value where it has seen the row, even when it found nothing; else the source's own."""
    if column.made_by is None:
        return raw[column.name]
    seen = raw[schema.made_version(column.made_by)].notnull()
    return ibis.ifelse(seen, raw[schema.made_name(column)], raw[column.name])
