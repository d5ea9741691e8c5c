"""The call by which a program asks somebody, under the same budgets as everybody, and sends the link itself."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wellheard.surveys.reasons import reason_words
from wellheard.web.site import Site

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Wanted(BaseModel):
    """Whom to ask, and about what: the same occasion is asked about once only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: Name = Field(description="The customer, as source:key or by a key of one source.")
    occasion: Name = Field(description="What it is about, such as the number of a receipt.")


def routes(site: Site) -> APIRouter:
    """The one operation."""
    router = APIRouter(tags=["Surveys"])

    @router.post(
        "/surveys/{id}/invitations",
        summary="Ask a customer; gives the link, or why nobody is asked",
        response_model=None,
        status_code=201,
    )
    def invite(id: Annotated[str, Path(description="The survey's id.", max_length=60)], wanted: Wanted) -> JSONResponse:
        made = site.services.asking.invite(id, wanted.customer, wanted.occasion)
        words = None if made.link else reason_words(made.reason)
        told: dict[str, Any] = {"asked": made.link is not None, "link": made.link}
        return JSONResponse(told | {"reason": made.reason, "words": words}, 201 if made.link else 200)

    return router
