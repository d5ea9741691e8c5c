"""Keeps rollups beside the lake as Arrow files, one each: small, read whole, replaced at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

ABOUT = b"wellheard"


def write(folder: Path, name: str, table: pa.Table, about: Mapping[str, Any]) -> None:
    """Keeps a table and what is to be known of it under a name. Whoever reads finds the old file or the new one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / f"{name}.{os.getpid()}.new"
    kept = table.replace_schema_metadata({ABOUT: json.dumps(about).encode()})
    with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, kept.schema) as writer:
        writer.write_table(kept)
    partial.replace(folder / f"{name}.arrow")


def read(folder: Path, name: str) -> tuple[pa.Table, dict[str, Any]] | None:
    """The table of that name and what is to be known of it; None where there is none that can be read."""
    try:
        with pa.OSFile(str(folder / f"{name}.arrow"), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
        return table, json.loads(table.schema.metadata[ABOUT])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError):
        return None  # it is made again from the facts


def names(folder: Path) -> list[str]:
    """The names under which tables are kept, the least lately written first."""
    found = sorted(folder.glob("*.arrow"), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    return [path.stem for path in found]


def remove(folder: Path, name: str) -> None:
    """Lets go of a table."""
    (folder / f"{name}.arrow").unlink(missing_ok=True)
