"""The API of following up: cases and what can be done with them, and deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from wellheard.actions import caseload
from wellheard.store import cases, deliveries
from wellheard.store.cases import Case, Search
from wellheard.store.deliveries import Delivery
from wellheard.web.followup import WHO
from wellheard.web.inbox import search_of
from wellheard.web.site import Site

HIDDEN = ("message",)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Comment(_Said):
    """A comment; colleagues named with an @ are told."""

    words: str = Field(min_length=1, max_length=10_000)


class Closing(_Said):
    """What came of a case."""

    outcome: str = Field(max_length=40)
    reason: str = Field("", max_length=2_000)


class Snoozing(_Said):
    """Until when a case is put away."""

    hours: float = Field(gt=0, le=24 * 365)


class Assigning(_Said):
    """Whose a case is; empty for nobody's."""

    owner: str = Field(max_length=200)


def routes(site: Site) -> APIRouter:
    """Everything under /api/v1/cases and /api/v1/deliveries."""
    router = APIRouter(prefix="/api/v1", tags=["following up"])

    @router.get("/cases")
    def listed(
        state: Annotated[str, Query(max_length=20)] = "",
        owner: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[dict[str, Any]]:
        loop = site.services.loop()
        search: Search = search_of({"state": state, "owner": owner}, ())
        with loop.store.reading() as con:
            found = cases.cases(con, loop.workspace, search, loop.sender.now())
        return [_case(case) for case in found[:limit]]

    @router.get("/cases/{number}")
    def one(number: int) -> dict[str, Any]:
        loop = site.services.loop()
        with loop.store.reading() as con:
            return _case(cases.case(con, loop.workspace, number))

    @router.post("/cases/{number}/acknowledge")
    def acknowledge(number: int) -> dict[str, Any]:
        return _case(caseload.acknowledge(site.services.loop(), number, WHO))

    @router.post("/cases/{number}/comments")
    def comment(number: int, said: Comment) -> dict[str, Any]:
        return _case(caseload.comment(site.services.loop(), number, WHO, said.words))

    @router.post("/cases/{number}/assign")
    def assign(number: int, said: Assigning) -> dict[str, Any]:
        return _case(caseload.assign(site.services.loop(), number, WHO, said.owner))

    @router.post("/cases/{number}/snooze")
    def snooze(number: int, said: Snoozing) -> dict[str, Any]:
        loop = site.services.loop()
        return _case(caseload.snooze(loop, number, WHO, loop.sender.now() + timedelta(hours=said.hours)))

    @router.post("/cases/{number}/close")
    def close(number: int, said: Closing) -> dict[str, Any]:
        return _case(caseload.close(site.services.loop(), number, WHO, said.outcome, said.reason))

    @router.get("/deliveries")
    def sent(
        state: Annotated[str, Query(max_length=20)] = "", limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> list[dict[str, Any]]:
        loop = site.services.loop()
        with loop.store.reading() as con:
            found = deliveries.deliveries(con, loop.workspace, loop.sender.vault, state=state or None, most=limit)
        return [_delivery(delivery) for delivery in found]

    @router.post("/deliveries/{number}/replay")
    def replay(number: int) -> dict[str, Any]:
        loop = site.services.loop()
        with loop.store.writing() as con:
            deliveries.replay(con, loop.workspace, number, loop.sender.now())
            return _delivery(deliveries.delivery(con, loop.workspace, loop.sender.vault, number))

    return router


def _case(case: Case) -> dict[str, Any]:
    return {name: _plain(value) for name, value in vars(case).items()}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {name: _plain(value) for name, value in vars(delivery).items() if name not in HIDDEN}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
