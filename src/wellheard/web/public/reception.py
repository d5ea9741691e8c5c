"""What every public address shares: the surveys, the inbox, the limits, and how a request's body is read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias
from weakref import WeakKeyDictionary

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings
from wellheard.store.inbox import Inbox
from wellheard.store.store import Store
from wellheard.store.submission import Kept, Submission
from wellheard.store.vault import Vault
from wellheard.surveys.collect import Sent, collect
from wellheard.surveys.published import Published
from wellheard.surveys.reading import Reading
from wellheard.surveys.survey import Survey
from wellheard.web.public.limits import Limit, Network, caller, networks_of

Outcome: TypeAlias = Kept | BaseException
MayAsk: TypeAlias = Callable[[str, Mapping[str, str | None]], bool]
Waiting: TypeAlias = "asyncio.Future[Outcome]"

LARGEST = 64_000  # bytes of a body


class TooLarge(BadCall):
    """The body is longer than a filled-in survey can be."""

    code = "too_large"
    http_status = 413


def _now() -> datetime:
    return datetime.now(UTC)


class _Bag:
    """What was brought for one event loop, and whether that loop has been woken for it."""

    def __init__(self) -> None:
        self.brought: deque[tuple[Waiting, Outcome]] = deque()
        self.woken = False

    def deliver(self) -> None:
        """Hands everything out, in the loop's own thread."""
        self.woken = False  # first: what is brought from now on wakes the loop again
        while self.brought:
            waiting, outcome = self.brought.popleft()
            if not waiting.done():
                waiting.set_result(outcome)


class Post:
    """Brings outcomes from the inbox's thread to those who wait in event loops, waking a loop once for many."""

    def __init__(self) -> None:
        self._bags: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bag] = WeakKeyDictionary()

    def waiting(self) -> Waiting:
        """A place in the running loop at which an outcome can be brought."""
        loop = asyncio.get_running_loop()
        self._bags.setdefault(loop, _Bag())
        return loop.create_future()

    def bring(self, waiting: Waiting, outcome: Outcome) -> None:
        """Brings an outcome, from any thread."""
        loop = waiting.get_loop()
        bag = self._bags[loop]
        bag.brought.append((waiting, outcome))
        if not bag.woken and not loop.is_closed():
            bag.woken = True
            loop.call_soon_threadsafe(bag.deliver)


@dataclass(frozen=True)
class Reception:
    """Takes answers for one workspace. Its limits count calls, whatever these say and whether they succeed."""

    workspace: str
    settings: Settings
    store: Store
    inbox: Inbox
    published: Published
    by_network: Limit
    by_survey: Limit
    by_invitation: Limit
    trusted: tuple[Network, ...]
    post: Post
    may_ask: MayAsk | None = None
    vault: Vault | None = None
    now: Callable[[], datetime] = _now

    def survey(self, key: str) -> tuple[Survey, int]:
        """The survey of an address, and the store's number of its version. Raises Unknown."""
        return self.published.survey(key)

    def count(self, request: Request, survey_key: str | None = None) -> None:
        """Counts a call for who makes it and for its survey. Raises TooMany."""
        peer = request.client.host if request.client else None
        self.count_from(peer, request.headers.get("x-forwarded-for"), survey_key)

    def count_from(self, peer: str | None, forwarded: str | None, survey_key: str | None = None) -> None:
        """Counts a call by the address it comes from. Raises TooMany."""
        self.by_network.take(caller(peer, forwarded if self.trusted else None, self.trusted))
        if survey_key is not None:
            self.by_survey.take(survey_key)

    def collected(self, survey: Survey, version: int, sent: Sent) -> tuple[Submission | None, Reading]:
        """What was sent as a submission, counted for its invitation. Raises TooMany and Closed."""
        if sent.invitation:
            self.by_invitation.take(sent.invitation)
        secret = self.settings.survey_secret.get_secret_value()
        return collect(survey, version, self.workspace, sent, self.now(), secret)

    async def keep(self, submission: Submission) -> Kept:
        """Waits until the submission is durable. Raises Unknown, Expired, OtherBody or Busy."""
        waiting = self.post.waiting()
        self.inbox.put(submission, partial(self.post.bring, waiting))
        outcome = await waiting
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def reception_of(
    workspace: str,
    settings: Settings,
    store: Store,
    inbox: Inbox,
    published: Published,
    may_ask: MayAsk | None = None,
    vault: Vault | None = None,
) -> Reception:
    """The reception of a workspace, with the limits of its settings.

    `may_ask` says whether the widget may ask a survey of a customer whom the site has named, under everybody's budgets.
    `vault` opens the secrets of hooks; without one, none is taken in.
    """
    return Reception(
        workspace=workspace,
        settings=settings,
        store=store,
        inbox=inbox,
        published=published,
        by_network=Limit("from this network", settings.answers_per_network),
        by_survey=Limit("on this survey", settings.answers_per_survey),
        by_invitation=Limit("with this invitation", settings.answers_per_invitation),
        trusted=networks_of(settings.trusted_proxies),
        post=Post(),
        may_ask=may_ask,
        vault=vault,
    )


async def body_of(request: Request, largest: int = LARGEST) -> bytes:
    """A request's body. Raises TooLarge as soon as it is known to be longer than is taken."""
    return await body_from(request.receive, request.headers.get("content-length", "0"), largest)


async def body_from(receive: Receive, announced: str, largest: int = LARGEST) -> bytes:
    """The body that a caller sends, who announced its length. Raises TooLarge, and ClientDisconnect."""
    if announced.isdecimal() and int(announced[:20]) > largest:
        raise _too_large(largest)
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > largest:
            raise _too_large(largest)
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"the body is longer than {largest // 1000} kB", hint="shorten what was written")
