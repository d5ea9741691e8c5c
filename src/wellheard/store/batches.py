"""Batches of what the lake has not got yet: claimed, merged by whoever holds the lake, then settled.

A batch that was claimed and not settled, because its process died, is given out again: the lake knows each row by its
key and version, so what it got already changes nothing. What is edited meanwhile leaves its batch for a later one, and
nothing ever joins a batch that was claimed: so whoever read a batch, though others may have as well, may settle it.

Anonymous answers wait until their hour is over, so that nothing the lake writes down with them says more than the hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.store.bulk import Row, rows_of
from wellheard.store.layout import ANONYMOUS_ANSWERS, ANSWERS, BATCHES, INVITATIONS, SURVEYS, USED_INVITATIONS
from wellheard.store.submission import hour
from wellheard.store.tokens import new_id

MOST = 20_000  # answers in batches that are merged together, and other rows of a table in one batch
# What the lake is not told: secrets' marks, and what the store needs for itself.
KEPT_BACK = {
    "number", "workspace", "survey_key", "version", "key_hash", "body_hash", "edit_hash", "edit_until", "token_hash",
    "receipt_hash", "batch_id",
}  # fmt: skip
SLICE = 1_000  # answers in one batch, claimed in one transaction: whoever answers just then waits for it
AN_HOUR = timedelta(hours=1)
MIXED = """
    with gone as (delete from {table} where {which} returning *)
    insert into {table} select * from gone order by random()"""
UNMIXED = {
    "anonymous_answers": "workspace = :workspace and answered_in < :over and batch_id is null",
    "used_invitations": """
        used_in < :over and invitation_id in (
            select invitation_id from invitations
            where workspace = :workspace and anonymous and noted_used is null)""",
}


@dataclass(frozen=True)
class Claimed:
    """The ids of batches that are to be merged together, and whether `claim_more` may find more answers."""

    batch_ids: tuple[str, ...]
    more: bool = False


@dataclass(frozen=True)
class Batch:
    """Rows of the store, with the `survey_id` of their surveys and without `KEPT_BACK`, that the lake is to get."""

    batch_ids: tuple[str, ...]
    answers: Sequence[Mapping[str, Any]]
    anonymous_answers: Sequence[Mapping[str, Any]]
    invitations: Sequence[Mapping[str, Any]]


def claim(con: sa.Connection, workspace: str, now: datetime) -> Claimed | None:
    """A workspace's next batches: those that were left behind, else a new one; None where there is nothing.

    A new one holds a first slice of the answers, and what else there is; `claim_more` adds batches to it. They are read
    by `read_batch`, on a connection that keeps no writer waiting.
    """
    b = BATCHES.c
    left = sa.select(b.batch_id).where((b.workspace == workspace) & b.merged_at.is_(None)).order_by(b.made_at)
    found = tuple(con.scalars(left.limit(MOST // SLICE)))
    return Claimed(found) if found else _new(con, workspace, now)


def claim_more(con: sa.Connection, workspace: str, now: datetime, claimed: Claimed) -> Claimed:
    """What was claimed, with one batch more that holds another slice of the answers.

    The slice does not join a batch that is there: another process may have taken that for left behind and read it.
    """
    batch_id = new_id()
    taken = _assign_answers(con, workspace, batch_id)
    if taken:
        con.execute(BATCHES.insert().values(batch_id=batch_id, workspace=workspace, anonymous=False, made_at=now))
    batch_ids = (*claimed.batch_ids, batch_id) if taken else claimed.batch_ids
    return Claimed(batch_ids, taken == SLICE and len(batch_ids) < MOST // SLICE)


def settle(con: sa.Connection, batch_ids: Sequence[str], now: datetime) -> None:
    """Notes that the lake has got batches."""
    con.execute(BATCHES.update().where(BATCHES.c.batch_id.in_(batch_ids)).values(merged_at=now))


def waiting(con: sa.Connection, workspace: str) -> int:
    """How many answers the lake has not got yet, those of anonymous surveys included."""
    return sum(
        con.scalar(sa.select(sa.func.count()).where((t.c.workspace == workspace) & t.c.batch_id.is_(None))) or 0
        for t in (ANSWERS, ANONYMOUS_ANSWERS)
    )


def _new(con: sa.Connection, workspace: str, now: datetime) -> Claimed | None:
    over = hour(now)
    _mix(con, workspace, over)
    _note_used(con, workspace, over)
    batch_id = new_id()
    anonymous = ANONYMOUS_ANSWERS.c
    taken = [
        _assign_answers(con, workspace, batch_id),
        _assign(con, INVITATIONS, INVITATIONS.c.invitation_id, INVITATIONS.c.workspace == workspace, batch_id),
        _assign(
            con,
            ANONYMOUS_ANSWERS,
            anonymous.submission_id,
            (anonymous.workspace == workspace) & (anonymous.answered_in < over) & (anonymous.changed_in < over),
            batch_id,
        ),
    ]
    if not any(taken):
        return None
    con.execute(BATCHES.insert().values(batch_id=batch_id, workspace=workspace, anonymous=bool(taken[2]), made_at=now))
    return Claimed((batch_id,), taken[0] == SLICE)


def _mix(con: sa.Connection, workspace: str, over: datetime) -> None:
    """Writes the anonymous rows of hours that are over anew, in an order drawn at random, where that is needed.

    PostgreSQL keeps rows in the order in which they came, with the number of the transaction that wrote them: by these
    an answer could be told to belong to an invitation. SQLite keeps neither.
    """
    if con.dialect.name != "postgresql":
        return
    moment = {"workspace": workspace, "over": over}
    for table, which in UNMIXED.items():
        con.execute(sa.text(MIXED.format(table=table, which=which)), moment)


def _assign_answers(con: sa.Connection, workspace: str, batch_id: str) -> int:
    return _assign(con, ANSWERS, ANSWERS.c.number, ANSWERS.c.workspace == workspace, batch_id, SLICE)


def _assign(
    con: sa.Connection, table: sa.Table, key: sa.Column[Any], which: sa.ColumnElement[bool], batch_id: str,
    most: int = MOST,
) -> int:  # fmt: skip
    free = table.c.batch_id.is_(None)  # asked again of the row: in PostgreSQL another claim may just have taken it
    some = sa.select(key).where(which & free).order_by(key).limit(most)
    return con.execute(table.update().where(key.in_(some) & free).values(batch_id=batch_id)).rowcount


def _note_used(con: sa.Connection, workspace: str, over: datetime) -> None:
    """Lets invitations that were used anonymously go to the lake again, once the hour in which they were is over."""
    t, used = INVITATIONS, USED_INVITATIONS.c
    those = (t.c.invitation_id == used.invitation_id) & (t.c.workspace == workspace) & (used.used_in < over)
    for id, used_in, changed_at in con.execute(
        sa.select(t.c.invitation_id, used.used_in, t.c.changed_at).where(those & (t.c.noted_used.is_(None)))
    ).all():
        moment = max(changed_at, used_in + AN_HOUR)
        told = t.update().where(t.c.invitation_id == id)
        con.execute(told.values(noted_used=True, changed_at=moment, batch_id=None))


def read_batch(con: sa.Connection, batch_ids: tuple[str, ...], now: datetime) -> Batch:
    """The rows of batches that were claimed, without those that were changed since: they go with a later one."""

    def rows(table: sa.Table) -> list[Row]:
        told = [column for column in table.columns if column.name not in KEPT_BACK]
        both = sa.select(*told, SURVEYS.c.survey_id).join_from(table, SURVEYS).where(table.c.batch_id.in_(batch_ids))
        return rows_of(con, both, *table.primary_key.columns)

    invitations = rows(INVITATIONS)
    used = _used_among(con, batch_ids, hour(now))
    return Batch(
        batch_ids,
        rows(ANSWERS),
        rows(ANONYMOUS_ANSWERS),
        [{**row, "used_in": used.get(row["invitation_id"])} for row in invitations],
    )


def _used_among(con: sa.Connection, batch_ids: Sequence[str], over: datetime) -> dict[str, datetime]:
    t, used = INVITATIONS, USED_INVITATIONS
    rows = sa.select(used).join(t).where(t.c.batch_id.in_(batch_ids) & (used.c.used_in < over))
    return {row.invitation_id: row.used_in for row in con.execute(rows)}
