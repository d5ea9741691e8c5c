"""Broadcasts as they are kept: what was to be said to whom, and what became of each person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import Unknown
from wellheard.store.followup import BROADCAST_PEOPLE, BROADCASTS, DELIVERIES
from wellheard.store.tokens import new_id

DRAFT, STARTED, STOPPED = "draft", "started", "stopped"
SENT, HELD_OUT, REFUSES, NO_ADDRESS = "sent", "held_out", "refuses", "no_address"

STOPPED_MEANWHILE = "the broadcast was stopped"  # why a letter did not leave


@dataclass(frozen=True)
class Broadcast:
    """One message to many."""

    broadcast_id: str
    name: str
    definition: Mapping[str, Any]
    state: str
    made_by: str
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Person:
    """What became of somebody: sent, held_out, refuses or no_address; `state` and `connection` are the delivery's.

    `customer_id` is the row of customers, `source:source_id`, since two sources may use one id for two people.
    """

    customer_id: str
    arm: str
    reason: str | None
    decided_at: datetime
    state: str | None
    connection: str | None
    delivery_number: int | None


def save_broadcast(
    con: sa.Connection, workspace: str, name: str, definition: Mapping[str, Any], who: str, now: datetime
) -> str:
    """Keeps a new draft; gives its id."""
    id = new_id()
    told = json.dumps(dict(definition), ensure_ascii=False)
    values = {"name": name, "definition": told, "state": DRAFT, "made_by": who, "made_at": now}
    con.execute(BROADCASTS.insert().values(broadcast_id=id, workspace=workspace, **values))
    return id


def broadcasts(con: sa.Connection, workspace: str) -> list[Broadcast]:
    """The broadcasts of a workspace, the newest first."""
    b = BROADCASTS.c
    rows = con.execute(sa.select(BROADCASTS).where(b.workspace == workspace).order_by(b.made_at.desc())).mappings()
    return [_broadcast(row) for row in rows]


def broadcast(con: sa.Connection, workspace: str, id: str) -> Broadcast:
    """One broadcast. Raises Unknown."""
    b = BROADCASTS.c
    row = (
        con.execute(sa.select(BROADCASTS).where((b.workspace == workspace) & (b.broadcast_id == id))).mappings().first()
    )
    if row is None:
        raise Unknown("there is no such broadcast", hint="look at the list of broadcasts", field="broadcast")
    return _broadcast(row)


def turn_broadcast(con: sa.Connection, id: str, state: str, now: datetime) -> None:
    """Notes that a broadcast was started or stopped; what still waits of a stopped one is not sent."""
    moment = {"started_at": now} if state == STARTED else {"ended_at": now}
    con.execute(BROADCASTS.update().where(BROADCASTS.c.broadcast_id == id).values(state=state, **moment))
    if state == STOPPED:
        d = DELIVERIES.c
        waiting = (d.broadcast_id == id) & (d.state == "waiting")
        con.execute(DELIVERIES.update().where(waiting).values(state="dead", failure=STOPPED_MEANWHILE))


def place_people(con: sa.Connection, id: str, people: Sequence[Mapping[str, Any]]) -> None:
    """Writes down who is in which arm, with `customer_id, arm, reason, decided_at, delivery_number`."""
    if people:
        con.execute(BROADCAST_PEOPLE.insert(), [{**person, "broadcast_id": id} for person in people])


def people_of(con: sa.Connection, id: str) -> list[Person]:
    """Everybody of a broadcast, and how far their message is."""
    p, d = BROADCAST_PEOPLE.c, DELIVERIES.c
    both = sa.select(BROADCAST_PEOPLE, d.state, d.connection).select_from(
        BROADCAST_PEOPLE.outerjoin(DELIVERIES, p.delivery_number == d.number)
    )
    rows = con.execute(both.where(p.broadcast_id == id).order_by(p.customer_id)).mappings()
    return [Person(**{name: row[name] for name in Person.__dataclass_fields__}) for row in rows]


def addressee(con: sa.Connection, key: str) -> tuple[str, str] | None:
    """The workspace and address of a letter by its delivery's key; None where there is no such letter."""
    d = DELIVERIES.c
    found = con.execute(
        sa.select(d.workspace, d.recipient).where((d.delivery_key == key) & (d.kind == "letter"))
    ).first()
    return None if found is None or not found.recipient else (str(found.workspace), str(found.recipient))


def _broadcast(row: Mapping[Any, Any]) -> Broadcast:
    names = [name for name in Broadcast.__dataclass_fields__ if name != "definition"]
    return Broadcast(definition=json.loads(row["definition"]), **{name: row[name] for name in names})
