"""Broadcast: one message to a segment, with fields and content by segment, at a steady pace, to whoever wants it.

It goes by several channels, to each person by the one that they prefer, else by the first that reaches them. Who gets
it is decided once, when it starts; a share drawn at random may be left out, so that its effect can be told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wellheard.actions import phone
from wellheard.actions.channel import channels
from wellheard.actions.condition import Condition, both
from wellheard.actions.effect import Effect, effect_of
from wellheard.actions.happening import Look
from wellheard.actions.letter import check_fields, filled
from wellheard.actions.message import Message, normalise_line_ends
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.errors import BadCall, Unknown
from wellheard.store import broadcasts as kept
from wellheard.store.broadcasts import DRAFT, HELD_OUT, NO_ADDRESS, REFUSES, SENT, STARTED, STOPPED
from wellheard.store.connections import Connection, connections
from wellheard.store.firings import ACTED, Firing
from wellheard.store.firings import HELD_OUT as LEFT_ALONE
from wellheard.store.followup import Transaction
from wellheard.store.refusals import refusing

FIELDS = frozenset({"name", "first_name", "company", "segment", "region", "language"})
COLUMNS = ("name", "email", "phone", "account_id", "segment", "region", "language")
PREFERRED = "preferred_channel"  # an attribute of customers that a source may give
MOST = 100_000
FEW = 5_000  # ids that are looked up one by one; beyond them all customers are read


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def sender(self) -> Sender: ...
    @property
    def look(self) -> Look: ...
    @property
    def public_address(self) -> str: ...


def _with_known_fields(text: str) -> str:
    try:
        check_fields(text, FIELDS)
    except BadCall as error:
        raise ValueError(error.message) from None
    return normalise_line_ends(text)


def _several(through: Any) -> Any:
    return (through,) if isinstance(through, str) and through else through


Words = Annotated[str, AfterValidator(_with_known_fields)]
Ways = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Content(BaseModel):
    """What it says; `short` is for telephones, which show the text where it is empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Words = Field(min_length=1, max_length=200)
    text: Words = Field(min_length=1, max_length=20_000)
    short: Words = Field("", max_length=1_000)


class Otherwise(Content):
    """Other words for part of the segment; the first that fits is taken."""

    where: Condition = Field(min_length=1)


class BroadcastFile(Content):
    """A broadcast as somebody says it. `through` are connections, of which the first that reaches somebody counts."""

    name: str = Field(min_length=1, max_length=200)
    where: Condition = ""
    through: Ways = Field(min_length=1, max_length=6)
    content: tuple[Otherwise, ...] = ()
    per_minute: int = Field(60, ge=1, le=6_000)
    holdout_percent: float = Field(0, ge=0, le=50)


@dataclass(frozen=True)
class Recipient:
    """Somebody of the segment: by which connection, where, in which words, and why not where they get none.

    `row` is the row of customers, `source:source_id`, since two sources may use one id for two people.
    """

    row: str
    customer_id: str
    name: str
    to: str
    through: str
    channel: str
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
    """Every row of the segment in order of the ids; each person and address gets one letter. Raises BadCall."""
    places = ways(loop, file)
    rows = _customers(loop, both("ended_at is null", file.where))
    fitting = [_ids(loop, both("ended_at is null", file.where, content.where)) for content in file.content]
    people = _people(loop, rows)
    refusals = _refusals(loop, [each for person in people for each in person])
    seen: set[str] = set()
    found = []
    for row, person in zip(rows, people, strict=True):
        place, to = _way(row, places)
        words = next((c for c, ids in zip(file.content, fitting, strict=True) if row["id"] in ids), file)
        names = {to.lower(), *map(_named, person)}
        drawn = _drawn(id or file.name, to) < file.holdout_percent / 100
        arm, reason = _arm(to, any(map(refusals, person)), bool(names & seen), drawn)
        seen |= names if to else set()
        fields = _fields_of(row)
        subject, text = filled(words.subject, fields), filled(words.text, fields)
        if place is not None and channels()[place.channel].reaches == "phone":
            subject, text = "", filled(words.short, fields) or text
        through, channel = (place.name, place.channel) if place else ("", "")
        who = (_named(row), row["source_id"], row["name"] or "")
        found.append(Recipient(*who, to, through, channel, subject, text, arm, reason))
    return found


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['source']}:{row['source_id']}"


def _people(loop: Loop, rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """All rows of customers that are one person with each row, those outside of the segment among them."""
    ids = [row["source_id"] for row in rows]
    audience = loop.look.people(ids if len(ids) <= FEW else None)
    return [audience.linked(_named(row)) or [row] for row in rows]


def _refusals(loop: Loop, rows: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], bool]:
    """Tells of one of the rows whether it wants no letters, by its id or by any of its addresses."""
    ids = [row["source_id"] for row in rows]
    with loop.sender.store.reading() as con:
        out, addresses_out = refusing(con, loop.sender.workspace, ids, [a for row in rows for a in _addresses(row)])
    return lambda row: row["source_id"] in out or any(a in addresses_out for a in _addresses(row))


