"""What a channel is: a file that says which fields it needs and how one message leaves by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal

from wellheard.actions.message import Message
from wellheard.base.answer import Answer, EgressRefused, retry_after
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall, Unknown, WellheardError
from wellheard.base.mail import checked_host
from wellheard.base.redaction import redact
from wellheard.base.registry import found

ROOM = "wellheard.actions.channels"
LONGEST_FAILURE = 300


class Undelivered(WellheardError):
    """A try that came to nothing. With `retry` another may succeed, after so many seconds at the earliest."""

    code = "undelivered"
    http_status = 502

    def __init__(
        self, message: str, *, retry: bool, after: float | None = None, status: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(redact(message)[:LONGEST_FAILURE], hint=hint)
        self.retry, self.after, self.status = retry, after, status


@dataclass(frozen=True)
class Field:
    """A setting of a connection. A secret one is sealed, and never shown again."""

    name: str
    words: str
    secret: bool = False
    required: bool = True
    url: bool = False
    host: bool = False
    default: str = ""


@dataclass(frozen=True)
class Try:
    """One try to send a message: `number` counts from 1, and `first_at` is when the first was."""

    message: Message
    settings: Mapping[str, str] = field(repr=False)
    egress: Egress
    number: int
    first_at: datetime
    now: datetime
    internal: frozenset[str] = frozenset()  # hosts that may be internal

    @property
    def again(self) -> bool:
        """Whether an earlier try may have arrived without our having been told."""
        return self.number > 1


@dataclass(frozen=True)
class Sent:
    """Where a message is found on the other side. `found` says that an earlier try had arrived already."""

    remote_id: str = ""
    url: str = ""
    found: bool = False


def _nothing(settings: Mapping[str, str]) -> str:
    del settings
    return ""


@dataclass(frozen=True)
class Channel:
    """How messages of some `kinds` leave. `once` says in words why one message arrives once, or why it may not.

    `reaches` is what of a customer a letter needs. `lacks` says what settings want before anything can leave. A reply
    may have `longest` letters; `reviews` are the names of the platform whose reviews are answered by it.
    """

    title: str
    words: str
    kinds: tuple[str, ...]
    fields: tuple[Field, ...]
    send: Callable[[Try], Sent]
    once: str
    reaches: Literal["", "email", "phone"] = ""
    lacks: Callable[[Mapping[str, str]], str] = _nothing
    longest: int | None = None
    reviews: tuple[str, ...] = ()
    name: str = ""

    @property
    def tried_by(self) -> str:
        """The kind of message by which a connection is tried, since no customer gets it; empty where there is none."""
        return next((kind for kind in ("notice", "event", "ticket") if kind in self.kinds), "")

    def parted(
        self, given: Mapping[str, str], egress: Egress, internal: frozenset[str] = frozenset()
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Settings and secrets out of what a form said. Raises BadCall naming the field, and EgressRefused."""
        known = {f.name for f in self.fields}
        if strange := sorted(set(given) - known):
            raise BadCall(f"{self.title} has no field {strange[0]!r}", hint=f"it has {', '.join(sorted(known))}")
        values = {f.name: _in_one_line(str(given.get(f.name, "")).strip()) or f.default for f in self.fields}
        for each in self.fields:
            value = values[each.name]
            if each.required and not value:
                raise BadCall(f"{each.name} is empty", hint=each.words, field=each.name)
            if any(ord(letter) < 32 for letter in value):
                raise BadCall(f"{each.name} holds a control character", hint="write it in one line", field=each.name)
            if each.url and value:
                egress.check(value)
            if each.host and value:
                checked_host(value, internal)
        secret = {f.name for f in self.fields if f.secret}
        kept = {name: value for name, value in values.items() if value}
        return ({n: v for n, v in kept.items() if n not in secret}, {n: v for n, v in kept.items() if n in secret})


def _in_one_line(value: str) -> str:
    """JSON such as a key file without the line ends between its parts; anything else as it is."""
    try:
        return json.dumps(json.loads(value)) if value.startswith("{") else value
    except ValueError:
        return value


@cache
def channels() -> dict[str, Channel]:
    """Every channel there is, by the name of its file."""
    return {name: replace(channel, name=name) for name, channel in found(ROOM, "CHANNEL", Channel).items()}


def channel_called(name: str) -> Channel:
    """One channel. Raises Unknown with those there are."""
    if name not in channels():
        raise Unknown(f"there is no channel {name!r}", hint=f"there are: {', '.join(channels())}", field="channel")
    return channels()[name]


def taken(answer: Answer, now: datetime) -> Answer:
    """The answer where its status is 2xx. Raises Undelivered: for another try where the other side may recover."""
    if answer.ok:
        return answer
    retry = answer.status in {408, 409, 423, 425, 429} or answer.status >= 500
    said = " ".join(answer.text.split())[:200]
    hint = "" if retry else "look at the connection's settings, then try it again"
    raise Undelivered(
        f"it answered {answer.status}: {said}" if said else f"it answered {answer.status}",
        retry=retry,
        after=retry_after(answer.headers.get("retry-after", ""), now),
        status=answer.status,
        hint=hint,
    )


def said_json(answer: Answer) -> Any:
    """The answer's JSON. Raises Undelivered where a page for people came instead, as proxies send with status 200."""
    try:
        return answer.json()
    except WellheardError:
        raise Undelivered("it answered with something that is not JSON", retry=True, status=answer.status) from None


def undelivered(error: WellheardError) -> Undelivered:
    """What went wrong on the way, as a try that came to nothing."""
    if isinstance(error, Undelivered):
        return error
    return Undelivered(error.message, retry=not isinstance(error, EgressRefused | BadCall), hint=error.hint)
