"""Calls that came with a key of the caller's: the first does the work, and whoever calls again gets its answer.

A key is good for a day at least, belongs to one workspace and credential, and to one body alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from wellheard.base.errors import BadCall
from wellheard.store.followup import KEYED_CALLS
from wellheard.store.store import Store

KEPT = timedelta(hours=48)
BROKEN_OFF = timedelta(seconds=60)  # after which a call without an answer is taken to have died


class OtherCall(BadCall):
    """The key came before with another body."""

    code = "other_body"


@dataclass(frozen=True)
class Given:
    """The answer that a key's first call got."""

    status: int
    answer: str


def begin(store: Store, workspace: str, credential: str, key: str, body_hash: str, now: datetime) -> Given | bool:
    """The answer of the key's first call; True for the first call itself; False while that is still at work.

    Raises OtherCall where the key came with another body.
    """
    k = KEYED_CALLS.c
    mine = (k.workspace == workspace) & (k.credential == credential) & (k.call_key == key)
    with store.writing() as con:
        con.execute(KEYED_CALLS.delete().where(k.called_at < now - KEPT))
        row = con.execute(sa.select(KEYED_CALLS).where(mine)).mappings().first()
        if row is None:
            try:
                con.execute(
                    KEYED_CALLS.insert().values(
                        workspace=workspace,
                        credential=credential,
                        call_key=key,
                        body_hash=body_hash,
                        called_at=now,
                    )
                )
            except IntegrityError:  # another process was faster, where writers do not wait for each other
                return False
            return True
        if row["body_hash"] != body_hash:
            hint = "make a new key for a new call"
            raise OtherCall("this key has come before with another body", hint=hint, field="idempotency-key")
        if row["status"] is not None:
            return Given(row["status"], row["answer"])
        if row["called_at"] < now - BROKEN_OFF:
            con.execute(KEYED_CALLS.update().where(mine).values(called_at=now))
            return True
        return False


def settle(store: Store, workspace: str, credential: str, key: str, status: int, answer: str) -> None:
    """Keeps the answer of a key's first call; one that failed on our side is forgotten, so that it can be repeated."""
    k = KEYED_CALLS.c
    mine = (k.workspace == workspace) & (k.credential == credential) & (k.call_key == key)
    with store.writing() as con:
        if status >= 500:
            con.execute(KEYED_CALLS.delete().where(mine))
        else:
            con.execute(KEYED_CALLS.update().where(mine).values(status=status, answer=answer))