def ways(loop: Loop, file: BroadcastFile) -> list[Connection]:
    """The connections that it goes through, in order. Raises BadCall for one that carries no letters."""
    with loop.sender.store.reading() as con:
        places = connections(con, loop.sender.workspace, loop.sender.vault)
    for name in file.through:
        if name not in places or not channels()[places[name].channel].reaches:
            hint = "name a connection by e-mail, SMS or WhatsApp"
            raise BadCall(f"{name!r} carries no letters", hint=hint, field="through")
    return [places[name] for name in dict.fromkeys(file.through)]


def _customers(loop: Loop, where: str) -> list[dict[str, Any]]:
    try:
        rows = loop.look.rows("customers", COLUMNS, where=where, limit=MOST + 1, named=(PREFERRED,))
    except Unknown:  # no source gives that attribute; a filter that names nothing is told of below
        rows = loop.look.rows("customers", COLUMNS, where=where, limit=MOST + 1)
    if len(rows) > MOST:
        raise BadCall(f"the segment has more than {MOST} customers", hint="write to it in parts", field="where")
    return sorted(rows, key=lambda row: (str(row["source_id"]), row["source"]))


def _addresses(row: Mapping[str, Any]) -> list[str]:
    """Everything by which somebody may have refused letters: who stops one way is written to by none."""
    return [found for reaches in ("email", "phone") if (found := _address(row, reaches))]


def _address(row: Mapping[str, Any], reaches: str) -> str:
    if reaches == "phone":
        return phone.number_in(row["phone"])
    email = (row["email"] or "").strip()
    return email if "@" in email else ""


def _way(row: Mapping[str, Any], places: Sequence[Connection]) -> tuple[Connection | None, str]:
    """By which connection somebody is reached, and where: the preferred one, else the first."""
    found = [(place, to) for place in places if (to := _address(row, channels()[place.channel].reaches))]
    wish = _folded(str(row.get(PREFERRED) or ""))
    preferred = [way for way in found if wish in (_folded(way[0].channel), _folded(way[0].name))]
    return next(iter(preferred or found), (None, ""))


def _folded(way: str) -> str:
    """A channel's or connection's name without what people write between its letters: `E-Mail` is `email`."""
    return "".join(letter for letter in way.lower() if letter.isalnum())


def _arm(to: str, refuses: bool, again: bool, drawn: bool) -> tuple[str, str]:
    """Whether somebody gets it, and why not."""
    if refuses:
        return REFUSES, "they want no letters"
    if not to:
        return NO_ADDRESS, "no address is known"
    if again:
        return NO_ADDRESS, "the person or the address was written to already"
    return (HELD_OUT, "drawn for the comparison") if drawn else (SENT, "")


def start(loop: Loop, id: str) -> int:
    """Decides who gets it and puts the letters in the outbox, spread over time; gives their number. Raises BadCall."""
    sender, now = loop.sender, loop.sender.now()
    with sender.store.reading() as con:
        draft = kept.broadcast(con, sender.workspace, id)
    file = broadcast_from(draft.definition)
    if draft.state != DRAFT:
        raise BadCall(f"this broadcast was {draft.state} already", hint="make a new one", field="broadcast")
    people = recipients(loop, file, id)
    if not any(person.arm == SENT for person in people):
        raise BadCall("nobody would get it", hint="see below why, and make one for others", field="where")
    for place in ways(loop, file):
        missing = channels()[place.channel].lacks(sender.settings_of(place))
        if missing and any(person.through == place.name for person in people):
            raise BadCall(f"{place.name} cannot send: {missing}", hint="set it, or leave it out", field="through")
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
            message = letter(loop, id, person)
            number = queue_message(con, loop.sender, message, person.through, broadcast_id=id, not_before=pace)
            letters += 1
        told = {"customer_id": person.row, "arm": person.arm, "reason": person.reason or None}
        kept.place_people(con, id, [{**told, "decided_at": now, "delivery_number": number}])
    return letters


def letter(loop: Loop, id: str, person: Recipient) -> Message:
    """The message that somebody gets."""
    key = delivery_key("broadcast", id, person.row)
    told = {"id": person.customer_id, "name": person.name, "email": person.to if "@" in person.to else ""}
    return Message(
        key=key,
        kind="letter",
        title=person.subject or " ".join(person.text.split())[:60],
        text=person.text,
        to=person.to,
        customer=told,
        unsubscribe=f"{loop.public_address}/stop/{key}",
        made_at=loop.sender.now(),
    )


def shown(message: Message, channel: str) -> tuple[str, int | None]:
    """A letter as it is read, and as how many SMS it is charged where it is one."""
    text = phone.said(message) if channels()[channel].reaches == "phone" else message.text
    return text, phone.short_messages(text) if channel == "sms" else None


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
        Firing(id, p.customer_id, p.decided_at, p.decided_at, arms[p.arm], customer_id=_own_id(p.customer_id))
        for p in people
        if p.arm in arms
    ]
    return effect_of(loop.look, firings, loop.sender.now(), days)


def _own_id(row: str) -> str:
    """The id that a row of customers has in its source; what was placed before rows were named is the id itself."""
    return row.partition(":")[2] or row


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
