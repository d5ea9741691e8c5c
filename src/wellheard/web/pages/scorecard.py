"""The scorecard: a tile a KPI, with what changed since the month before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from wellheard.base.errors import WellheardError
from wellheard.metrics.answer import Answer
from wellheard.metrics.metric import Metric
from wellheard.web import response
from wellheard.web.kept import lasting
from wellheard.web.pacing import Shown, of_kpi, shown
from wellheard.web.record import record
from wellheard.web.site import Site
from wellheard.web.standing import Standing, marked, nothing, question_of, standing

# By the table that a KPI reads first: where its tile stands.
THEMES = {
    "What customers say": ("survey_responses", "survey_invitations", "feedback", "text_scores", "customer_scores"),
    "Service": ("conversations", "messages", "status_events"),
    "Customers and revenue": ("customers", "accounts", "subscriptions", "orders", "invoices", "costs", "referrals"),
    "Site and product": ("visits", "carts", "usage"),
}
OTHERS = "Others"
PATIENCE = 0.6  # seconds that a page waits for figures before it is sent with placeholders
LONG_POLL = 2.0


@dataclass(frozen=True)
class Tile:
    """A tile of the scorecard: ready, failed, or still being computed."""

    kpi: Metric
    standing: Standing | None = None
    targets: tuple[Shown, ...] = ()
    failed: str = ""
    hint: str = ""
    response: str = ""

    @property
    def waiting(self) -> bool:
        return self.standing is None and not self.failed


def routes(site: Site) -> APIRouter:
    """The page and its grid, which is asked for again until every tile is there."""
    router = APIRouter()

    @router.get("/")
    def scorecard(request: Request, wait: bool = False, all: bool = False) -> Response:
        tiles = tiles_of(site, 120 if wait else PATIENCE, everything=all)
        chosen = len(site.services.scorecard())
        context = _context(tiles)
        page = site.page(request, "scorecard.html", chosen=chosen, everything=all, **context)
        return page if context["waiting"] or _failed(tiles) else lasting(request, page)

    @router.get("/scorecard/tiles")
    def tiles(all: bool = False) -> HTMLResponse:
        return site.part("tiles.html", everything=all, **_context(tiles_of(site, LONG_POLL, everything=all)))

    return router


def tiles_of(site: Site, seconds: float, *, everything: bool = False) -> list[Tile]:
    """The tile of every chosen KPI, or of all, after waiting so long.

    Marks are given when all are there, since they are judged together.
    """
    figures, kpis = site.figures, _chosen(site, everything)
    ends = {kpi.name: figures.data_end(kpi.name) for kpi in kpis}
    asked = {k.name: figures.start(question_of(k, end)) for k in kpis if (end := ends[k.name]) is not None}
    heard = {k.name: _heard(site, k, ends[k.name]) for k in kpis}
    figures.wait([*asked.values(), *(future for future in heard.values() if future is not None)], seconds)
    aims = {kpi.name: tuple(shown(site, of_kpi(site, kpi.name), wait=False)) for kpi in kpis}
    tiles = [_tile(site, kpi, asked.get(kpi.name), heard[kpi.name]) for kpi in kpis]
    return [
        replace(tile, targets=aims[tile.kpi.name], response=response.words(heard[tile.kpi.name]))
        for tile in _judged(tiles)
    ]


def _heard(site: Site, kpi: Metric, data_end: date | None) -> Future[Answer] | None:
    """The response rate that stands beside a KPI of surveys."""
    asked = response.of_month(kpi, data_end) if data_end is not None else None
    return site.figures.start(asked) if asked is not None else None


def _chosen(site: Site, everything: bool) -> list[Metric]:
    """The KPIs that the scorecard shows: those chosen for it, or all."""
    kpis, chosen = list(site.services.kpis()), set(site.services.scorecard())
    kept = [kpi for kpi in kpis if kpi.name in chosen]
    return kpis if everything or not kept else kept


def _tile(site: Site, kpi: Metric, future: Future[Answer] | None, heard: Future[Answer] | None) -> Tile:
    if any(each is not None and not each.done() for each in (future, heard)):
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
    return [replace(t, standing=next(judged)) if t.standing is not None else t for t in tiles]


def _failed(tiles: Sequence[Tile]) -> bool:
    """Whether any part could not be computed: what failed is tried again, since the reason may have gone."""
    return any(tile.failed or any(target.fault for target in tile.targets) for tile in tiles)


def _themes(tiles: Sequence[Tile]) -> list[tuple[str, list[Tile]]]:
    """The tiles under the theme of the table that each reads first; those of no theme come last."""
    place = {table: theme for theme, tables in THEMES.items() for table in tables}
    grouped: dict[str, list[Tile]] = {theme: [] for theme in (*THEMES, OTHERS)}
    for tile in tiles:
        grouped[place.get(tile.kpi.tables[0], OTHERS)].append(tile)
    return [(theme, members) for theme, members in grouped.items() if members]


def _context(tiles: Sequence[Tile]) -> dict[str, Any]:
    return {
        "themes": _themes(tiles),
        "tiles": tiles,
        "waiting": sum(tile.waiting or any(t.waiting for t in tile.targets) for tile in tiles),
        "empty": all(tile.standing is not None and tile.standing.state == "none" for tile in tiles),
    }
