"""The outbox: what is to be sent is written in the transaction that decides it, and stays until it has arrived or died.

Whoever sends claims a delivery for a while. Killed in between, the claim runs out and the delivery is tried again under
the same key, by which the other side, or a look there first, tells that it came before.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import BadCall, Unknown
from wellheard.store.broadcasts import STOPPED, STOPPED_MEANWHILE
from wellheard.store.followup import BROADCASTS, CONNECTIONS, DELIVERIES, DELIVERY_ATTEMPTS
from wellheard.store.vault import Vault

WAITING, SENDING, DELIVERED, DEAD = "waiting", "sending", "delivered", "dead"
STATES = (WAITING, SENDING, DELIVERED, DEAD)
LEASE = timedelta(seconds=90)  # longer than any one try may take
# Seconds before the second try, the third, and so on: eight tries within a day.
WAITS = (5, 30, 120, 600, 3_600, 14_400, 64_800)
TRIES = len(WAITS) + 1
JITTER = 0.2  # of a wait, by which it may be shorter, so that what failed together does not come back together


@dataclass(frozen=True)
class Outgoing:
    """What is to be sent: `message` is JSON, `key` the same for the same thing for ever."""

    key: str
    kind: str
    connection: str
    title: str
    message: Mapping[str, Any]
    recipient: str = ""
    rule_id: str | None = None
    case_number: int | None = None
    broadcast_id: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """One delivery as it lies in the outbox."""

    number: int
    key: str
    kind: str
    connection: str
    recipient: str
    title: str
    state: str
    attempts: int
    made_at: datetime
    next_at: datetime
    first_at: datetime | None
    delivered_at: datetime | None
    failure: str | None
    remote_id: str | None
    remote_url: str | None
    rule_id: str | None
    case_number: int | None
    broadcast_id: str | None
    message: Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One try: `outcome` is delivered, retry or dead."""

    tried_at: datetime
    seconds: float | None
    outcome: str
    status: int | None
    failure: str | None


def queue(con: sa.Connection, workspace: str, vault: Vault, out: Outgoing, now: datetime) -> int:
    """Puts something in the outbox, once a key; gives its number."""
    known = found_by_key(con, workspace, out.key)
    if known is not None:
        return known[0]
    made = con.execute(
        DELIVERIES.insert().values(
            workspace=workspace,
            delivery_key=out.key,
            kind=out.kind,
            connection=out.connection,
            recipient=out.recipient or None,
            title=out.title,
            message=vault.seal(dict(out.message)),
            rule_id=out.rule_id,
            case_number=out.case_number,
            broadcast_id=out.broadcast_id,
            state=WAITING,
            attempts=0,
            made_at=now,
            next_at=max(out.not_before or now, now),
        )
    )
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def found_by_key(con: sa.Connection, workspace: str, key: str) -> tuple[int, str] | None:
    """The number and state of what lies in the outbox under a key; None where nothing does."""
    t = DELIVERIES.c
    which = (t.workspace == workspace) & (t.delivery_key == key)
    row = con.execute(sa.select(t.number, t.state).where(which)).first()
    return None if row is None else (int(row.number), str(row.state))


def claim(con: sa.Connection, workspace: str, vault: Vault, now: datetime, most: int = 20) -> list[Delivery]:
    """The deliveries that are due and whose connection is not disabled, now this caller's, each with one try more.

    What is due of a stopped broadcast, such as after a process was killed that held it, ends here.
    """
    t, c = DELIVERIES.c, CONNECTIONS.c
    resting = sa.select(c.name).where((c.workspace == workspace) & c.disabled_at.is_not(None))
    due = ((t.state == WAITING) & (t.next_at <= now)) | ((t.state == SENDING) & (t.lease_until <= now))
    ended = (t.workspace == workspace) & due & t.broadcast_id.in_(_stopped())
    con.execute(DELIVERIES.update().where(ended).values(state=DEAD, lease_until=None, failure=STOPPED_MEANWHILE))
    which = sa.select(DELIVERIES).where((t.workspace == workspace) & due & t.connection.not_in(resting))
    if con.dialect.name == "postgresql":
        which = which.with_for_update(skip_locked=True)
    rows = con.execute(which.order_by(t.next_at, t.number).limit(most)).mappings().all()
    for row in rows:
        con.execute(
            DELIVERIES.update()
            .where(t.number == row["number"])
            .values(
                state=SENDING,
                attempts=row["attempts"] + 1,
                lease_until=now + LEASE,
                first_at=row["first_at"] or now,
            )
        )
    fresh = [{**row, "attempts": row["attempts"] + 1, "first_at": row["first_at"] or now} for row in rows]
    return [_delivery(row, vault) for row in fresh]


