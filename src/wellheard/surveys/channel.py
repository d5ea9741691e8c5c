"""What a channel is: how an invitation reaches somebody. A file in `surveys/channels/` is one; no list is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from wellheard.base.egress import Egress
from wellheard.base.errors import Unknown, WellheardError
from wellheard.base.registry import found
from wellheard.base.settings import Settings

ROOM = "wellheard.surveys.channels"
Reaches = Literal["email", "phone", "conversation", "anybody"]


class NotSent(WellheardError):
    """A message that did not go. With `lasting` no other try helps; with `unsure` nobody can tell whether it went."""

    code = "not_sent"
    http_status = 502

    def __init__(self, message: str, *, lasting: bool, unsure: bool = False, bounced: bool = False) -> None:
        super().__init__(message)
        self.lasting, self.unsure, self.bounced = lasting, unsure, bounced


@dataclass(frozen=True)
class Letter:
    """An invitation or reminder as it is sent, in one language. `key` is the same at every try.

    `text` and `html` say the same; `short` is for messages that cost by the letter. `link` opens the survey's page and
    `leave` the page on which no more is asked for.
    """

    key: str
    kind: str
    to: str = field(repr=False)
    survey_id: str
    language: str
    subject: str
    text: str
    html: str = field(repr=False)
    short: str
    link: str = field(repr=False)
    leave: str = field(repr=False)
    test: bool = False


@dataclass(frozen=True)
class Means:
    """What channels send by: the settings, the client for calls, and what time it is."""

    settings: Settings
    egress: Egress
    now: Callable[[], datetime]

    @property
    def internal(self) -> frozenset[str]:
        """Hosts that may be internal."""
        return frozenset(self.settings.internal_hosts)


def _nothing(settings: Settings) -> str:
    del settings
    return ""


@dataclass(frozen=True)
class Channel:
    """One way to people. Its name is that of its file.

    `reaches` is what of a person it needs: an address, a number, the conversation that the survey is about; `anybody`
    is reached by whoever asked, who gets the link. `lacks` says which settings are missing, or nothing. `send` sends a
    letter and gives what the other side calls it; it raises NotSent. With `knows_keys` the other side takes a letter
    with the same key once only, so that one of unknown fate can be sent again.
    """

    title: str
    words: str
    reaches: Reaches
    send: Callable[[Letter, Means], str] | None = None
    lacks: Callable[[Settings], str] = _nothing
    knows_keys: bool = False

    @property
    def carried(self) -> bool:
        """Whether we send something."""
        return self.send is not None


def channels() -> dict[str, Channel]:
    """Every channel by its name."""
    return found(ROOM, "CHANNEL", Channel)


def channel_called(name: str) -> Channel:
    """The channel of a name. Raises Unknown naming those that there are."""
    if name not in channels():
        raise Unknown(f"there is no channel {name!r}", hint=f"there are {', '.join(channels())}", field="channels")
    return channels()[name]
