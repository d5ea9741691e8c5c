"""Choosing KPIs: from a goal, a kind of business and a team to a small set, and from there to the scorecard."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.insights.advice import Advice, advise, options
from wellheard.web.site import Site

SEE_OTHER = 303


def routes(site: Site) -> APIRouter:
    """The page, and the form that puts the set on the scorecard."""
    router = APIRouter()

    def advised(goal: str, business: str, maturity: str) -> Advice:
        missing = {name: feed.missing for name, feed in site.figures.feeds().items()}
        tracked = site.services.scorecard() or [name for name, words in missing.items() if not words]
        kpis = {kpi.name: kpi for kpi in site.services.kpis()}
        return advise(goal, business, maturity, kpis, missing, tracked)

    @router.get("/advise")
    def page(
        request: Request, goal: str = "reduce_churn", business: str = "b2b_saas", maturity: str = "starting"
    ) -> HTMLResponse:
        advice = advised(goal, business, maturity)
        return site.page(request, "advise.html", options=options(), advice=advice, chosen=site.services.scorecard())

    @router.post("/advise")
    async def choose(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            names = [str(name).partition(":")[0] for name in form.getlist("kpi")]
        site.services.choose_scorecard(names)
        return RedirectResponse("/", SEE_OTHER)

    return router
