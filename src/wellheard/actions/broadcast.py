"""Broadcast: one message to a segment, with fields and content by segment, at a steady pace, to whoever wants it.

Who gets it is decided once, when it starts; a share drawn at random may be left out, so that its effect can be told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wellheard.actions.channel import channels
from wellheard.actions.effect import Effect, effect_of
from wellheard.actions.happening import Look
from wellheard.actions.letter import check_fields, filled
from wellheard.actions.message import Message
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.actions.trigger import both
from wellheard.base.errors import BadCall
from wellheard.metrics.where import parse
from wellheard.store import broadcasts as kept
from wellheard.store.broadcasts import DRAFT, HELD_OUT, NO_ADDRESS, REFUSES, SENT, STARTED, STOPPED
from wellheard.store.connections import connections
from wellheard.store.firings import ACTED, Firing
from wellheard.store.firings import HELD_OUT as LEFT_ALONE
from wellheard.store.followup import Transaction
from wellheard.store.refusals import refusing

FIELDS = frozenset({"name", "first_name", "company", "segment", "region", "language"})
COLUMNS = ("name", "email", "account_id", "segment", "region", "language")
MOST = 100_000


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def sender(self) -> Sender: ...
    @property
    def look(self) -> Look: ...
    @property
    def public_address(self) -> str: ...


class Content(BaseModel):
    """Other words for part of the segment; the first content that fits is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str = Field(min_length=1)
    subject: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)


class BroadcastFile(BaseModel):
    """A broadcast as somebody says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    where: str = ""
    through: str = Field(min_length=1)
    subject: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)
    content: tuple[Content, ...] = ()
    per_minute: int = Field(60, ge=1, le=6_000)
    holdout_percent: float = Field(0, ge=0, le=50)

    @field_validator("subject", "text")
    @classmethod
    def _fields(cls, value: str) -> str:
        try:
            check_fields(value, FIELDS)
        except BadCall as error:
            raise ValueError(error.message) from None
        return value

    @field_validator("where")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value.strip():
            try:
                parse(value)
            except BadCall as error:
                raise ValueError(error.message) from None
        return value


@dataclass(frozen=True)
class Recipient:
    """Somebody of the segment, the words they would get, and why they get none."""

    customer_id: str
    name: str
    email: str
    subject: str
    text: str
    arm: str
    reason: str = ""


def broadcast_from(told: Mapping[str, Any]) -> BroadcastFile:
    """A broadcast from what a form says. Raises BadCall naming the field."""
    try:
        return BroadcastFile.model_validate(dict(told))
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else None
        raise BadCall(f"{field or 'broadcast'}: {first['msg']}", hint="docs/actions.md has one", field=field) from None


def recipients(loop: Loop, file: BroadcastFile, id: str = "") -> list[Recipient]:
    """Everybody of the segment, each address once, in order of the customers' ids."""
    rows = loop.look.rows("customers", COLUMNS, where=both("ended_at is null", file.where), limit=MOST)
    rows = sorted(rows, key=lambda row: str(row["source_id"]))
    fitting = [_ids(loop, both("ended_at is null", file.where, content.where)) for content in file.content]
    with loop.sender.store.reading() as con:
        ids_out, addresses_out = refusing(
            con,
            loop.sender.workspace,
            [row["source_id"] for row in rows],
            [row["email"] for row in rows if row["email"]],
        )
    seen: set[str] = set()
    found = []
    for row in rows:
        email = (row["email"] or "").strip()
        words = next((c for c, ids in zip(file.content, fitting, strict=True) if row["id"] in ids), file)
        arm, reason = SENT, ""
        if not email or "@" not in email:
            arm, reason = NO_ADDRESS, "no address is known"
        elif email.lower() in seen:
            arm, reason = NO_ADDRESS, "the address was written to already"
        elif row["source_id"] in ids_out or email in addresses_out:
            arm, reason = REFUSES, "they want no letters"
        elif _drawn(id or file.name, email) < file.holdout_percent / 100:
            arm, reason = HELD_OUT, "drawn for the comparison"
        seen.add(email.lower())
        fields = _fields_of(row)
        subject, text = filled(words.subject, fields), filled(words.text, fields)
        found.append(Recipient(row["source_id"], row["name"] or "", email, subject, text, arm, reason))
    return found


