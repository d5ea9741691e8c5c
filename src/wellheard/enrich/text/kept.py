"""What was read before, by a keyed hash of the text: the same words are never read twice by the same model.

The file holds no text. Its key lies beside it and is made anew with it, so that a hash says nothing elsewhere. It can
be deleted at any time; all it costs is reading again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wellheard.enrich.text.graph import Numbers
from wellheard.enrich.text.reading import Aspect, Read

MANY = 500
IN_MEMORY = 50_000  # readings held, newest first


class Kept:
    """Readings and meanings by text. Safe to share between threads; `None` as the file keeps them in memory alone."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._reads: dict[bytes, Read] = {}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(file or ":memory:", timeout=30, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.execute("create table if not exists reads (key blob primary key, read text) without rowid")
        self._db.execute("create table if not exists meanings (key blob primary key, meaning blob) without rowid")
        self._secret = self._key(file)

    @staticmethod
    def _key(file: Path | None) -> bytes:
        if file is None:
            return secrets.token_bytes(32)
        held = file.with_suffix(".key")
        if not held.exists():
            partial = held.with_suffix(f".{os.getpid()}")
            partial.write_bytes(secrets.token_bytes(32))
            partial.chmod(0o600)
            partial.replace(held)
        return held.read_bytes()

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._db.close()

    def key(self, *parts: str) -> bytes:
        """The keyed hash of a text and of what else the reading hangs on."""
        return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), key=self._secret, digest_size=16).digest()

    def reads(self, keys: Sequence[bytes]) -> dict[bytes, Read]:
        """Those that were read before."""
        found = {key: self._reads[key] for key in keys if key in self._reads}
        missing = [key for key in keys if key not in found]
        for key, told in self._rows("reads", "read", missing):
            found[key] = self._reads[key] = _read(json.loads(told))
        self._trim()
        return found

    def keep(self, found: Mapping[bytes, Read]) -> None:
        """Keeps readings."""
        with self._lock:
            rows = [(key, json.dumps(asdict(read))) for key, read in found.items()]
            self._db.executemany("insert or replace into reads values (?, ?)", rows)
            self._reads.update(found)
        self._trim()

    def meanings(self, keys: Sequence[bytes]) -> dict[bytes, Numbers]:
        """The meanings that are kept, each 384 numbers of length 1, to one part in 127."""
        return {key: _whole(blob) for key, blob in self._rows("meanings", "meaning", list(keys))}

    def keep_meanings(self, found: Mapping[bytes, Numbers]) -> None:
        """Keeps meanings in a byte a number."""
        with self._lock:
            rows = [(key, _bytes(meaning)) for key, meaning in found.items()]
            self._db.executemany("insert or replace into meanings values (?, ?)", rows)

    def _rows(self, table: str, column: str, keys: Sequence[bytes]) -> list[tuple[bytes, Any]]:
        rows: list[tuple[bytes, Any]] = []
        with self._lock:
            for start in range(0, len(keys), MANY):
                part = list(keys[start : start + MANY])
                places = ",".join("?" * len(part))
                sql = f"select key, {column} from {table} where key in ({places})"  # noqa: S608 - names of ours
                rows += self._db.execute(sql, part).fetchall()
        return rows

    def _trim(self) -> None:
        with self._lock:
            while len(self._reads) > IN_MEMORY:
                self._reads.pop(next(iter(self._reads)))


def _read(told: dict[str, Any]) -> Read:
    told["emotions"] = tuple(told["emotions"])
    told["aspects"] = tuple(Aspect(**aspect) for aspect in told["aspects"])
    return Read(**told)


def _bytes(meaning: Numbers) -> bytes:
    return np.round(meaning / max(1e-9, float(np.abs(meaning).max())) * 127).astype(np.int8).tobytes()


def _whole(blob: bytes) -> Numbers:
    numbers = np.frombuffer(blob, np.int8).astype(np.float32)
    return np.asarray(numbers / max(1e-9, float(np.linalg.norm(numbers))), np.float32)
