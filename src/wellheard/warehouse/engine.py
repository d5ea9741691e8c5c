"""Connects the lake: DuckDB in this process, DuckLake catalogs in SQLite, data in Parquet.

A workspace has two lakes of the same shape: `facts`, and `personal` for the private columns, so that erasing a person
ends only the personal history. Several processes may hold one workspace at once.
"""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import stamina

from wellheard.base.errors import BadCall, BrokenHome, Busy
from wellheard.base.settings import Settings
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Column, Table
from wellheard.warehouse import changes, schema, takeback
from wellheard.warehouse.writing import Spill, line

LAKES = ("facts", "personal")
SETTLED = 100_000_000  # nanoseconds after which a change of a file is surely the last in its tick of the clock
INLINE_ROWS = 1000  # smaller writes stay in the catalog until they are flushed
NO_ROW = "no row"  # a key that no row has
TORN = """
    select p.import_id from personal.main._imports p
    anti join facts.main._imports f on f.import_id = p.import_id and f.undone_at is null
    where p.undone_at is null"""
LOCKED = ("database is locked", "conflict", "could not set lock", "cannot start a transaction", "busy")

# Merging nested selects is the engine's work; done by Ibis it takes longer than most queries.
ibis.options.sql.fuse_selects = False

T = TypeVar("T")
_TRIALS, _HELD = count(1), count(1)


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


