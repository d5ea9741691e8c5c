"""The way out for invitations: each message waits here until it is due, is tried again, and is never sent twice.

Before something is handed to a mail server it is noted as on its way. A process that dies in that moment leaves it
`unsure`: nobody can tell whether it went, and it is not sent again. Where the receiver knows a message by its key, as
with webhooks, it is tried again instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.store.blocks import Blocks
from wellheard.store.invitations import mark
from wellheard.store.layout import ANSWERS, ASKS, DISPATCHES, INVITATIONS, SURVEYS, USED_INVITATIONS
from wellheard.store.ledger import LEDGER_LOCK, REMINDER, WAITING, WITHDRAWN, withdraw
from wellheard.store.submission import hour
from wellheard.store.vault import Vault

SENDING, SENT, FAILED, UNSURE = "sending", "sent", "failed", "unsure"
TRIES = 8
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=6)
AFTER_DEATH = timedelta(minutes=5)  # longer than any message takes to be handed over
ANSWERED, TOO_LATE = "answered", "too_late"


@dataclass(frozen=True)
class Dispatch:
    """A message that is to be sent now. `about` has the columns of `submission.ABOUT`."""

    dispatch_id: str
    invitation_id: str
    ask_id: str
    survey_key: str
    survey_id: str
    kind: str
    channel: str
    address: str
    token: str
    address_hash: str
    language: str | None
    tries: int
    test: bool
    expires_at: datetime | None
    person: str
    conversation_id: str | None
    person_rows: tuple[str, ...]


def claim(con: sa.Connection, workspace: str, vault: Vault, now: datetime) -> Dispatch | None:
    """The next message that is due, noted as on its way; whatever must not be sent any more is taken back first."""
    if con.dialect.name == "postgresql":
        con.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LEDGER_LOCK})
    d = DISPATCHES.c
    due = (d.workspace == workspace) & (d.state == WAITING) & (d.due_at <= now)
    both = sa.select(
        DISPATCHES, SURVEYS.c.survey_id, ASKS.c.person, INVITATIONS.c.test, INVITATIONS.c.expires_at,
        INVITATIONS.c.conversation_id,
    ).select_from(DISPATCHES.join(SURVEYS).join(ASKS, ASKS.c.ask_id == d.ask_id).join(
        INVITATIONS, INVITATIONS.c.invitation_id == d.invitation_id
    ))  # fmt: skip
    for row in con.execute(both.where(due).order_by(d.due_at, d.dispatch_id).limit(50)).mappings().all():
        found = _dispatch(row, vault)
        reason = TOO_LATE if now >= row["too_late_at"] else _against(con, workspace, found, now)
        if reason is not None:
            withdraw(con, found.ask_id, reason, now)
            continue
        _note(con, found.dispatch_id, now, state=SENDING, tries=found.tries + 1)
        return found
    return None


def note_sent(con: sa.Connection, dispatch: Dispatch, now: datetime, reference: str = "") -> None:
    """Notes that a message has gone; its address is forgotten."""
    _note(con, dispatch.dispatch_id, now, state=SENT, address=None, reference=reference[:200] or None, error=None)
    if dispatch.kind != REMINDER:
        mark(con, dispatch.invitation_id, now, sent_at=now)


def note_failed(con: sa.Connection, dispatch: Dispatch, now: datetime, error: str, *, lasting: bool) -> None:
    """Notes that a message could not be sent: it is tried again, after a rest that grows, unless that is of no use.

    The rest is drawn between half of it and the whole, so that not all come back at once. What never went does not
    count against anybody's budget.
    """
    if lasting or dispatch.tries + 1 >= TRIES:
        _note(con, dispatch.dispatch_id, now, state=FAILED, address=None, error=error[:500])
        con.execute(ASKS.update().where(ASKS.c.ask_id == dispatch.ask_id).values(asked=False, reason="not_sent"))
        return
    rest = min(FIRST_REST * 4**dispatch.tries, LONGEST_REST)
    later = now + rest * (0.5 + secrets.randbelow(1_000) / 2_000)
    _note(con, dispatch.dispatch_id, now, state=WAITING, due_at=later, error=error[:500])


def note_withdrawn(con: sa.Connection, dispatch: Dispatch, now: datetime, reason: str) -> None:
    """Notes that a message is not to be sent after all; it counts against nobody's budget."""
    _note(con, dispatch.dispatch_id, now, state=WITHDRAWN, address=None, token=None, error=reason)
    con.execute(ASKS.update().where(ASKS.c.ask_id == dispatch.ask_id).values(asked=False, reason=reason))


def note_unsure(con: sa.Connection, dispatch: Dispatch, now: datetime, error: str) -> None:
    """Notes that nobody can tell whether a message went: it counts as sent, and is not sent again."""
    _note(con, dispatch.dispatch_id, now, state=UNSURE, address=None, error=error[:500])
    if dispatch.kind != REMINDER:
        mark(con, dispatch.invitation_id, now, sent_at=now)


def recover(
    con: sa.Connection, workspace: str, now: datetime, again: frozenset[str], after: timedelta = AFTER_DEATH
) -> int:
    """Looks after what a process that died left on its way, `after` ago at least; gives how many messages it were.

    Those on the channels `again` are sent again, for their receivers know them by their keys.
    """
    d = DISPATCHES.c
    left = (d.workspace == workspace) & (d.state == SENDING) & (d.changed_at <= now - after)
    rows = con.execute(sa.select(d.dispatch_id, d.invitation_id, d.channel, d.changed_at, d.kind).where(left)).all()
    for id, invitation_id, channel, changed_at, kind in rows:
        if channel in again:
            _note(con, id, now, state=WAITING)
            continue
        _note(con, id, now, state=UNSURE, address=None, error="the program ended while it was being sent")
        if kind != REMINDER:  # it may have been received, so it counts as sent
            mark(con, invitation_id, now, sent_at=changed_at)
    return len(rows)


