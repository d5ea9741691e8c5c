"""Incidents: surges of bad news on one topic, each with owner, timeline, customers, broadcast and after-report."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from wellheard.actions.after_report import after_report
from wellheard.web.followup import BESIDE, loop_of, number_in
from wellheard.web.inbox import shown_of
from wellheard.web.site import Site

KINDS, WATCHING = ("incident",), ("surge",)


def routes(site: Site) -> APIRouter:
    """The page, and an incident's report; its own page is that of a case."""
    router = APIRouter()

    @router.get("/incidents")
    def listed(request: Request) -> HTMLResponse:
        shown = shown_of(loop_of(site), request.query_params, KINDS, WATCHING)
        return site.page(request, "incidents.html", beside=BESIDE, **shown)

    @router.get("/incidents/{number}/report")
    def report(number: str) -> PlainTextResponse:
        text = after_report(loop_of(site), number_in({"number": number}))
        return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")

    return router
