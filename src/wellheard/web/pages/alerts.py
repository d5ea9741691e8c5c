"""Alerts: KPIs, health, anomalies, old data and odd volume, as rules told of them, with who looks after each."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.actions.timetable import appointments
from wellheard.actions.trigger import triggers
from wellheard.store.deliveries import DEAD, deliveries
from wellheard.web.followup import BESIDE, loop_of
from wellheard.web.inbox import shown_of
from wellheard.web.site import Site

KINDS = ("alert",)
MOST_SHOWN = 20
WATCHING = ("kpi", "target", "freshness", "volume")


def routes(site: Site) -> APIRouter:
    """The page; an alert's own page is that of a case."""
    router = APIRouter()

    @router.get("/alerts")
    def listed(request: Request) -> HTMLResponse:
        loop = loop_of(site)
        with loop.store.reading() as con:
            dead = deliveries(con, loop.workspace, loop.sender.vault, state=DEAD, most=MOST_SHOWN)
        planned, faulty = appointments(loop.home)
        return site.page(
            request,
            "alerts.html",
            beside=BESIDE,
            **shown_of(loop, request.query_params, KINDS, WATCHING),
            triggers={name: triggers()[name].title for name in WATCHING},
            planned=planned,
            dead=[d for d in dead if d.kind == "notice"],
            faulty=faulty,
        )

    return router
