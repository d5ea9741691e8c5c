"""Gives every column of a file a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from wellheard.sources.files.format import ROW, Rename

BOM = "\ufeff"


def name_columns(found: Sequence[str]) -> tuple[list[str], tuple[Rename, ...]]:
    """The names of a file's columns, each once, and the ones that had to change.

    Blanks and a byte order mark around a name go; an empty name becomes `column_N` (1-based), a second `name` becomes
    `name_2`. A name that the file gives keeps its column: a made name steps aside for it.
    """
    clean = [name.strip().strip(BOM).strip() for name in found]
    given = set(clean) | {ROW}
    taken = {ROW}
    names: list[str] = []
    for position, name in enumerate(clean, 1):
        chosen = name
        if not name:
            chosen = _free(f"column_{position}", given | taken, first=True)
        elif name in taken:
            chosen = _free(name, given | taken)
        taken.add(chosen)
        names.append(chosen)
    pairs = zip(found, names, strict=True)
    return names, tuple(Rename(position, was, now) for position, (was, now) in enumerate(pairs, 1) if was != now)


def _free(name: str, taken: set[str], *, first: bool = False) -> str:
    if first and name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def numbered(count: int) -> list[str]:
    """The names of a file that has none."""
    return [f"column_{position}" for position in range(1, count + 1)]


def text_schema(names: Iterable[str]) -> pa.Schema:
    """The schema of a file whose cells all arrive as text."""
    return pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in names)])
