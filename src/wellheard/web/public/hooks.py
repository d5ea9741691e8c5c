"""Where help desks tell what became of tickets: an address of 128 random bits a hook, and a proof with every call.

The body is read as it came and bounded, and nothing of it is understood before the call is proven.
"""

from __future__ import annotations

import re
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wellheard.actions.hearing import Heard, hear
from wellheard.base.errors import Refused, Unknown
from wellheard.store.hooks import KeptHook, hook_at
from wellheard.web.public.reception import Reception, body_of

PATH = "/hooks/"
LARGEST = 1_000_000  # bytes: a whole conversation may come with an event
ID = re.compile(r"[0-9a-f]{32}")


def routes(reception: Reception) -> list[Route]:
    """The one kind of address."""

    async def take(request: Request) -> Response:
        id = request.path_params["id"]
        try:
            if not ID.fullmatch(id):
                raise Unknown("there is no such hook", hint="use the address as it was shown")
            reception.by_survey.take(id)  # help desks share few networks: a hook is counted for itself
            await run_in_threadpool(_known, reception, id)  # nobody else's body is read at all
            heard = await run_in_threadpool(_heard, reception, request, await body_of(request, LARGEST))
        except (Unknown, Refused):
            reception.count(request)  # whoever tries is slowed down
            raise
        return JSONResponse(asdict(heard))

    async def looked_at(_: Request) -> Response:
        return Response()  # some systems ask whether an address is there before they take it

    return [Route(f"{PATH}{{id}}", take, methods=["POST"]), Route(f"{PATH}{{id}}", looked_at, methods=["HEAD"])]


def _known(reception: Reception, id: str) -> KeptHook:
    if reception.vault is None:
        raise Unknown("no hooks are taken in here", hint="ask who runs this")
    with reception.store.reading() as con:
        return hook_at(con, reception.workspace, reception.vault, id)


def _heard(reception: Reception, request: Request, body: bytes) -> Heard:
    assert reception.vault is not None
    id, headers = request.path_params["id"], request.headers
    return hear(reception.store, reception.vault, reception.workspace, id, headers, body, reception.now())
