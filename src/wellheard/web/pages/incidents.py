"""Incidents: surges of bad news on one topic, each with owner, timeline, customers, broadcast and after-report."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from wellheard.actions.after_report import after_report
from wellheard.store import cases
from wellheard.store.cases import STATES
from wellheard.web.followup import BESIDE, loop_of, number_in
from wellheard.web.inbox import FIELDS, STATE_CHOICES, query_of, rows_of, search_of
from wellheard.web.site import Site

KINDS = ("incident",)


def routes(site: Site) -> APIRouter:
    """The page, and an incident's report; its own page is that of a case."""
    router = APIRouter()

    @router.get("/incidents")
    def listed(request: Request) -> HTMLResponse:
        loop, given = loop_of(site), dict(request.query_params)
        with loop.store.reading() as con:
            counts = cases.counts_by_state(con, loop.workspace, KINDS)
        rules, _ = loop.book.all()
        return site.page(
            request,
            "incidents.html",
            beside=BESIDE,
            rows=rows_of(loop, search_of(given, KINDS)),
            typed={name: given.get(name, "") for name in FIELDS},
            states=STATE_CHOICES,
            query=query_of(given),
            any=any(counts[state] for state in STATES),
            watching=[r for r in rules if r.trigger.name == "surge"],
        )

    @router.get("/incidents/{number}/report")
    def report(number: str) -> PlainTextResponse:
        text = after_report(loop_of(site), number_in({"number": number}))
        return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")

    return router
