"""Where providers tell what became of letters, signed as Standard Webhooks asks; unsigned, it is believed nothing."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wellheard.base.signatures import check_signature
from wellheard.store.returned import note_returned
from wellheard.surveys.bounces import read_events, read_report
from wellheard.web.public.reception import Reception, body_of

REPORTS = ("message/rfc822", "multipart/report")


def routes(reception: Reception) -> list[Route]:
    """The one address: it takes events as JSON, or a mail server's delivery report as it came."""

    async def take(request: Request) -> Response:
        reception.count(request)
        body = await body_of(request)
        secret = reception.settings.webhook_secret.get_secret_value()
        check_signature([secret] if secret else [], request.headers, body, reception.now().timestamp())
        return JSONResponse({"noted": await run_in_threadpool(_noted, reception, request, body)})

    return [Route("/bounces", take, methods=["POST"])]


def _noted(reception: Reception, request: Request, body: bytes) -> int:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    found = read_report(body) if kind in REPORTS else read_events(body)
    with reception.store.writing() as con:
        return note_returned(con, reception.workspace, found, reception.now())
