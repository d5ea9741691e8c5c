"""What was imported, and how it is taken back.

An import is one snapshot of the lake. Undoing it restores what its rows replaced, as far as nothing newer stands there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wellheard.base.errors import BadCall, Unknown
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse import takeback
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import KINDS
from wellheard.warehouse.load import Enrich

PEOPLE = tuple(kind.linked for kind in KINDS.values())


@dataclass(frozen=True)
class Import:
    """One load as `wellheard imports` lists it; `tables` holds a dictionary of counts a table."""

    import_id: str
    taken_at: datetime
    source: str
    files: tuple[str, ...]
    recipe: str
    tables: tuple[Mapping[str, Any], ...]
    unreadable: int
    undone_at: datetime | None


@dataclass(frozen=True)
class Undone:
    """What an undoing did: rows removed and restored by table; `again` are later imports that delivered the same."""

    import_id: str
    removed: Mapping[str, int]
    restored: Mapping[str, int]
    again: tuple[str, ...]


def imports(lake: Lake) -> list[Import]:
    """Every load, the newest first."""
    rows = lake.con.execute(
        "select import_id, taken_at, source, report, undone_at from facts.main._imports "
        "order by taken_at desc, import_id desc"
    ).fetchall()
    result = []
    for import_id, taken_at, source, report, undone_at in rows:
        said = json.loads(report)
        result.append(
            Import(
                import_id,
                taken_at.astimezone(UTC),
                source,
                tuple(said["files"]),
                said["recipe"],
                tuple(said["tables"]),
                said["unreadable"],
                undone_at,
            )
        )
    return result


def _taken_back_already(import_id: str) -> BadCall:
    return BadCall(f"import {import_id} was taken back already", hint="`wellheard imports` shows when", field="id")


def undo(lake: Lake, import_id: str, enrich: Enrich | None = None) -> Undone:
    """Takes an import back. Raises Unknown for an id that is none, BadCall where it was taken back already."""
    known = {i.import_id: i for i in imports(lake)}
    if import_id not in known:
        raise Unknown(f"there is no import {import_id!r}", hint="`wellheard imports` lists them", field="id")
    if known[import_id].undone_at is not None:
        raise _taken_back_already(import_id)
    with lake.writing():
        return _undo(lake, import_id, enrich)


def _undo(lake: Lake, import_id: str, enrich: Enrich | None) -> Undone:
    known = {i.import_id: i for i in imports(lake)}  # again: another process may have been faster
    if known[import_id].undone_at is not None:
        raise _taken_back_already(import_id)
    names = [t["table"] for t in known[import_id].tables if t["new"] or t["changed"]]
    takeback.check_kept(lake.con, "facts", import_id)
    gone = {i.import_id for i in known.values() if i.undone_at is not None} | {import_id}
    removed: dict[str, int] = {}
    restored: dict[str, int] = {}
    touched: dict[str, str] = {}

    def facts() -> None:
        for name in names:
            back = takeback.take_back(lake.con, "facts", canonical(name), import_id, gone)
            removed[name], restored[name], touched[name] = back
        if enrich is not None and touched:
            enrich(lake, touched)
        lake.con.execute(
            "update facts.main._imports set undone_at = ? where import_id = ?", [datetime.now(UTC), import_id]
        )

    def personal() -> None:
        for name in names:
            if canonical(name).private:
                takeback.take_back(lake.con, "personal", canonical(name), import_id, gone)
        lake.con.execute("update personal.main._imports set undone_at = now() where import_id = ?", [import_id])

    # The facts first: should we die between the two, the next writer takes the personal columns back.
    lake.commit(facts)
    lake.commit(personal)
    people = {name: relation for name, relation in touched.items() if name in PEOPLE}
    if enrich is not None and people:
        _again(lake, enrich, people)
    return Undone(import_id, removed, restored, _delivered_again(known, import_id, names))


def _again(lake: Lake, enrich: Enrich, people: Mapping[str, str]) -> None:
    """Links hang on personal columns, which came back after the facts did."""

    def links() -> None:
        enrich(lake, people)

    lake.commit(links)


def _delivered_again(known: Mapping[str, Import], import_id: str, names: list[str]) -> tuple[str, ...]:
    """Later imports that brought rows which stood here already: without this one they may be missing."""
    this = known[import_id]
    later = [
        i for i in known.values() if i.taken_at > this.taken_at and i.undone_at is None and i.source == this.source
    ]
    return tuple(
        i.import_id for i in later if any((t["unchanged"] or t["older"]) and t["table"] in names for t in i.tables)
    )
