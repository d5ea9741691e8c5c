"""The end of letters: whoever gets one can say that they want no more, with one click and without logging in."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wellheard.base.errors import Unknown
from wellheard.store.broadcasts import addressee
from wellheard.store.refusals import refuse
from wellheard.web.public.notices import notice
from wellheard.web.public.reception import Reception

KEY = re.compile(r"[0-9a-f]{32}")


def routes(reception: Reception) -> list[Route]:
    """The page, which changes nothing, since mail scanners open links; and the click (RFC 8058)."""

    async def asked(request: Request) -> Response:
        reception.count(request)
        return notice("No more letters?", "We will not write to this address again.", action=request.url.path,
                      button="I want no more letters")  # fmt: skip

    async def left(request: Request) -> Response:
        reception.count(request)
        await run_in_threadpool(_leave, reception, request.path_params["key"])
        return notice("Done", "We will not write to this address again.")

    return [Route("/stop/{key}", asked, methods=["GET"]), Route("/stop/{key}", left, methods=["POST"])]


def _leave(reception: Reception, key: str) -> None:
    with reception.store.writing() as con:
        found = addressee(con, key) if KEY.fullmatch(key) else None
        if found is None:
            raise Unknown("there is no such letter", hint="use the link as it was sent")
        refuse(con, found[0], None, found[1], "letter", reception.now())
