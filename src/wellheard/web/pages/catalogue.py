"""The catalogue: every KPI in words, found by text."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.metrics.metric import Metric
from wellheard.web.site import Site


def routes(site: Site) -> APIRouter:
    """The page."""
    router = APIRouter()

    @router.get("/kpis")
    def catalogue(request: Request, q: str = "") -> HTMLResponse:
        words = q.casefold().split()[:20]
        found = [kpi for kpi in site.services.kpis() if all(word in _text(kpi) for word in words)]
        return site.page(request, "catalogue.html", q=q, found=found, feeds=site.figures.feeds())

    return router


def _text(kpi: Metric) -> str:
    """Everything by which a KPI may be looked for."""
    variants = (part for v in kpi.variants for part in (v.name, v.words))
    parts = (kpi.name, kpi.title, kpi.question, kpi.formula, kpi.unit, *kpi.traps, *kpi.tables, *variants)
    return " ".join(parts).casefold()