def start(loop: Loop, id: str) -> int:
    """Decides who gets it and puts the letters in the outbox, spread over time; gives their number. Raises BadCall."""
    sender, now = loop.sender, loop.sender.now()
    with sender.store.reading() as con:
        draft = kept.broadcast(con, sender.workspace, id)
        places = connections(con, sender.workspace, sender.vault)
    file = broadcast_from(draft.definition)
    if draft.state != DRAFT:
        raise BadCall(f"this broadcast was {draft.state} already", hint="make a new one", field="broadcast")
    if file.through not in places or "letter" not in channels()[places[file.through].channel].kinds:
        raise BadCall(f"{file.through!r} carries no letters", hint="name an e-mail connection", field="through")
    people = recipients(loop, file, id)
    with sender.store.writing() as con:
        if kept.broadcast(con, sender.workspace, id).state != DRAFT:
            raise BadCall("somebody else has just started it", hint="look at its page", field="broadcast")
        letters = _placed(con, loop, id, file, people)
        kept.turn_broadcast(con, id, STARTED, now)
    return letters


def _placed(con: Transaction, loop: Loop, id: str, file: BroadcastFile, people: Sequence[Recipient]) -> int:
    now, letters = loop.sender.now(), 0
    for person in people:
        number = None
        if person.arm == SENT:
            pace = now + timedelta(seconds=letters * 60 / file.per_minute)
            letter = _letter(loop, id, person)
            number = queue_message(con, loop.sender, letter, file.through, broadcast_id=id, not_before=pace)
            letters += 1
        told = {"customer_id": person.customer_id, "arm": person.arm, "reason": person.reason or None}
        kept.place_people(con, id, [{**told, "decided_at": now, "delivery_number": number}])
    return letters


def _letter(loop: Loop, id: str, person: Recipient) -> Message:
    key = delivery_key("broadcast", id, person.customer_id)
    return Message(
        key=key,
        kind="letter",
        title=person.subject,
        text=person.text,
        to=person.email,
        customer={"id": person.customer_id, "name": person.name, "email": person.email},
        unsubscribe=f"{loop.public_address}/stop/{key}",
        made_at=loop.sender.now(),
    )


def stop(loop: Loop, id: str) -> None:
    """Stops a broadcast: what has not left stays here."""
    with loop.sender.store.writing() as con:
        if kept.broadcast(con, loop.sender.workspace, id).state != STARTED:
            raise BadCall("this broadcast is not on its way", hint="look at its page", field="broadcast")
        kept.turn_broadcast(con, id, STOPPED, loop.sender.now())


def effect(loop: Loop, id: str, days: int) -> Effect:
    """What became of those who were written to, beside those who were left out by chance."""
    with loop.sender.store.reading() as con:
        people = kept.people_of(con, id)
    arms = {SENT: ACTED, HELD_OUT: LEFT_ALONE}
    firings = [
        Firing(id, p.customer_id, p.decided_at, p.decided_at, arms[p.arm], customer_id=p.customer_id)
        for p in people
        if p.arm in arms
    ]
    return effect_of(loop.look, firings, loop.sender.now(), days)


def _ids(loop: Loop, where: str) -> frozenset[str]:
    return frozenset(row["id"] for row in loop.look.rows("customers", (), where=where, limit=MOST))


def _fields_of(row: Mapping[str, Any]) -> dict[str, str]:
    name = (row["name"] or "").strip()
    told: Sequence[tuple[str, Any]] = (
        ("name", name),
        ("first_name", name.partition(" ")[0]),
        ("company", row["account_id"]),
        ("segment", row["segment"]),
        ("region", row["region"]),
        ("language", row["language"]),
    )
    return {field: str(value) for field, value in told if value}


def _drawn(id: str, email: str) -> float:
    made = hashlib.sha256(f"{id}\x1f{email.lower()}".encode()).digest()
    return int.from_bytes(made[:8]) / 2**64
