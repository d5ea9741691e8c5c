"""What leaves by a channel: one value for all of them, of which each takes what it can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

# notice: to colleagues; ticket: opens one; event: to a program; reply and letter: to a customer.
KINDS = ("notice", "ticket", "event", "reply", "letter")


@dataclass(frozen=True)
class Message:
    """`key` is the same at every try, and for ever. `facts` are pairs of a name and a value.

    `customer` has `id, name, email` as far as they are known. `data` is what programs get. `thread` is what a reply
    belongs to: the other system's id of a ticket or conversation, or a mail's Message-ID.
    """

    key: str
    kind: str
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    to: str = ""
    customer: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    thread: str = ""
    unsubscribe: str = ""
    made_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def as_json(self) -> dict[str, Any]:
        """The message as it lies in the outbox."""
        told = asdict(self)
        return {**told, "facts": [list(pair) for pair in self.facts], "made_at": self.made_at.isoformat()}


def message_from(told: Mapping[str, Any]) -> Message:
    """The message that lies in the outbox."""
    facts = tuple((str(name), str(value)) for name, value in told["facts"])
    return Message(**{**told, "facts": facts, "made_at": datetime.fromisoformat(told["made_at"])})


def normalise_line_ends(text: str) -> str:
    """The text with one kind of line ends, since forms post another kind than programs write."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def says_the_same(one: str, other: str) -> bool:
    """Whether two texts differ in white space alone, which other systems change in what they keep."""
    return one.split() == other.split()


def plain(message: Message) -> str:
    """The whole message as plain text, as a ticket, a mail or a card shows it."""
    lines = [message.text] if message.text else []
    if message.facts:
        lines += ["", *(f"{name}: {value}" for name, value in message.facts)]
    if message.link:
        lines += ["", message.link]
    return "\n".join(lines).strip()
