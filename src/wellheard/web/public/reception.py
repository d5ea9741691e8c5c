"""What every public address shares: the surveys, the inbox, the limits, and how a request's body is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings
from wellheard.store.inbox import Inbox
from wellheard.store.store import Store
from wellheard.store.submission import Kept, Submission
from wellheard.surveys.collect import Sent, collect
from wellheard.surveys.published import Published
from wellheard.surveys.reading import Reading
from wellheard.surveys.survey import Survey
from wellheard.web.public.limits import Limit, caller, networks_of

LARGEST = 64_000  # bytes of a body


class TooLarge(BadCall):
    """The body is longer than a filled-in survey can be."""

    code = "too_large"
    http_status = 413


def _now() -> datetime:
    return datetime.now(UTC)


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
    now: Callable[[], datetime] = _now

    def survey(self, key: str) -> tuple[Survey, int]:
        """The survey of an address, and the store's number of its version. Raises Unknown."""
        return self.published.survey(key)

    def count(self, request: Request, survey_key: str | None = None) -> None:
        """Counts a call for who makes it and for its survey. Raises TooMany."""
        peer = request.client.host if request.client else None
        trusted = networks_of(self.settings.trusted_proxies)
        self.by_network.take(caller(peer, request.headers.get("x-forwarded-for"), trusted))
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
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Kept | BaseException] = loop.create_future()

        def then(outcome: Kept | BaseException) -> None:
            if not loop.is_closed():  # nobody waits any more
                loop.call_soon_threadsafe(_settle, waiting, outcome)

        self.inbox.put(submission, then)
        outcome = await waiting
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def reception_of(workspace: str, settings: Settings, store: Store, inbox: Inbox, published: Published) -> Reception:
    """The reception of a workspace, with the limits of its settings."""
    return Reception(
        workspace=workspace,
        settings=settings,
        store=store,
        inbox=inbox,
        published=published,
        by_network=Limit("from this network", settings.answers_per_network),
        by_survey=Limit("on this survey", settings.answers_per_survey),
        by_invitation=Limit("with this invitation", settings.answers_per_invitation),
    )


async def body_of(request: Request) -> bytes:
    """A request's body. Raises TooLarge as soon as it is known to be longer than is taken."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > LARGEST:
        raise _too_large()
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(f"the body is longer than {LARGEST // 1000} kB", hint="shorten what was written")


def _settle(waiting: asyncio.Future[Kept | BaseException], outcome: Kept | BaseException) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
