"""The scorecard: a tile a KPI, with what changed since the month before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.base.errors import WellheardError
from wellheard.metrics.answer import Answer
from wellheard.metrics.metric import Metric
from wellheard.web.record import record
from wellheard.web.site import Site
from wellheard.web.standing import Standing, marked, nothing, question_of, standing

PATIENCE = 0.6  # seconds that a page waits for figures before it is sent with placeholders
LONG_POLL = 2.0


@dataclass(frozen=True)
class Tile:
    """A tile of the scorecard: ready, failed, or still being computed."""

    kpi: Metric
    standing: Standing | None = None
    failed: str = ""
    hint: str = ""

    @property
    def waiting(self) -> bool:
        return self.standing is None and not self.failed


def routes(site: Site) -> APIRouter:
    """The page and its grid, which is asked for again until every tile is there."""
    router = APIRouter()

    @router.get("/")
    def scorecard(request: Request, wait: bool = False) -> HTMLResponse:
        tiles = tiles_of(site, 120 if wait else PATIENCE)
        return site.page(request, "scorecard.html", **_context(tiles))

    @router.get("/scorecard/tiles")
    def tiles() -> HTMLResponse:
        return site.part("tiles.html", **_context(tiles_of(site, LONG_POLL)))

    return router


def tiles_of(site: Site, seconds: float) -> list[Tile]:
    """Every KPI's tile after waiting so long; marks are given when all are there, since they are judged together."""
    figures, kpis = site.figures, site.services.kpis()
    ends = {kpi.name: figures.data_end(kpi.name) for kpi in kpis}
    asked = {k.name: figures.start(question_of(k, end)) for k in kpis if (end := ends[k.name]) is not None}
    figures.wait(asked.values(), seconds)
    return _judged([_tile(site, kpi, asked.get(kpi.name)) for kpi in kpis])


def _tile(site: Site, kpi: Metric, future: Future[Answer] | None) -> Tile:
    if future is not None and not future.done():
        return Tile(kpi)
    feed = site.figures.feeds().get(kpi.name)
    missing = feed.missing if feed else ""
    if future is None:
        return Tile(kpi, nothing(kpi, missing))
    try:
        return Tile(kpi, standing(future.result(), missing))
    except WellheardError as error:
        return Tile(kpi, failed=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - one KPI that fails must not take the others from the page
        record(f"{kpi.name} could not be computed", error)
        return Tile(kpi, failed="this figure could not be computed", hint="the server's output says more")


def _judged(tiles: Sequence[Tile]) -> list[Tile]:
    if any(tile.waiting for tile in tiles):
        return list(tiles)
    judged = iter(marked([tile.standing for tile in tiles if tile.standing is not None]))
    return [Tile(t.kpi, next(judged)) if t.standing is not None else t for t in tiles]


def _context(tiles: Sequence[Tile]) -> dict[str, Any]:
    return {
        "tiles": tiles,
        "waiting": sum(tile.waiting for tile in tiles),
        "empty": all(tile.standing is not None and tile.standing.state == "none" for tile in tiles),
    }
