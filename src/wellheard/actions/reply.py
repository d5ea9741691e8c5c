"""Answers a customer from a case: suggested by past replies, sent by a person alone, by the customer's own channel.

Whoever wrote through a help desk is answered in that conversation; others by mail. A public review is answered on its
platform where a channel does that. Where nothing can be sent the text is copied, and the answer noted by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from wellheard.actions.channel import channels
from wellheard.actions.happening import Look
from wellheard.actions.message import Message, normalise_line_ends
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.errors import BadCall
from wellheard.insights.similar_replies import SimilarReplies, Suggestion, pairs_of
from wellheard.store import cases, deliveries
from wellheard.store.cases import Case
from wellheard.store.connections import connections

COLUMNS = ("conversation_id", "author_type", "visibility", "auto_reply", "body")
MOST_MESSAGES = 20_000
BACK = timedelta(days=400)
LONGEST = 20_000


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def sender(self) -> Sender: ...
    @property
    def look(self) -> Look: ...


@dataclass(frozen=True)
class Way:
    """By which connection a customer is answered: in `thread` of a help desk or below that review, or at `to`."""

    connection: str
    channel: str
    thread: str = ""
    to: str = ""

    @property
    def words(self) -> str:
        """The way as it is shown before somebody sends."""
        if self.to:
            return f"{self.connection}, to {self.to}"
        if channels()[self.channel].reviews:
            return f"{self.connection}, in public below review {self.thread}"
        return f"{self.connection}, in conversation {self.thread}"

    @property
    def longest(self) -> int:
        """How many letters it carries."""
        return channels()[self.channel].longest or LONGEST


def ways(loop: Loop, case: Case) -> list[Way]:
    """By what a customer can be answered, the channel on which they wrote first."""
    with loop.sender.store.reading() as con:
        places = connections(con, loop.sender.workspace, loop.sender.vault)
    source, email = str(case.details.get("source") or "").lower(), _email(case)
    platforms = {_folded(str(case.details.get(name) or "")) for name in ("source", "platform")}
    found = []
    for place in places.values():
        channel = channels()[place.channel]
        if "reply" not in channel.kinds or place.disabled_at is not None:
            continue
        if channel.reviews:
            if case.details.get("review") and platforms & set(channel.reviews):
                found.append(Way(place.name, place.channel, thread=str(case.details["review"])))
        elif place.channel == "email" and email:
            found.append(Way(place.name, place.channel, to=email))
        elif place.channel != "email" and case.conversation_id and place.channel in source:
            found.append(Way(place.name, place.channel, thread=case.conversation_id))
    return sorted(found, key=lambda way: (way.channel == "email", way.connection))


def _email(case: Case) -> str:
    return str(case.details.get("customer", {}).get("email", ""))


def _folded(platform: str) -> str:
    """A platform's name without what people write between its letters: `Google Play` and `google_play` are one."""
    return "".join(letter for letter in platform.lower() if letter.isalnum())


def suggestions(loop: Loop, text: str, most: int = 3) -> list[Suggestion]:
    """Replies of colleagues to similar texts of the past; none where nothing is like it."""
    if not text.strip():
        return []
    since = loop.sender.now() - BACK
    messages = loop.look.rows("messages", COLUMNS, since=since, limit=MOST_MESSAGES)
    return SimilarReplies(pairs_of(messages)).like(text, most)


def send_reply(loop: Loop, number: int, who: str, text: str, through: str) -> int:
    """Queues a reply that a person approved by sending it; gives the delivery's number. Raises BadCall.

    Sent twice on one day by mistake it leaves once. One that died is tried again under its own key.
    """
    said = normalise_line_ends(text).strip()[:LONGEST]
    if not said:
        raise BadCall("the reply is empty", hint="write something", field="text")
    workspace = loop.sender.workspace
    with loop.sender.store.reading() as con:
        case = cases.case(con, workspace, number)
    way = next((way for way in ways(loop, case) if way.connection == through), None)
    if way is None:
        hint = "copy the text, or connect the channel on which the customer wrote"
        raise BadCall(f"this customer cannot be answered through {through!r}", hint=hint, field="through")
    if len(said) > way.longest:
        hint = f"{way.connection} carries {way.longest}; shorten it"
        raise BadCall(f"the reply has {len(said)} letters", hint=hint, field="text")
    now = loop.sender.now()
    message = Message(
        key=delivery_key(workspace, "reply", number, way.connection, said, now.date()),
        kind="reply",
        title=f"Re: {case.title}" if way.to else case.title,
        text=said,
        to=way.to,
        thread=way.thread,
        customer={str(k): str(v) for k, v in case.details.get("customer", {}).items()},
        made_at=now,
    )
    with loop.sender.store.writing() as con:
        known = deliveries.found_by_key(con, workspace, message.key)
        if known is not None and known[1] != deliveries.DEAD:
            return known[0]
        queued = queue_message(con, loop.sender, message, way.connection, case_number=number)
        if known is not None:
            deliveries.replay(con, workspace, queued, now)
        cases.enter(con, number, now, who, "replied", f"through {way.words}: {said}")
        cases.change_case(con, workspace, number, now)
    return queued


def note_reply(loop: Loop, number: int, who: str, text: str) -> None:
    """Notes that somebody answered where nothing can be sent from here, and in which words if they say it."""
    said = normalise_line_ends(text).strip()[:LONGEST]
    now, workspace = loop.sender.now(), loop.sender.workspace
    with loop.sender.store.writing() as con:
        cases.case(con, workspace, number)
        cases.enter(con, number, now, who, "replied", f"by hand: {said}" if said else "by hand")
        cases.change_case(con, workspace, number, now, answered_at=now)


def unanswerable(case: Case, found: Sequence[Way]) -> str:
    """Why a reply has to be copied; empty where one can be sent."""
    if found:
        return ""
    if case.kind == "review":
        return "Nothing here can answer on this platform: copy the text, answer there, and mark the case as replied."
    return (
        "Neither an address of this customer nor the help desk in which they wrote is connected: copy the text, "
        "answer there, and mark the case as replied."
    )


__all__ = ["Way", "note_reply", "send_reply", "suggestions", "unanswerable", "ways"]