def settle_delivered(
    con: sa.Connection, number: int, remote_id: str | None, url: str | None, now: datetime, seconds: float
) -> None:
    """Notes that a delivery has arrived, and under which id and address it is found there."""
    values = {"state": DELIVERED, "delivered_at": now, "lease_until": None, "failure": None}
    told = DELIVERIES.update().where(DELIVERIES.c.number == number)
    con.execute(told.values(**values, remote_id=remote_id, remote_url=url))
    _note(con, number, now, seconds, "delivered", None, None)


def settle_failed(
    con: sa.Connection,
    number: int,
    failure: str,
    now: datetime,
    seconds: float,
    *,
    retry: bool,
    after: float | None = None,
    status: int | None = None,
    chance: random.Random | None = None,
) -> str:
    """Notes that a try failed; gives the state that follows: waiting for the next one, or dead.

    Nothing of a broadcast that was stopped since is tried again.
    """
    t = DELIVERIES.c
    attempts = con.scalar(sa.select(t.attempts).where(t.number == number)) or 1
    stopped = con.scalar(sa.select(t.number).where((t.number == number) & t.broadcast_id.in_(_stopped())))
    state = WAITING if retry and attempts < TRIES and stopped is None else DEAD
    values: dict[str, Any] = {"state": state, "failure": failure, "lease_until": None}
    if state == WAITING:
        values["next_at"] = now + timedelta(seconds=wait_before(attempts + 1, after, chance))
    con.execute(DELIVERIES.update().where(t.number == number).values(**values))
    _note(con, number, now, seconds, "retry" if state == WAITING else DEAD, status, failure)
    return state


def wait_before(attempt: int, asked: float | None = None, chance: random.Random | None = None) -> float:
    """Seconds before a try, the second being the first that waits; at least what the other side asked for."""
    usual = WAITS[min(attempt, TRIES) - 2]
    jittered = usual * (1 - JITTER * (chance or random).random())
    return max(jittered, min(asked or 0.0, 3_600.0))


def replay(con: sa.Connection, workspace: str, number: int, now: datetime) -> None:
    """Tries a dead delivery again, under its own key. Raises Unknown, and BadCall for a living one."""
    t = DELIVERIES.c
    mine = (t.workspace == workspace) & (t.number == number)
    state = con.scalar(sa.select(t.state).where(mine))
    if state is None:
        raise Unknown(f"there is no delivery {number}", hint="`wellheard deliveries list` shows them", field="number")
    if state != DEAD:
        raise BadCall(f"delivery {number} is {state}", hint="only a dead one is tried again", field="number")
    if con.scalar(sa.select(t.number).where(mine & t.broadcast_id.in_(_stopped()))) is not None:
        raise BadCall(f"the broadcast of delivery {number} was stopped", hint="make a new one", field="number")
    con.execute(DELIVERIES.update().where(mine).values(state=WAITING, attempts=1, next_at=now, failure=None))


