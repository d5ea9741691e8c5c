"""Looks a store over without changing it: which layout it has, and how much waits in it."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from wellheard.base.errors import BrokenHome
from wellheard.base.settings import Settings
from wellheard.store import batches
from wellheard.store.store import FILE, url_of

PATIENCE = 5  # seconds to reach a database


def state_of(home: Path, settings: Settings, workspace: str) -> tuple[str, int]:
    """The store's layout, empty where it has none, and how many answers the lake has not got. Raises BrokenHome."""
    url = url_of(home, settings)
    if url.get_backend_name() == "sqlite":
        # Opened as a file that is only read: a store that is not there must not be made by looking.
        url = sa.make_url(f"sqlite:///file:{home / FILE}?mode=ro&uri=true")
        engine = sa.create_engine(url, connect_args={"timeout": PATIENCE}, hide_parameters=True)
    else:
        engine = sa.create_engine(url, connect_args={"connect_timeout": PATIENCE}, hide_parameters=True)
    try:
        with engine.connect() as con:
            if not sa.inspect(con).has_table("alembic_version"):
                return "", 0
            layout = str(con.scalar(sa.text("select version_num from alembic_version")) or "")
            return layout, batches.waiting(con, workspace)
    except SQLAlchemyError as error:
        raise BrokenHome(
            f"the store at {url.render_as_string()} cannot be opened: {type(error).__name__}",
            hint="check the setting `store`, that the database runs, and who may read it",
        ) from None
    finally:
        engine.dispose()