def states(con: sa.Connection, workspace: str) -> dict[str, int]:
    """How many messages are in each state."""
    d = DISPATCHES.c
    each = sa.select(d.state, sa.func.count()).where(d.workspace == workspace).group_by(d.state)
    return {str(state): int(n) for state, n in con.execute(each)}


@dataclass(frozen=True)
class Silent:
    """An invitation that was sent and is not answered, for a reminder. `ask` is its line in the ledger."""

    invitation_id: str
    token: str
    ask: Mapping[str, Any]
    about: Mapping[str, Any]
    sent_at: datetime
    reminded: int


def silent(con: sa.Connection, survey_key: str, before: datetime, after: datetime, vault: Vault) -> list[Silent]:
    """Invitations of a survey sent between two moments that stand unanswered, by the order in which they were sent."""
    i, d = INVITATIONS.c, DISPATCHES.c
    answered = sa.select(ANSWERS.c.invitation_id).where(ANSWERS.c.survey_key == survey_key)
    used = sa.select(USED_INVITATIONS.c.invitation_id)
    open_ = i.bounced_at.is_(None) & i.unsubscribed_at.is_(None) & ~i.test
    which = (
        (i.survey_key == survey_key) & i.sent_at.between(after, before) & open_ & i.invitation_id.not_in(used)
        & sa.not_(sa.exists(answered.where(ANSWERS.c.invitation_id == i.invitation_id)))
    )  # fmt: skip
    both = sa.select(INVITATIONS, ASKS, d.token).select_from(
        INVITATIONS.join(ASKS, ASKS.c.invitation_id == i.invitation_id).join(DISPATCHES, d.ask_id == ASKS.c.ask_id)
    ).where(which & (ASKS.c.kind != REMINDER) & d.token.is_not(None))  # fmt: skip
    rows = con.execute(both.order_by(i.sent_at)).mappings().all()
    reminders = sa.select(d.invitation_id, sa.func.count()).where((d.survey_key == survey_key) & (d.kind == REMINDER))
    sent = {id: int(n) for id, n in con.execute(reminders.group_by(d.invitation_id))}
    names = [column.name for column in ASKS.c]
    about = ("customer_id", "account_id", "conversation_id", "order_id", "agent_id", "touchpoint", "language")
    return [
        Silent(
            row[i.invitation_id],
            vault.open(row[d.token]),
            {name: row[ASKS.c[name]] for name in names},
            {name: row[i[name]] for name in about},
            row[i.sent_at],
            sent.get(row[i.invitation_id], 0),
        )
        for row in rows
    ]


def forget_tokens(con: sa.Connection, workspace: str, now: datetime) -> None:
    """Forgets the tokens of invitations that have run out, since nothing more is sent by them."""
    d, i = DISPATCHES.c, INVITATIONS.c
    over = sa.select(i.invitation_id).where((i.workspace == workspace) & (i.expires_at < now))
    told = DISPATCHES.update().where(d.token.is_not(None) & (d.workspace == workspace) & d.invitation_id.in_(over))
    con.execute(told.values(token=None))


def by_reference(con: sa.Connection, workspace: str, reference: str) -> str | None:
    """The invitation that a message's id, or what a provider called it, belongs to."""
    d = DISPATCHES.c
    named = (d.dispatch_id == reference) | (d.invitation_id == reference) | (d.reference == reference)
    found = con.execute(
        sa.select(d.invitation_id).where((d.workspace == workspace) & named).order_by(d.due_at).limit(1)
    ).scalar()
    return str(found) if found else None


def hash_of(con: sa.Connection, invitation_id: str) -> str | None:
    """The mark of the address that an invitation went to."""
    d = DISPATCHES.c
    found = con.execute(sa.select(d.address_hash).where(d.invitation_id == invitation_id).limit(1)).scalar()
    return str(found) if found else None


def _against(con: sa.Connection, workspace: str, dispatch: Dispatch, now: datetime) -> str | None:
    """What has happened since it was planned, so that it is not to be sent."""
    reason = Blocks(con, workspace, [dispatch]).reason(dispatch)
    if reason is None and dispatch.kind == REMINDER and _answered(con, dispatch.invitation_id, now):
        return ANSWERED
    return reason


def _answered(con: sa.Connection, invitation_id: str, now: datetime) -> bool:
    """Whether an invitation was answered; anonymously only once the hour is over, for this is noted with its moment."""
    answered = sa.select(ANSWERS.c.number).where(ANSWERS.c.invitation_id == invitation_id).limit(1)
    u = USED_INVITATIONS.c
    used = sa.select(u.used_in).where((u.invitation_id == invitation_id) & (u.used_in < hour(now)))
    return con.execute(answered).first() is not None or con.execute(used).first() is not None


def _dispatch(row: Mapping[Any, Any], vault: Vault) -> Dispatch:
    plain = {name: row[name] for name in Dispatch.__dataclass_fields__ if name != "person_rows"}
    plain |= {name: vault.open(row[name]) for name in ("address", "token")}
    return Dispatch(**plain, person_rows=(row["person"],))


def _note(con: sa.Connection, dispatch_id: str, now: datetime, **values: Any) -> None:
    con.execute(DISPATCHES.update().where(DISPATCHES.c.dispatch_id == dispatch_id).values(changed_at=now, **values))