def deliveries(
    con: sa.Connection,
    workspace: str,
    vault: Vault,
    *,
    state: str | None = None,
    connection: str | None = None,
    case_number: int | None = None,
    broadcast_id: str | None = None,
    most: int = 200,
) -> list[Delivery]:
    """The newest deliveries, of one state, connection, case or broadcast or of all."""
    t = DELIVERIES.c
    which = sa.select(DELIVERIES).where(t.workspace == workspace)
    chosen = {t.state: state, t.connection: connection, t.case_number: case_number, t.broadcast_id: broadcast_id}
    for column, value in chosen.items():
        which = which if value is None else which.where(column == value)
    return [_delivery(row, vault) for row in con.execute(which.order_by(t.number.desc()).limit(most)).mappings()]


def delivery(con: sa.Connection, workspace: str, vault: Vault, number: int) -> Delivery:
    """One delivery. Raises Unknown."""
    t = DELIVERIES.c
    row = con.execute(sa.select(DELIVERIES).where((t.workspace == workspace) & (t.number == number))).mappings().first()
    if row is None:
        raise Unknown(f"there is no delivery {number}", hint="`wellheard deliveries list` shows them", field="number")
    return _delivery(row, vault)


def attempts_of(con: sa.Connection, number: int) -> list[Attempt]:
    """What each try of a delivery came to, in order."""
    a = DELIVERY_ATTEMPTS.c
    rows = con.execute(sa.select(DELIVERY_ATTEMPTS).where(a.delivery_number == number).order_by(a.number)).mappings()
    return [Attempt(r["tried_at"], r["seconds"], r["outcome"], r["status"], r["failure"]) for r in rows]


def counts_by_state(con: sa.Connection, workspace: str) -> dict[str, int]:
    """How many deliveries are in each state."""
    t = DELIVERIES.c
    rows = con.execute(sa.select(t.state, sa.func.count()).where(t.workspace == workspace).group_by(t.state))
    return dict.fromkeys(STATES, 0) | {state: int(n) for state, n in rows}


def known_keys(con: sa.Connection, workspace: str, keys: Sequence[str]) -> frozenset[str]:
    """Those of the keys under which something lies in the outbox, whatever became of it."""
    t = DELIVERIES.c
    which = (t.workspace == workspace) & t.delivery_key.in_(list(keys))
    return frozenset(con.scalars(sa.select(t.delivery_key).where(which)))


def tickets_of_ours(con: sa.Connection, workspace: str, ids: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Those of `ids` under which we made something in another system, each with the channel to that."""
    t, c = DELIVERIES.c, CONNECTIONS.c
    found: set[tuple[str, str]] = set()
    both = sa.select(c.channel, t.remote_id).where((t.workspace == workspace) & (c.workspace == workspace))
    for start in range(0, len(ids), 400):
        some = list(ids[start : start + 400])
        rows = con.execute(both.where((c.name == t.connection) & t.remote_id.in_(some) & (t.kind == "ticket")))
        found |= {(str(channel), str(id)) for channel, id in rows}
    return frozenset(found)


def _stopped() -> sa.Select[tuple[str]]:
    return sa.select(BROADCASTS.c.broadcast_id).where(BROADCASTS.c.state == STOPPED)


def _note(
    con: sa.Connection,
    number: int,
    now: datetime,
    seconds: float,
    outcome: str,
    status: int | None,
    failure: str | None,
) -> None:
    con.execute(
        DELIVERY_ATTEMPTS.insert().values(
            delivery_number=number,
            tried_at=now,
            seconds=round(seconds, 3),
            outcome=outcome,
            status=status,
            failure=failure,
        )
    )


def _delivery(row: Mapping[Any, Any], vault: Vault) -> Delivery:
    names = (
        "number", "kind", "connection", "title", "state", "attempts", "made_at", "next_at", "first_at", "delivered_at",
        "failure", "remote_id", "remote_url", "rule_id", "case_number", "broadcast_id",
    )  # fmt: skip
    return Delivery(
        key=row["delivery_key"],
        recipient=row["recipient"] or "",
        message=vault.open(row["message"]),
        **{name: row[name] for name in names},
    )
