"""Who stayed silent: a page for each KPI of survey answers, and for each survey."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from wellheard.base.errors import BadCall, Unknown, WellheardError
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, question
from wellheard.web.record import record
from wellheard.web.silent import silence_of, survey_kpis
from wellheard.web.site import Site

RANGES = (("365", "the last 12 months"), ("90", "the last 90 days"), ("all", "all data"))
GROUPED = ("segment", "region", "tier", "country", "language", "persona", "acquisition_channel")
TITLE = "Who stayed silent"


def routes(site: Site) -> APIRouter:
    """The page, and its figures, which come when they are there."""
    router = APIRouter()

    @router.get("/silent")
    def silent(
        request: Request, kpi: str = "", survey: str = "", by: str = "segment", range: str = "365", wait: bool = False
    ) -> HTMLResponse:
        chosen = _chosen(site, kpi, survey)
        shown: dict[str, Any] = {"survey": survey, "by": by, "range": range, "kpi": chosen}
        given = urlencode({"kpi": chosen.name if chosen else "", "survey": survey, "by": by, "range": range})
        figures = _figures(site, chosen, survey, by, range) if wait and chosen else None
        return site.page(
            request,
            "silent.html",
            **shown,
            kpis=survey_kpis(site),
            surveys=_surveys(site),
            dimensions=GROUPED if by in GROUPED else (*GROUPED, by),
            ranges=RANGES,
            url=f"/silent/figures?{given}",
            plain_url=f"/silent?{given}&wait=1",
            figures=figures,
            title=TITLE,
        )

    @router.get("/silent/figures")
    def figures(kpi: str, survey: str = "", by: str = "segment", range: str = "365") -> HTMLResponse:
        return HTMLResponse(
            _figures(site, _chosen(site, kpi, survey), survey, by, range), headers={"cache-control": "no-store"}
        )

    return router


def _chosen(site: Site, kpi: str, survey: str) -> Metric | None:
    """The KPI that is named, else the first that the survey measures, else the first of all; None where none is."""
    there = {each.name: each for each in survey_kpis(site)}
    if kpi:
        if kpi not in there:
            raise Unknown(f"{kpi} is no KPI of survey answers", hint=f"one of {', '.join(there)}", field="kpi")
        return there[kpi]
    measured = _measured(site, survey) if survey else set()
    found = [each for each in there.values() if measured & {value for need in each.needs for _, value in need.among}]
    return next(iter(found or there.values()), None)


def _measured(site: Site, survey: str) -> set[str]:
    """The kinds of question that a survey of ours asks; none for one that we only imported."""
    try:
        return {q.kind_of.kind for q in site.services.surveys.survey(survey).questions}
    except WellheardError:
        return set()


def _surveys(site: Site) -> list[str]:
    return sorted(site.services.submissions())


def _asked(site: Site, kpi: Metric, range: str) -> Question:
    if range not in dict(RANGES):
        raise BadCall(f"there is no range {range!r}", hint=f"one of {', '.join(dict(RANGES))}", field="range")
    end = site.figures.data_end(kpi.name)
    if end is None or range == "all":
        return question(kpi.name)
    return question(kpi.name, start=end - timedelta(days=int(range) - 1), end=end + timedelta(days=1))


def _figures(site: Site, kpi: Metric | None, survey: str, by: str, range: str) -> Markup:
    """The figures as markup, or what went wrong in their place."""
    if kpi is None:
        return Markup()
    try:
        found = silence_of(site, _asked(site, kpi, range), by, survey or None)
    except WellheardError as error:
        return site.piece("failed.html", part="silent", title=TITLE, message=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - it is told in the figures' place; the page stands
        record("who stayed silent could not be computed", error)
        hint = "try again; the server's output says more"
        return site.piece("failed.html", part="silent", title=TITLE, message="it could not be computed", hint=hint)
    return site.piece("silent_figures.html", found=found, kpi=kpi)
