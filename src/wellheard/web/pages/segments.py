"""Saved segments: the filters that have a name, and the form that keeps one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import WellheardError
from wellheard.web.site import Site

SEE_OTHER = 303


def routes(site: Site) -> APIRouter:
    """The list, and its two forms."""
    router = APIRouter()

    def page(request: Request, status: int = 200, **typed: Any) -> HTMLResponse:
        said = {"name": "", "where": "", "fault": ""} | typed
        return site.page(request, "segments.html", status, segments=site.services.segments(), **said)

    @router.get("/segments")
    def segments(request: Request, where: str = "") -> HTMLResponse:
        return page(request, where=where)

    @router.post("/segments")
    async def save(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            name, where = (str(form.get(field, "")).strip() for field in ("name", "where"))
        try:
            site.services.save_segment(name, where)
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return page(request, error.http_status, name=name, where=where, fault=fault)
        return RedirectResponse("/segments", SEE_OTHER)

    @router.post("/segments/{name}/remove")
    async def remove(request: Request, name: str) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
        site.services.remove_segment(name)
        return RedirectResponse("/segments", SEE_OTHER)

    return router
