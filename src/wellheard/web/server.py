"""Joins pages and API to one application. A page is a file in `pages/` that has `routes`; it is found by itself."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from wellheard.base.registry import members
from wellheard.web import api, case_api
from wellheard.web.faults import answer_faults
from wellheard.web.figures import OneMoment
from wellheard.web.guard import Guard
from wellheard.web.kept import KeptPages
from wellheard.web.keyed import KeyedCalls
from wellheard.web.record import record
from wellheard.web.services import Services
from wellheard.web.site import STATIC, Site

UPLOAD = "/import/upload"
KINDS = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


def make_app(services: Services, *, warm: bool = True) -> FastAPI:
    """The application over one workspace, which its end closes. `warm` begins the scorecard's figures at once."""
    site = Site(services)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = threading.Thread(target=_warm, args=(site,), name="warm", daemon=True)
        if warm:
            warming.start()
        yield
        site.ending.set()
        if warm:
            warming.join()  # the engine must not be at work for a thread that the process leaves behind
        site.close()

    app = FastAPI(
        title="Wellheard",
        version="1",
        description="Every KPI with its interval, its definition and the rows behind it.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    answer_faults(app, site)
    app.include_router(api.routes(site))
    app.include_router(case_api.routes(site))
    for module in members("wellheard.web.pages", "routes").values():
        app.include_router(module.routes(site), include_in_schema=False)
    app.add_api_route("/static/{mark}/{name}", _static, include_in_schema=False)
    app.add_api_route("/health", _health, include_in_schema=False)
    app.add_middleware(OneMoment)
    app.add_middleware(KeyedCalls, services=lambda: services)
    app.add_middleware(KeptPages, state=services.page_state)
    app.add_middleware(Guard, upload_path=UPLOAD, largest_upload=services.settings.max_upload_mb * 1_000_000 + 100_000)
    app.state.site = site
    return app


def _warm(site: Site) -> None:
    try:
        site.warm()
    except Exception as error:  # noqa: BLE001 - nobody waits for it; a page that needs the figure says what is wrong
        record("figures could not be begun", error)


def _static(mark: str, name: str) -> Response:
    del mark  # it makes the address change with the content
    path = STATIC.get(name)
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type=KINDS.get(path.suffix, "application/octet-stream"), headers=FOREVER)


def _health() -> dict[str, Any]:
    return {"ok": True}
