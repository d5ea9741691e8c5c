"""The links between rows as people see them, and what people decide about them.

A decision is about a pair of rows: they are one, or they are not. It is a row of the links table with the source
`by_hand`, so it is kept, dated, and taken back like every other row; rules never touch it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wellheard.base.errors import BadCall, Unknown
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import BY_HAND, FOUND, KINDS, Kind, rows_of

BESIDE = "beside"
LEAST_LETTERS = 6  # of a link's id that must be given
REASONS = {
    "by_hand": "linked by hand",
    "source_link": "their source says so",
    "external_id": "the same external id",
    "email": "the same e-mail address",
    "email_domain": "the same internet domain",
    "phone": "the same telephone number",
}


@dataclass(frozen=True)
class Link:
    """Two rows, named as `source:source_id`, and whether they are one: `state` is holds, ended or kept apart."""

    id: str
    kind: str
    row: str
    beside: str
    whole: str
    reason: str
    since: datetime
    ended_at: datetime | None
    decided_by: str | None
    state: str

    @property
    def why(self) -> str:
        """The reason in words."""
        return REASONS[self.reason]


@dataclass(frozen=True)
class Decision:
    """A row to write, and what it means in words."""

    kind: Kind
    row: Mapping[str, Any]
    words: str


def links(lake: Lake) -> list[Link]:
    """Every link that holds or once held, and every pair kept apart: those that hold first, then by their rows."""
    found = [link for kind in KINDS.values() for link in _links(lake, kind)]
    return sorted(found, key=lambda link: (link.state != "holds", link.kind, link.whole, link.row, link.id))


def link_of(lake: Lake, id: str) -> Link:
    """The link with an id or its first letters; raises Unknown where none or several have it."""
    fitting = [link for link in links(lake) if link.id.startswith(id)] if len(id) >= LEAST_LETTERS else []
    if len(fitting) != 1:
        raise Unknown(f"there is no link {id!r}", hint="`wellheard links` lists them with their ids", field="id")
    return fitting[0]


def joined(lake: Lake, kind: str, one: str, other: str, by: str) -> Decision:
    """That two rows are one. Raises Unknown for a row that is none, BadCall where it is the same or linked already."""
    known = _kind(kind)
    first, second = sorted((_row(lake, known, one), _row(lake, known, other)))
    if first == second:
        raise BadCall("a row is not linked with itself", hint="name two rows", field="other")
    wholes = {link.row: link.whole for link in _links(lake, known) if link.state == "holds"}
    if wholes.get(first, first) == wholes.get(second, second):
        raise BadCall(f"{first} and {second} are one {kind} already", hint="`wellheard links` says why", field="other")
    return Decision(known, _decision(known, first, second, "by_hand", by, None), f"{first} and {second} are one {kind}")


def parted(lake: Lake, id: str, by: str) -> Decision:
    """That the two rows of a link are not one. Raises BadCall where the link does not hold."""
    link = link_of(lake, id)
    if link.state != "holds":
        raise BadCall(f"the link {link.id} does not hold any more", hint="`wellheard links` shows since when")
    kind = KINDS[link.kind]
    first, second = sorted((link.row, link.beside))
    row = _decision(kind, first, second, link.reason, by, datetime.now(UTC))
    return Decision(kind, row, f"{first} and {second} are not one {link.kind}")


def restored(lake: Lake, id: str, by: str) -> Decision:
    """That a decision to keep two rows apart is withdrawn, so that the link holds again if its evidence does."""
    link = link_of(lake, id)
    if link.state != "kept apart":
        hint = "only what was decided by hand can be restored; `wellheard link` makes a link"
        raise BadCall(f"the link {link.id} was not undone by hand", hint=hint, field="id")
    kind = KINDS[link.kind]
    first, second = sorted((link.row, link.beside))
    row = _decision(kind, first, second, link.reason, by, None)
    if link.reason != "by_hand":
        row["deleted"] = True
    return Decision(kind, row, f"{first} and {second} may be one {link.kind} again")


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise BadCall(f"{name!r} cannot be linked", hint=f"one of {', '.join(KINDS)}", field="kind")
    return KINDS[name]


def _decision(kind: Kind, first: str, second: str, reason: str, by: str, undone_at: datetime | None) -> dict[str, Any]:
    source, _, key = second.partition(":")
    now = datetime.now(UTC)
    return {
        "source": BY_HAND,
        "source_id": f"{first}={second}",
        "updated_at": now,
        kind.whole: first,
        kind.source: source,
        kind.key: key,
        "reason": reason,
        "since": now,
        "undone_at": undone_at,
        "decided_by": by,
    }


def _links(lake: Lake, kind: Kind) -> list[Link]:
    rows = rows_of(lake, kind)
    apart = [
        _link(kind, row, row[kind.whole], "kept apart")
        for row in rows
        if row["source"] == BY_HAND and row["undone_at"] is not None
    ]
    pairs = {tuple(sorted((link.row, link.beside))) for link in apart}
    found = []
    for row in rows:
        if row["source"] == FOUND and row["source_id"] != row[kind.whole]:
            beside = dict(row["attributes"])[BESIDE]
            ended = row["undone_at"] is not None
            if not (ended and tuple(sorted((row["source_id"], beside))) in pairs):
                found.append(_link(kind, row, beside, "ended" if ended else "holds"))
    return [*found, *apart]


def _link(kind: Kind, row: Mapping[str, Any], beside: str, state: str) -> Link:
    return Link(
        id=row["id"],
        kind=kind.name,
        row=f"{row[kind.source]}:{row[kind.key]}",
        beside=beside,
        whole=row[kind.whole],
        reason=row["reason"],
        since=row["since"],
        ended_at=row["undone_at"],
        decided_by=row["decided_by"],
        state=state,
    )


def _row(lake: Lake, kind: Kind, name: str) -> str:
    """A row as `source:source_id`, from that, from its id, or from a source_id that one source alone uses."""
    table = lake.table(kind.linked)
    named = table.source + ":" + table.source_id
    fitting = table.filter((named == name) | (table.id == name) | (table.source_id == name))
    rows = lake.backend.to_pyarrow(fitting.select("source", "source_id", name=named)).to_pylist()
    exact = [row["name"] for row in rows if row["name"] == name]
    found = sorted(exact or {row["name"] for row in rows})
    if len(found) == 1:
        return str(found[0])
    if found:
        raise BadCall(f"{name!r} is a row of several sources", hint=f"say which: {', '.join(found)}", field="row")
    raise Unknown(f"there is no row {name!r} in {kind.linked}", hint="name it as source:source_id", field="row")