def _stat(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):  # the journal goes when the last process ends
        return path.stat()
    return None


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

    runs_again = True  # statements that were compiled once can be run again as they are

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self._local = threading.local()
        self._changes = changes.Changes()
        self._newest: tuple[object, int] = ((), 0)
        self._texts: dict[Hashable, str] = {}
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = self._known_format()
        self._spill = Spill(folder / "spill")
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": settings.memory_limit.replace(" ", ""),
            "temp_directory": str(self._spill.folder),
            "preserve_insertion_order": "false",
        }
        if settings.threads:
            config["threads"] = settings.threads
        self._root = duckdb.connect(config=config)
        try:
            _load_extension(self._root, "sqlite_scanner")
            _load_extension(self._root, "ducklake")
            self._prepare(known)
        except BaseException:
            self.close()
            raise

    def _known_format(self) -> list[str]:
        """The number and the fingerprint of the layout in which the home was written; empty for a new one."""
        marker = self.folder / "format"
        known = marker.read_text().split() if marker.exists() else []
        if known and not known[0].isdigit():
            raise BrokenHome(f"{marker} does not hold the number of a format", hint="restore a backup")
        if known and int(known[0]) > schema.FORMAT:
            raise BrokenHome(
                f"{self.folder} was written by a newer version of Wellheard (format {known[0]})",
                hint="install the newer version, or restore a backup made before it",
            )
        return known

    def _prepare(self, known: list[str]) -> None:
        if known[1:] == [schema.fingerprint()]:
            retried(lambda: self._attach(made=True))
            self._mend_if_free()
            return
        with line(self.folder / "writer.lock"):
            known = self._known_format()  # another process may have made it while we stood in line
            if not known:
                self._make_catalogs()
            retried(lambda: self._attach(made=bool(known)))
            if known[1:] != [schema.fingerprint()]:
                retried(self._create)
                marker = self.folder / "format"
                partial = marker.with_suffix(".new")
                partial.write_text(f"{schema.FORMAT} {schema.fingerprint()}\n")
                partial.replace(marker)
            self._mend()

    def _make_catalogs(self) -> None:
        """Sets the catalogs to a journal with which readers and one writer do not block each other.

        Done once, before the engine opens them: two SQLite libraries in one process drop each other's locks.
        """
        for lake in LAKES:
            with closing(sqlite3.connect(self.folder / f"{lake}.sqlite", timeout=30)) as db:
                db.execute("pragma journal_mode=wal")

    def _attach(self, *, made: bool) -> None:
        for lake in LAKES:
            catalog = self.folder / f"{lake}.sqlite"
            if made and not catalog.exists():
                raise BrokenHome(f"{catalog} is missing", hint="restore a backup: without it the data has no catalog")
            text, data = str(catalog).replace("'", "''"), str(self.folder / lake).replace("'", "''")
            self._root.execute(
                f"attach if not exists 'ducklake:sqlite:{text}' as {lake} "
                f"(data_path '{data}', override_data_path true, data_inlining_row_limit {INLINE_ROWS})"
            )
        self._root.execute("set TimeZone = 'UTC'")

    def _create(self) -> None:
        """Makes what is missing. May be killed at any point, since it is all done again until the format is written."""
        for lake in LAKES:
            with self._transaction(self._root):
                self._create_in(lake)
        # An empty table has no statistics, and the engine then asks the catalog for those of every column in every
        # query, 4 ms each. One row that comes and goes spares that.
        first = {
            name: schema.quoted(columns[0][0]) for (lake, name), columns in schema.layout().items() if lake == "facts"
        }
        with self._transaction(self._root):
            for name, key in first.items():
                self._root.execute(f"insert into facts.main.{schema.quoted(name)} ({key}) values ('{NO_ROW}')")
        with self._transaction(self._root):
            for name, key in first.items():
                self._root.execute(f"delete from facts.main.{schema.quoted(name)} where {key} = '{NO_ROW}'")

    @staticmethod
    @contextmanager
    def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        con.execute("begin")
        try:
            yield
            con.execute("commit")
        except BaseException:
            with suppress(duckdb.Error):  # a failed commit has ended the transaction already
                con.execute("rollback")
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

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the workspace against other writers; raises Busy when it stays taken. May be nested."""
        if getattr(self._local, "writes", False):
            yield
            return
        with line(self.folder / "writer.lock"):
            self._mend()
            self._local.writes = True
            try:
                yield
            finally:
                self._local.writes = False

    def commit(self, work: Callable[[], None]) -> None:
        """Runs `work`, which writes to one of the lakes, as one transaction; again while the catalog is held."""

        def once() -> None:
            with self._transaction(self.con):
                work()

        retried(once)

    def _mend_if_free(self) -> None:
        with suppress(Busy), line(self.folder / "writer.lock", patience=0):
            self._mend()

    def _mend(self) -> None:
        """Takes out of the personal lake what belongs to an import that the facts never got, or lost again.

        The two lakes cannot share a transaction; a process that dies between the two commits leaves this to the next.
        """
        torn = {row[0] for row in self.con.execute(TORN).fetchall()}
        if not torn:
            return
        undone = self.con.execute("select import_id from facts.main._imports where undone_at is not null").fetchall()
        gone = torn | {row[0] for row in undone}

        def work() -> None:
            for import_id in sorted(torn):
                for words in tables().values():
                    if words.private:
                        takeback.take_back(self.con, "personal", words, import_id, gone)
                self.con.execute("update personal.main._imports set undone_at = now() where import_id = ?", [import_id])

        self.commit(work)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """This thread's connection."""
        if not hasattr(self._local, "con"):
            self._local.con = self._root.cursor()
            self._cursors.append(self._local.con)
            self._local.con.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")  # it would go to stdout
        con: duckdb.DuckDBPyConnection = self._local.con
        return con

    @property
    def backend(self) -> Any:
        """This thread's Ibis backend over the same connection."""
        if not hasattr(self._local, "backend"):
            self._local.backend, self._local.tables = ibis.duckdb.from_connection(self.con), {}
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
            self.con.execute("select 1 from personal.main._imports limit 1")  # both lakes stand still from here
            self._local.snapshot = self.snapshot()
            yield self._local.snapshot
        finally:
            self._local.inside = False
            self.con.execute("rollback")

    @contextmanager
    def trying(self) -> Iterator[None]:
        """A state that is written to and read inside, and was never there afterwards; its number is below zero."""
        self.con.execute("begin")
        self._local.inside, self._local.snapshot = True, -next(_TRIALS)
        try:
            yield
        finally:
            self._local.inside = False
            self.con.execute("rollback")

    def fetch(self, sql: str) -> pa.Table:
        """The rows of a statement that was compiled from an expression."""
        return self.con.execute(sql).to_arrow_table()

    def text(self, key: Hashable, state: Callable[[], ir.Expr]) -> str:
        """The statement of an expression which is the same whenever it is stated under `key`: compiled once."""
        if key not in self._texts:
            self._texts[key] = self.backend.compile(state())
        return self._texts[key]

    def hold(self, sql: str, name: str | None = None) -> str:
        """Holds a statement's rows in a temporary table, which ends with the `reading` it is made in; gives its name.

        No two names are ever equal in a process, so that a statement that reads one may be run again after it.
        """
        name = name or f"_held_{next(_HELD)}"
        self.con.execute(f"create or replace temp table {schema.quoted(name)} as {sql}")
        return name

    def held(self, name: str) -> ir.Table:
        """A table that is held."""
        return self.backend.table(name, database=("temp", "main"))

    def stamp(self, snapshot: int) -> str:
        """When a snapshot was made, which tells it from one of another lake under the same number."""
        found = self.con.execute(
            "select snapshot_time from ducklake_snapshots('facts') where snapshot_id = ?", [snapshot]
        ).fetchone()
        return found[0].isoformat() if found else ""

    def version(self, tables: Iterable[str], snapshot: int) -> int:
        """The snapshot in which any of the fact tables last changed, at or before `snapshot`; a trial's own number."""
        return snapshot if snapshot < 0 else self._changes_to(snapshot).last(tables, snapshot)

    def changed(self, before: int, after: int) -> frozenset[str]:
        """The fact tables that changed after one snapshot, up to another."""
        return self._changes_to(after).between(before, after)

    def _changes_to(self, snapshot: int) -> changes.Changes:
        if self._changes.seen < snapshot:
            self._changes = changes.read(self.con)
        return self._changes

    def snapshot(self) -> int:
        """The number of the lake's newest state."""
        row = self.con.execute("select max(snapshot_id) from ducklake_snapshots('facts')").fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def newest(self) -> int:
        """The snapshot's number, asked for anew only where the catalog's files have changed: pages ask at each visit.

        A clock's tick may hold two changes, so files that changed a moment ago are not trusted to stand still.
        """
        if getattr(self._local, "inside", False):
            return int(self._local.snapshot)
        files = [self.folder / f"{LAKES[0]}.sqlite{end}" for end in ("", "-wal")]
        found = [each for path in files if (each := _stat(path)) and each.st_size]  # readers make empty journals
        seen = tuple((each.st_mtime_ns, each.st_size) for each in found)
        if self._newest[0] != seen:
            number, settled = self.snapshot(), time.time_ns() - max(at for at, _ in seen) > SETTLED
            if not settled:
                return number
            self._newest = (seen, number)
        return self._newest[1]

    def table(self, name: str, *, private: bool = False, history: bool = False, as_of: int | None = None) -> ir.Table:
        """The canonical table `name`, tombstones hidden, made values in place of given ones.

        `private` adds the personal columns; `history` keeps every version of a versioned table, with `valid_from` and
        `valid_to`; `as_of` reads an earlier snapshot.
        """
        words = canonical(name)
        opened = opened_of(self._raw("facts", name, as_of), words, history=history)
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
            backend = self.backend
            opened: dict[tuple[str, str], ir.Table] = self._local.tables
            if (lake, name) not in opened:  # to ask the catalog for columns takes longer than many a query
                opened[lake, name] = backend.table(name, database=(lake, "main"))
            return opened[lake, name]
        if not self._oldest() <= as_of <= self.snapshot():
            hint = f"they go from {self._oldest()} to {self.snapshot()}; every answer names the one it came from"
            raise BadCall(f"there is no snapshot {as_of}", hint=hint, field="as_of")
        then = self.backend.sql(f"select * from {lake}.main.{schema.quoted(name)} at (version => {int(as_of)})")
        now = self.backend.table(name, database=(lake, "main")).schema()
        # A column that a later version of the program added was empty then.
        added = {column: ibis.null(kind) for column, kind in now.items() if column not in then.columns}
        return then.mutate(**added) if added else then

    def _oldest(self) -> int:
        """The first snapshot that is kept and in which the tables are there."""
        first = "select min(snapshot_id), min(snapshot_id) filter (changes['tables_created'] is not null)"
        row = self.con.execute(f"{first} from ducklake_snapshots('facts')").fetchone()
        assert row is not None
        return int(max(n for n in row if n is not None))

    def close(self) -> None:
        """Ends this process's hold on the workspace, in every thread."""
        for cursor in self._cursors:
            cursor.close()
        self._root.close()
        self._spill.close()


def opened_of(raw: ir.Table, words: Table, *, history: bool) -> ir.Table:
    """The public columns of a canonical table as it lies in any engine: tombstones hidden, made values shown."""
    raw = raw.filter(~raw.deleted)
    if words.versioned and not history:
        raw = raw.filter(raw.valid_to.isnull())
    shown = {c.name: _given_or_made(raw, c) for c in words.public}
    common = ["id", "source", "source_id", "updated_at", "ingested_at", "attributes", "import_id"]
    span = ["valid_from", "valid_to"] if words.versioned else []
    return raw.select(*[raw[c] for c in (*common, *span)], **shown)


def _given_or_made(raw: ir.Table, column: Column) -> ir.Value:
    """The enrichment's value where it has seen the row, even when it found nothing; else the source's own."""
    if column.made_by is None:
        return raw[column.name]
    seen = raw[schema.made_version(column.made_by)].notnull()
    return ibis.ifelse(seen, raw[schema.made_name(column)], raw[column.name])
