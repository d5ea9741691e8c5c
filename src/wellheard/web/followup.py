"""What the pages of following up share: who acts, where they stand beside each other, and forms that do one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.message import normalise_line_ends
from wellheard.base.errors import BadCall, WellheardError
from wellheard.metrics.question import OWNER
from wellheard.reports import units
from wellheard.web.site import Site

SEE_OTHER = 303
WHO = OWNER.name  # until people can log in
BESIDE = (
    ("/cases", "Cases"),
    ("/alerts", "Alerts"),
    ("/incidents", "Incidents"),
    ("/rules", "Rules"),
    ("/deliveries", "Deliveries"),
    ("/broadcasts", "Broadcasts"),
)
Told = dict[str, str]


def posted(
    site: Site,
    do: Callable[[Told], str],
    failed: Callable[[Request, WellheardError, Told], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a form: `do` gives the address to go on at, and `failed` the page with what went wrong."""

    async def handle(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            told = {**_texts(form), **{name: str(value) for name, value in request.path_params.items()}}
        return await run_in_threadpool(_done, request, told)

    def _done(request: Request, told: Told) -> Response:
        try:
            return RedirectResponse(do(told), SEE_OTHER)
        except WellheardError as error:
            return failed(request, error, told)

    return handle


def fault_of(site: Site, error: WellheardError) -> Any:
    """An error as a piece of a page."""
    place = str(error.place)
    message = f"{place}: {error.message}" if place else error.message
    return site.piece("fault.html", message=message, hint=error.hint)


def number_in(told: Mapping[str, str], name: str = "number") -> int:
    """The number that a form or an address names. Raises BadCall."""
    text = told.get(name, "").strip().removeprefix("#")
    if not text.isdecimal() or len(text) > 12:
        raise BadCall(f"{text!r} is no number of a case", hint="write it as 17", field=name)
    return int(text)


def moment_in(told: Mapping[str, str], name: str, zone: Any) -> datetime:
    """The moment that a form names, by the workspace's clock. Raises BadCall."""
    try:
        return datetime.fromisoformat(told.get(name, "")).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise BadCall(f"{told.get(name, '')!r} is no time", hint="write 2026-03-02T09:00", field=name) from None


def away(moment: datetime | None, now: datetime) -> str:
    """How far a moment is from now, in words."""
    if moment is None:
        return ""
    seconds = (moment - now).total_seconds()
    span = units.duration(abs(seconds))
    return f"in {span}" if seconds >= 0 else f"{span} ago"


def words_of(told: Mapping[str, str]) -> str:
    """What a form says that is to be read by people, without spaces around it."""
    return told.get("words", "").strip()


def loop_of(site: Site) -> ClosedLoop:
    """The closed loop of the site's workspace."""
    return site.services.loop()


def _texts(form: FormData) -> Told:
    return {name: normalise_line_ends(value) for name, value in form.multi_items() if isinstance(value, str)}
