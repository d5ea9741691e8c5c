"""Who wants no mails of ours, by the customers' ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from wellheard.store.blocks import address_hash, address_hashes
from wellheard.store.layout import UNSUBSCRIBES
from wellheard.store.tokens import new_id

AT_ONCE = 400


def refusing(
    con: sa.Connection, workspace: str, customer_ids: Sequence[str], addresses: Sequence[str] = ()
) -> tuple[frozenset[str], frozenset[str]]:
    """Those of the customers, and those of the addresses, that want no mails."""
    u = UNSUBSCRIBES.c
    holds = (u.workspace == workspace) & u.withdrawn_at.is_(None)
    by_address = {address: address_hashes(address) for address in addresses}
    ids = _among(con, u.customer_id, holds, list(customer_ids))
    hashes = _among(con, u.address_hash, holds, list(frozenset().union(*by_address.values())))
    return frozenset(ids), frozenset(address for address, known in by_address.items() if known & hashes)


def refuse(
    con: sa.Connection, workspace: str, customer_id: str | None, address: str, origin: str, now: datetime
) -> None:
    """Notes that somebody wants no mails of ours. Once is as good as twice."""
    ids, addresses = refusing(con, workspace, [customer_id] if customer_id else [], [address] if address else [])
    if ids or addresses:
        return
    con.execute(
        UNSUBSCRIBES.insert().values(
            unsubscribe_id=new_id(),
            workspace=workspace,
            customer_id=customer_id,
            address_hash=address_hash(address) if address else None,
            origin=origin,
            unsubscribed_at=now,
        )
    )


def _among(
    con: sa.Connection, column: sa.ColumnElement[str], holds: sa.ColumnElement[bool], wanted: list[str]
) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(wanted), AT_ONCE):
        found |= set(con.scalars(sa.select(column).where(holds & column.in_(wanted[start : start + AT_ONCE]))))
    return found
