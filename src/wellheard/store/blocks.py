"""Who is not to be asked at all: those who wanted no more, and addresses that take nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from wellheard.base.telephone import number_in
from wellheard.store.invitations import AT_ONCE
from wellheard.store.layout import BOUNCES, UNSUBSCRIBES
from wellheard.store.tokens import hashed, new_id

OPTED_OUT, BOUNCED = "opted_out", "bounced"
SOFT_REST = timedelta(days=7)  # how long an address rests that could not take something just then


class Addressed(Protocol):
    """Whoever could be asked, as far as it matters here."""

    @property
    def person_rows(self) -> Sequence[str]: ...
    @property
    def address(self) -> str | None: ...


class Blocks:
    """What stands against asking any of the candidates, read at once."""

    def __init__(self, con: sa.Connection, workspace: str, candidates: Iterable[Addressed]) -> None:
        listed = list(candidates)
        people = {row for c in listed for row in c.person_rows}
        hashes = {hash for c in listed if c.address for hash in address_hashes(c.address)}
        u, b = UNSUBSCRIBES.c, BOUNCES.c
        standing = (u.workspace == workspace) & u.withdrawn_at.is_(None)
        self._out = _found(con, u.person, people, standing) | _found(con, u.address_hash, hashes, standing)
        # An invitation made before the ledger was kept names the customer alone; better one too few is asked.
        bare = {row.partition(":")[2] for row in people}
        self._out_ids = _found(con, u.customer_id, bare, standing & u.person.is_(None))
        self._bounced = _found(con, b.address_hash, hashes, (b.workspace == workspace) & b.withdrawn_at.is_(None))

    def reason(self, candidate: Addressed) -> str | None:
        """Why somebody is not to be asked, if so."""
        hashes = address_hashes(candidate.address) if candidate.address else frozenset()
        named = {*candidate.person_rows, *hashes}
        if named & self._out or {row.partition(":")[2] for row in candidate.person_rows} & self._out_ids:
            return OPTED_OUT
        if hashes & self._bounced:
            return BOUNCED
        return None


def opt_out(
    con: sa.Connection,
    workspace: str,
    now: datetime,
    *,
    person: str | None = None,
    address: str | None = None,
    hash: str | None = None,
    origin: str = "by_hand",
) -> None:
    """Notes that a person, or whoever has an address or the address of a mark, is not to be asked again."""
    told = {
        "workspace": workspace,
        "person": person,
        "customer_id": person.partition(":")[2] if person else None,
        "address_hash": address_hash(address) if address else hash,
    }
    con.execute(UNSUBSCRIBES.insert().values(unsubscribe_id=new_id(), origin=origin, unsubscribed_at=now, **told))


def opt_in(con: sa.Connection, workspace: str, now: datetime, *, person: str = "", address: str = "") -> int:
    """Withdraws what `opt_out` or an unsubscription noted; gives how many it were."""
    u = UNSUBSCRIBES.c
    named = u.person == person if person else u.address_hash.in_(address_hashes(address))
    told = UNSUBSCRIBES.update().where((u.workspace == workspace) & named & u.withdrawn_at.is_(None))
    return con.execute(told.values(withdrawn_at=now)).rowcount


def note_bounce(
    con: sa.Connection,
    workspace: str,
    hash: str,
    now: datetime,
    *,
    invitation_id: str | None = None,
    lasting: bool = True,
    reason: str = "",
) -> bool:
    """Notes that an address did not take something; gives whether that is new.

    One that could not take it just then counts as bounced, with an end, so that it is not asked at once again.
    """
    b = BOUNCES.c
    known = (b.workspace == workspace) & (b.address_hash == hash) & b.withdrawn_at.is_(None)
    if con.scalar(sa.select(b.bounce_id).where(known & (b.lasting | (not lasting))).limit(1)):
        return False
    con.execute(
        BOUNCES.insert().values(
            bounce_id=new_id(), workspace=workspace, address_hash=hash, invitation_id=invitation_id, lasting=lasting,
            reason=reason[:500], bounced_at=now,
        )
    )  # fmt: skip
    return True


def forget_passing(con: sa.Connection, workspace: str, now: datetime) -> None:
    """Lets addresses be asked again that could not take something some days ago."""
    b = BOUNCES.c
    rested = (b.workspace == workspace) & ~b.lasting & (b.bounced_at < now - SOFT_REST) & b.withdrawn_at.is_(None)
    con.execute(BOUNCES.update().where(rested).values(withdrawn_at=now))


def address_hash(address: str) -> str:
    """What stands for an address where it need not be read: one mark however it is written, by letter or by survey."""
    return hashed(number_in(address) or address.strip().casefold())


def address_hashes(address: str) -> frozenset[str]:
    """All that may stand for an address: earlier versions kept telephone numbers as they were written, and ß as ß."""
    plain = address.strip()
    return frozenset({address_hash(address), hashed(plain.casefold()), hashed(plain.lower())})


def _found(con: sa.Connection, column: Any, values: Iterable[str], which: Any) -> set[str]:
    wanted, found = sorted(values), set()
    for start in range(0, len(wanted), AT_ONCE):
        found |= set(con.scalars(sa.select(column).where(column.in_(wanted[start : start + AT_ONCE]) & which)))
    return found
