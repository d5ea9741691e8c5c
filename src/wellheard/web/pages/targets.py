"""Targets: where each stands, how likely it is to be met, and the form that sets one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import BadCall, WellheardError
from wellheard.metrics.target import target_of
from wellheard.web.pacing import shown
from wellheard.web.site import Site

SEE_OTHER = 303
NEEDED = {"kpi": "the KPI", "value": "the target", "from": "the first day", "by": "the last day"}
FIELDS = ("kpi", "value", "from", "by", "owner", "where")


def routes(site: Site) -> APIRouter:
    """The page, its table that is asked for again while figures are computed, and its two forms."""
    router = APIRouter()

    def page(request: Request, status: int = 200, fault: str = "", **typed: Any) -> HTMLResponse:
        said = {name: typed.get(name, "") for name in FIELDS}
        kpis = [(kpi.name, kpi.title) for kpi in site.services.kpis()]
        return site.page(
            request, "targets.html", status, typed=said, kpis=kpis, fault=fault, **_table(site, wait=False)
        )

    @router.get("/targets")
    def targets(request: Request, kpi: str = "") -> HTMLResponse:
        return page(request, kpi=kpi)

    @router.get("/targets/table")
    def table(request: Request, wait: bool = False) -> HTMLResponse:
        return site.part("targets_table.html", form_token=site.tokens.of(request)[1], **_table(site, wait=wait))

    @router.post("/targets")
    async def save(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            told = {name: str(form.get(name, "")).strip() for name in FIELDS}
        return await run_in_threadpool(keep, request, told)

    def keep(request: Request, told: dict[str, str]) -> Response:
        try:
            if missing := [name for name in NEEDED if not told[name]]:
                raise BadCall(f"{NEEDED[missing[0]]} is empty", hint="fill it in", field=missing[0])
            site.services.set_target(target_of(**told))
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return page(request, error.http_status, fault, **told)
        return RedirectResponse("/targets", SEE_OTHER)

    @router.post("/targets/{key}/remove")
    async def remove(request: Request, key: str) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
        site.services.remove_target(key)
        return RedirectResponse("/targets", SEE_OTHER)

    return router


def _table(site: Site, *, wait: bool) -> dict[str, Any]:
    rows = shown(site, site.services.targets(), wait=wait)
    return {"targets": rows, "waiting": sum(row.waiting for row in rows)}
