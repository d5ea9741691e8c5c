"""Alerts: KPIs, health, anomalies, old data and odd volume, as rules told of them, with who looks after each."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.actions.timetable import appointments
from wellheard.actions.trigger import triggers
from wellheard.store import cases
from wellheard.store.cases import STATES
from wellheard.store.deliveries import DEAD, deliveries
from wellheard.web.followup import BESIDE, loop_of
from wellheard.web.inbox import FIELDS, STATE_CHOICES, query_of, rows_of, search_of
from wellheard.web.site import Site

KINDS = ("alert",)
MOST_SHOWN = 20
WATCHING = ("kpi", "target", "freshness", "volume")


def routes(site: Site) -> APIRouter:
    """The page; an alert's own page is that of a case."""
    router = APIRouter()

    @router.get("/alerts")
    def listed(request: Request) -> HTMLResponse:
        loop, given = loop_of(site), dict(request.query_params)
        with loop.store.reading() as con:
            counts = cases.counts_by_state(con, loop.workspace, KINDS)
            dead = deliveries(con, loop.workspace, loop.sender.vault, state=DEAD, most=MOST_SHOWN)
        rules, _ = loop.book.all()
        planned, faulty = appointments(loop.home)
        return site.page(
            request,
            "alerts.html",
            beside=BESIDE,
            rows=rows_of(loop, search_of(given, KINDS)),
            typed={name: given.get(name, "") for name in FIELDS},
            states=STATE_CHOICES,
            query=query_of(given),
            any=any(counts[state] for state in STATES),
            watching=[r for r in rules if r.trigger.name in WATCHING],
            triggers={name: triggers()[name].title for name in WATCHING},
            planned=planned,
            dead=[d for d in dead if d.kind == "notice"],
            faulty=faulty,
        )

    return router
