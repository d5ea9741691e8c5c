"""Notes what became of letters after they were sent: that they arrived, were read, came back or were resented."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from wellheard.store.blocks import address_hashes, note_bounce, opt_out
from wellheard.store.dispatches import by_reference, hash_of
from wellheard.store.invitations import mark
from wellheard.store.layout import ASKS, DISPATCHES

BOUNCED, DELIVERED, SEEN, COMPLAINED, LEFT = "bounced", "delivered", "seen", "complained", "unsubscribed"


@dataclass(frozen=True)
class Returned:
    """What happened to one letter. `reference` is its key or what its provider called it; else its address tells."""

    kind: str
    reference: str = ""
    address: str = ""
    lasting: bool = True
    reason: str = ""


def note_returned(con: sa.Connection, workspace: str, all_: Iterable[Returned], now: datetime) -> int:
    """Notes each; gives how many belong to letters of ours. Of others nothing is kept. Twice is as good as once."""
    return sum(_note(con, workspace, returned, now) for returned in all_)


def _note(con: sa.Connection, workspace: str, returned: Returned, now: datetime) -> bool:
    invitation = by_reference(con, workspace, returned.reference) if returned.reference else None
    if invitation is None and returned.address:
        invitation = _newest_to(con, workspace, returned.address)
    hash = hash_of(con, invitation) if invitation else None
    if invitation is None or hash is None:
        return False
    if returned.kind == BOUNCED:
        new = note_bounce(
            con, workspace, hash, now, invitation_id=invitation, lasting=returned.lasting, reason=returned.reason
        )
        if new:
            mark(con, invitation, now, bounced_at=now)
    elif returned.kind == DELIVERED:
        mark(con, invitation, now, delivered_at=now)
    elif returned.kind == SEEN:
        mark(con, invitation, now, seen_at=now)
    elif returned.kind in (COMPLAINED, LEFT):
        person = con.scalar(sa.select(ASKS.c.person).where(ASKS.c.invitation_id == invitation).limit(1))
        opt_out(con, workspace, now, person=person, hash=hash, origin=returned.kind)
        mark(con, invitation, now, unsubscribed_at=now)
    return True


def _newest_to(con: sa.Connection, workspace: str, address: str) -> str | None:
    d = DISPATCHES.c
    to = d.address_hash.in_(address_hashes(address))
    sent = (d.workspace == workspace) & to & (d.state.in_(("sent", "unsure")))
    found = con.execute(sa.select(d.invitation_id).where(sent).order_by(d.changed_at.desc()).limit(1)).scalar()
    return str(found) if found else None
