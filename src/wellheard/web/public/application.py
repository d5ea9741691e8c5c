"""Joins the public addresses to one application; what goes wrong is told in one shape, and never more than that."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wellheard.base.errors import WellheardError
from wellheard.web.public import answers, hooks, letters, pages, returned
from wellheard.web.public.limits import TooMany
from wellheard.web.public.reception import Reception
from wellheard.web.record import record

JSON_ENDS = ("/answers", "/widget", "/receipt", "/bounces")

Handler = Callable[[Request, Exception], Awaitable[Response]]


def make_public_app(reception: Reception) -> Starlette:
    """The application by which surveys are answered."""
    app = _Public(
        routes=[
            *answers.routes(reception),
            *pages.routes(reception),
            *letters.routes(reception),
            *returned.routes(reception),
            *hooks.routes(reception),
            Route("/health", _health),
        ],
        exception_handlers={
            WellheardError: _ours(reception),
            HTTPException: _http,
            Exception: _unforeseen,
        },
    )
    app.state.reception = reception
    app.taking, app.refuse = answers.Taking(reception), _ours(reception)
    return app


class _Public(Starlette):
    """The application, in which an answer goes to what takes it without the way through all routes."""

    taking: answers.Taking
    refuse: Handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.taking.takes(scope):
            await super().__call__(scope, receive, send)
            return
        try:
            await self.taking(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is there who could be told
        except WellheardError as error:
            request = Request({**scope, "path_params": {"key": answers.key_of(scope)}}, receive)
            await (await self.refuse(request, error))(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - told as every other call's
            await (await _unforeseen(Request(scope, receive), error))(scope, receive, send)


def _ours(reception: Reception) -> Handler:
    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, WellheardError)
        headers = {"retry-after": str(math.ceil(error.wait))} if isinstance(error, TooMany) else {}
        if not request.url.path.endswith(JSON_ENDS) and not request.url.path.startswith(hooks.PATH):
            return pages.failed(request, error, headers)
        # A page of a permitted origin may read why its call failed.
        if (origin := _permitted(reception, request)) is not None:
            headers |= {"access-control-allow-origin": origin, "vary": "origin"}
        return JSONResponse(error.as_json(), error.http_status, headers=headers)

    return told


def _permitted(reception: Reception, request: Request) -> str | None:
    origin = request.headers.get("origin")
    try:
        survey, _ = reception.survey(request.path_params.get("key", ""))
    except WellheardError:
        return None
    return origin if origin in survey.origins else None


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "there is no such page", 405: f"{request.method} is not taken here"}
    return PlainTextResponse(words.get(error.status_code, error.detail) + "\n", error.status_code)


async def _unforeseen(request: Request, error: Exception) -> Response:
    # The path holds tokens: the log gets the kind of address alone.
    record(f"{request.method} of a public address failed", error)
    body = {"error": {"code": "failed", "message": "something went wrong on our side", "hint": "", "field": None}}
    return JSONResponse(body, 500)


async def _health(_: Request) -> Response:
    return JSONResponse({"ok": True})
