"""Batches of what the lake has not got yet: claimed, filled up, merged by whoever holds the lake, then settled.

A batch that was claimed and not settled, because its process died, is given out again: the lake knows each row by its
key and version, so what it got already changes nothing. What is edited meanwhile leaves its batch for a later one.

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

MOST = 20_000  # rows of a table in one batch
# What the lake is not told: secrets' marks, and what the store needs for itself.
KEPT_BACK = {
    "number", "workspace", "survey_key", "version", "key_hash", "body_hash", "edit_hash", "edit_until", "token_hash",
    "receipt_hash", "batch_id",
}  # fmt: skip
SLICE = 1_000  # answers claimed in one transaction: whoever answers just then waits for it
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
class Batch:
    """Rows of the store, with the `survey_id` of their surveys and without `KEPT_BACK`, that the lake is to get."""

    batch_id: str
    answers: Sequence[Mapping[str, Any]]
    anonymous_answers: Sequence[Mapping[str, Any]]
    invitations: Sequence[Mapping[str, Any]]


def claim(con: sa.Connection, workspace: str, now: datetime) -> tuple[str, bool] | None:
    """The id of a workspace's next batch: one that was left behind, else a new one; None where there is nothing.

    A new one holds a first slice of the answers; with it is said whether there may be more, which `fill` adds. It is
    read by `read_batch`, on a connection that keeps no writer waiting.
    """
    b = BATCHES.c
    left = sa.select(b.batch_id).where((b.workspace == workspace) & b.merged_at.is_(None)).order_by(b.made_at).limit(1)
    found = con.scalar(left)
    return (str(found), False) if found is not None else _new(con, workspace, now)


def fill(con: sa.Connection, workspace: str, batch_id: str) -> bool:
    """Adds another slice of answers to a batch that was claimed; whether there may be more."""
    return _assign(con, ANSWERS, ANSWERS.c.number, ANSWERS.c.workspace == workspace, batch_id, SLICE) == SLICE


def settle(con: sa.Connection, batch_id: str, now: datetime) -> None:
    """Notes that the lake has got a batch."""
    con.execute(BATCHES.update().where(BATCHES.c.batch_id == batch_id).values(merged_at=now))


def waiting(con: sa.Connection, workspace: str) -> int:
    """How many answers the lake has not got yet, those of anonymous surveys included."""
    return sum(
        con.scalar(sa.select(sa.func.count()).where((t.c.workspace == workspace) & t.c.batch_id.is_(None))) or 0
        for t in (ANSWERS, ANONYMOUS_ANSWERS)
    )


def _new(con: sa.Connection, workspace: str, now: datetime) -> tuple[str, bool] | None:
    over = hour(now)
    _mix(con, workspace, over)
    _note_used(con, workspace, over)
    batch_id = new_id()
    anonymous = ANONYMOUS_ANSWERS.c
    taken = [
        _assign(con, ANSWERS, ANSWERS.c.number, ANSWERS.c.workspace == workspace, batch_id, SLICE),
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
    return batch_id, taken[0] == SLICE


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


def _assign(
    con: sa.Connection, table: sa.Table, key: sa.Column[Any], which: sa.ColumnElement[bool], batch_id: str,
    most: int = MOST,
) -> int:  # fmt: skip
    some = sa.select(key).where(which & table.c.batch_id.is_(None)).order_by(key).limit(most)
    return con.execute(table.update().where(key.in_(some)).values(batch_id=batch_id)).rowcount


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


def read_batch(con: sa.Connection, batch_id: str, now: datetime) -> Batch:
    """The rows of a batch that was claimed, without those that were changed since: they go with a later one."""

    def rows(table: sa.Table) -> list[Row]:
        told = [column for column in table.columns if column.name not in KEPT_BACK]
        both = sa.select(*told, SURVEYS.c.survey_id).join_from(table, SURVEYS).where(table.c.batch_id == batch_id)
        return rows_of(con, both, *table.primary_key.columns)

    invitations = rows(INVITATIONS)
    used = _used_among(con, batch_id, hour(now))
    return Batch(
        batch_id,
        rows(ANSWERS),
        rows(ANONYMOUS_ANSWERS),
        [{**row, "used_in": used.get(row["invitation_id"])} for row in invitations],
    )


def _used_among(con: sa.Connection, batch_id: str, over: datetime) -> dict[str, datetime]:
    t, used = INVITATIONS, USED_INVITATIONS
    rows = sa.select(used).join(t).where((t.c.batch_id == batch_id) & (used.c.used_in < over))
    return {row.invitation_id: row.used_in for row in con.execute(rows)}
