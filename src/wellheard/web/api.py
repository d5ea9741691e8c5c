"""The API for programs: the same answers as everywhere, as JSON."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from wellheard.base.errors import BadCall
from wellheard.metrics.question import question
from wellheard.web import invitations
from wellheard.web.silent import as_object, silence_of
from wellheard.web.site import Site

MOST_ROWS = 100_000
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "field": {"type": ["string", "null"]},
            },
            "required": ["code", "message", "hint", "field"],
        }
    },
    "required": ["error"],
}
FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"application/json": {"schema": ERROR}}}
    for status, words in ((403, "Not allowed"), (404, "No such KPI or dimension"), (422, "The question is wrong"))
}


PARAMETERS = (
    "by",
    "grain",
    "from",
    "to",
    "where",
    "variant",
    "compare",
    "as_of",
    "level",
    "rows",
    "limit",
    "top",
    "pooled",
)


def check_parameters(request: Request) -> None:
    """Raises BadCall for a parameter that is none: a misspelt filter must not answer for the whole."""
    for name in request.query_params:
        if name not in PARAMETERS:
            raise BadCall(f"there is no parameter {name!r}", hint=f"there are: {', '.join(PARAMETERS)}", field=name)


def routes(site: Site) -> APIRouter:
    """The API's operations."""
    router = APIRouter(prefix="/api/v1", responses=FAULTS, tags=["KPIs"])

    @router.get("/kpis", summary="Every KPI with its words")
    def kpis() -> dict[str, Any]:
        return {"data": [kpi.described() for kpi in site.services.kpis()]}

    @router.get("/kpis/{name}", summary="One KPI, computed")
    def kpi(
        request: Request,
        name: Annotated[str, Path(description="The KPI, with variants as `csat:mean`.", max_length=200)],
        by: Annotated[list[str], Query(description="Group by a dimension; may be given again.")] = [],  # noqa: B006
        grain: Annotated[str | None, Query(description="day, week, month, quarter or year.")] = None,
        start: Annotated[date | None, Query(alias="from", description="The first day.")] = None,
        end: Annotated[date | None, Query(alias="to", description="The day after the last.")] = None,
        where: Annotated[str | None, Query(description="A filter such as `region = 'EU' and score >= 9`.")] = None,
        variant: Annotated[str | None, Query(description="Variants, with + between.")] = None,
        compare: Annotated[str | None, Query(description="previous or year.")] = None,
        as_of: Annotated[int | None, Query(ge=0, description="An earlier snapshot.")] = None,
        level: Annotated[float, Query(ge=0.5, lt=1, description="The level of the interval.")] = 0.95,
        rows: Annotated[bool, Query(description="The rows behind the number, each with why it counted.")] = False,
        limit: Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="The most rows behind a number.")] = None,
        top: Annotated[int | None, Query(ge=1, description="So many groups stand alone; the others are one.")] = None,
        pooled: Annotated[bool, Query(description="Steady small groups by what all groups have in common.")] = False,
    ) -> Response:
        check_parameters(request)
        asked = question(
            name,
            tuple(by),
            grain,
            where,
            start,
            end,
            variant,
            compare,
            as_of,
            level,
            rows=rows,
            top=top,
            pooled=pooled,
        )
        site.services.metric(asked.kpi)
        most = (limit or 1000) if rows else None
        answer = site.figures.answer(asked, most)
        body = {
            "data": answer.to_list(),
            "kpi": answer.metric.described(),
            "data_end": answer.data_end.isoformat() if answer.data_end else None,
            "snapshot": answer.snapshot,
            "notes": list(answer.notes),
            **({"limit": most} if rows else {}),
        }
        return Response(json.dumps(body, ensure_ascii=False, default=str), media_type="application/json")

    @router.get("/kpis/{name}/silence", summary="Who stayed silent about a KPI of survey answers")
    def silence(
        name: Annotated[str, Path(description="The KPI, with variants as `csat:mean`.", max_length=200)],
        by: Annotated[str, Query(description="The property that groups customers.")] = "segment",
        survey: Annotated[str | None, Query(description="One survey alone.")] = None,
        start: Annotated[date | None, Query(alias="from", description="The first day.")] = None,
        end: Annotated[date | None, Query(alias="to", description="The day after the last.")] = None,
        where: Annotated[str | None, Query(description="A filter such as `region = 'EU'`.")] = None,
    ) -> Response:
        asked = question(name, where=where, start=start, end=end)
        body = {"data": as_object(silence_of(site, asked, by, survey))}
        return Response(json.dumps(body, ensure_ascii=False, default=str), media_type="application/json")

    router.include_router(invitations.routes(site))

    @router.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        return site.page(request, "docs.html", operations=_operations(request.app.openapi()))

    return router


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document, as the page lists them."""
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found.append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "parameters": [
                        {
                            "name": p["name"],
                            "place": p["in"],
                            "required": p.get("required", False),
                            "words": p.get("description") or p.get("schema", {}).get("description", ""),
                        }
                        for p in operation.get("parameters", [])
                    ],
                }
            )
    return found
