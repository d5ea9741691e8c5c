"""Who may write: one writer at a time holds a workspace, whichever process or thread it lives in.

DuckLake lets two transactions insert the same key at once, since it has no keys of its own; so writers stand in line.
The line is a lock that the operating system lets go of when its holder dies, kept in a small SQLite file because that
works alike on every system. Readers never wait.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from wellheard.base.errors import Busy

PATIENCE = 900.0  # seconds: as long as the longest import that others may have to wait for
STEP = 1.0  # seconds a single try waits, so that an interrupt is heard


@contextmanager
def line(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Holds the lock at `path`; raises Busy when it is not free within `patience` seconds."""
    with closing(sqlite3.connect(path, timeout=min(STEP, patience), isolation_level=None)) as lock:
        _hold(lock, patience)
        yield  # closing rolls the empty transaction back


def _hold(lock: sqlite3.Connection, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            lock.execute("begin immediate")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            if time.monotonic() >= deadline:
                raise Busy("another process is writing to this workspace", hint="try again in a moment") from None
        else:
            return


class Spill:
    """A folder for what the engine cannot hold in memory, gone with its process or, after a crash, when next opened."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(exist_ok=True, mode=0o700)
        self.folder = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        with line(parent / "opening"):  # else another process takes a lock file that is not yet locked for an orphan
            self._held = sqlite3.connect(
                f"{self.folder}.lock", timeout=0, isolation_level=None, check_same_thread=False
            )
            self._held.execute("begin immediate")
            self.folder.mkdir(mode=0o700)
            for other in parent.glob("*.lock"):
                _sweep(other)

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()
        Path(f"{self.folder}.lock").unlink(missing_ok=True)


def _sweep(lock: Path) -> None:
    """Removes a folder whose process has died: what it spilled may hold personal data."""
    try:
        with line(lock, patience=0):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
    except (Busy, sqlite3.OperationalError):
        return
