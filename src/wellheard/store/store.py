"""Opens the store: SQLite in the home, or PostgreSQL by URL, brought up to this program's layout.

In SQLite a commit has reached the disk when it returns (`synchronous=FULL`), readers and the one writer do not block
each other (WAL), and a writer takes the lock when it begins, so that it never fails half-way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from wellheard.base.errors import BrokenHome, Busy
from wellheard.base.settings import Settings

FILE = "store.sqlite"
PAGES = 16_000  # of the journal after which a writer brings it into the file, unless `tidy` was called before
TIDY = 20  # milliseconds that tidying up may keep writers waiting for those who read
PATIENCE = 30  # seconds that a writer waits for another
VERSIONS = Path(__file__).parent / "migrations" / "versions"
WRITES = "wellheard_writes"  # the option of a connection that is going to write
ONE_AT_A_TIME = 0x7765_6C6C  # the lock in PostgreSQL under which layouts are changed


class Store:
    """The store of a deployment, open in this process. Threads may share it; close it when done."""

    def __init__(self, url: str | sa.URL) -> None:
        self.url = sa.make_url(url)
        self.engine = _engine(self.url)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection on which all statements see one state."""
        with self.engine.connect() as con, _told(), con.begin():
            yield con

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection whose writes hold once the block has ended, all of them or none. Raises Busy."""
        with self.engine.connect() as con, _told():
            con = con.execution_options(**{WRITES: True})
            with con.begin():
                yield con

    def layout(self) -> str:
        """The number of the newest migration the store has seen; empty for a new store."""
        with self.reading() as con:
            return _layout_in(con)

    def tidy(self) -> None:
        """Brings SQLite's journal into its file, so that no writer has to do it on its way; nothing elsewhere.

        Nearly all of it is done while others write, and the rest while they wait; where somebody reads for long, the
        rest is left for the next time.
        """
        if not self.is_sqlite:
            return
        with closing(self.engine.raw_connection()) as con, closing(con.cursor()) as cursor:
            cursor.execute(f"pragma busy_timeout={TIDY}")
            try:
                for way in ("passive", "full"):
                    cursor.execute(f"pragma wal_checkpoint({way})").fetchall()
            finally:
                cursor.execute(f"pragma busy_timeout={1000 * PATIENCE}")

    def close(self) -> None:
        """Lets go of the store."""
        self.engine.dispose()

    def _prepare(self) -> None:
        try:
            known = self.layout()
        except sa.exc.DatabaseError as error:
            raise BrokenHome(
                f"the store at {self.url.render_as_string()} cannot be opened: {error.orig}",
                hint="check the setting `store` and who may read it; `wellheard doctor` looks at both",
            ) from None
        wanted = newest()
        if known > wanted:
            raise BrokenHome(
                f"the store was written by a newer version of Wellheard (layout {known}, this one knows {wanted})",
                hint="install the newer version, or restore a backup made before it",
            )
        if known < wanted:
            self._migrate()

    def _migrate(self) -> None:
        """Runs the migrations that are missing, all in one transaction: killed in between, nothing has happened."""
        from alembic import command  # takes a while to load, and most openings have nothing to migrate
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        with self.writing() as con:
            if not self.is_sqlite:
                con.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
            if _layout_in(con) < newest():  # another process may have been faster
                config.attributes["connection"] = con
                command.upgrade(config, "head")


def open_store(home: Path, settings: Settings) -> Store:
    """The store of the deployment in `home`. Raises BrokenHome where it cannot be opened or is a newer program's."""
    return Store(url_of(home, settings))


def url_of(home: Path, settings: Settings) -> sa.URL:
    """Where the store of a deployment is. Raises BrokenHome for a setting that is no address."""
    given = settings.store.get_secret_value()
    return sa.make_url(_url(given) if given else f"sqlite:///{home / FILE}")


def newest() -> str:
    """The number of the newest migration that this program has."""
    found = [re.fullmatch(r"v(\d{4})_\w+\.py", path.name) for path in VERSIONS.iterdir()]
    return max(match.group(1) for match in found if match)


def _url(given: str) -> str:
    if not re.match(r"postgres(ql)?(\+psycopg)?://", given):
        raise BrokenHome(
            "the setting `store` is no address of a PostgreSQL database",
            hint="write postgresql://user:password@host/database, or leave it empty for a file in the home",
            field="store",
        )
    return re.sub(r"^[^:]+://", "postgresql+psycopg://", given)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=10, hide_parameters=True)
    # Errors name no values: they are logged, and the values are what people wrote.
    # The connection that was used last comes first: it has read the pages, and prepared the statements.
    engine = sa.create_engine(
        url,
        connect_args={"timeout": PATIENCE},
        pool_size=20,
        max_overflow=20,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself, so that layouts change in transactions too
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on", f"wal_autocheckpoint={PAGES}"):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(con: sa.Connection) -> None:
    writes = con.get_execution_options().get(WRITES, False)
    con.exec_driver_sql("begin immediate" if writes else "begin")


def _layout_in(con: sa.Connection) -> str:
    if not sa.inspect(con).has_table("alembic_version"):
        return ""
    return str(con.scalar(sa.text("select version_num from alembic_version")) or "")


@contextmanager
def _told() -> Iterator[None]:
    """Turns the store's being held too long by others into what a person can act on."""
    try:
        yield
    except OperationalError as error:
        if "locked" in str(error.orig) or "busy" in str(error.orig):
            raise Busy("another process holds the store", hint="try again in a moment") from error
        raise
