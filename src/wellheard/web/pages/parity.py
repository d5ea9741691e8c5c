"""Parity: what another product would show from our rows, what we show, and why the two differ."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.base.errors import WellheardError
from wellheard.metrics.answer import Answer
from wellheard.metrics.parity import Pair, last_month, name_of, pairs_of, products
from wellheard.reports import units
from wellheard.web.record import record
from wellheard.web.site import Site

PATIENCE, LONG_POLL, WHOLE = 0.6, 20.0, 120.0  # seconds that a page waits: at first, when asked again, without a script


@dataclass(frozen=True)
class Figure:
    """One side of a pair as people read it."""

    value: str
    interval: str = ""
    n: int = 0
    state: str = "ok"


@dataclass(frozen=True)
class Row:
    """A pair with both its figures, or with what went wrong."""

    pair: Pair
    period: str = ""
    theirs: Figure | None = None
    ours: Figure | None = None
    failed: str = ""


def routes(site: Site) -> APIRouter:
    """A page a product, and its table, which comes when its figures are there."""
    router = APIRouter()

    @router.get("/parity")
    def parity(request: Request, product: str = "", wait: bool = False) -> HTMLResponse:
        kpis = site.services.kpis()
        there = products(kpis)
        chosen = product or (there[0] if there else "")
        wanted = pairs_of(kpis, chosen) if chosen else []
        rows = rows_of(site, wanted, WHOLE if wait else PATIENCE)
        shown = wanted[0].product if wanted else ""
        named = [(each, name_of(each)) for each in there]
        return site.page(request, "parity.html", products=named, product=shown, name=name_of(shown), rows=rows)

    @router.get("/parity/{product}/figures")
    def figures(product: str) -> HTMLResponse:
        wanted = pairs_of(site.services.kpis(), product)
        rows = rows_of(site, wanted, LONG_POLL)
        return site.part("parity_table.html", product=wanted[0].product, name=wanted[0].name, rows=rows)

    return router


def rows_of(site: Site, wanted: Sequence[Pair], seconds: float) -> list[Row] | None:
    """The rows of the table, after waiting so long; None while some figure is still being computed."""
    figures = site.figures
    spans = [_span(figures.data_end(pair.kpi.name)) for pair in wanted]
    asked = [
        [figures.start(each) for each in pair.questions(*span)] if span[0] is not None else []
        for pair, span in zip(wanted, spans, strict=True)
    ]
    every = [future for both in asked for future in both]
    figures.wait(every, seconds)
    if not all(future.done() for future in every):
        return None
    return [_row(pair, span, both) for pair, span, both in zip(wanted, spans, asked, strict=True)]


def _span(data_end: date | None) -> tuple[date | None, date | None]:
    return last_month(data_end) if data_end is not None else (None, None)


def _row(pair: Pair, span: tuple[date | None, date | None], both: Sequence[Future[Answer]]) -> Row:
    if not both or span[0] is None:
        nothing = Figure(units.NONE, state="none")
        return Row(pair, theirs=nothing, ours=nothing)
    try:
        theirs, ours = (_figure(future.result().to_list()[0]) for future in both)
    except WellheardError as error:
        return Row(pair, failed=error.message)
    except Exception as error:  # noqa: BLE001 - one figure that fails must not take the others from the page
        record(f"{pair.kpi.name} as {pair.name} could not be computed", error)
        return Row(pair, failed="this figure could not be computed; the server's output says more")
    return Row(pair, units.period_name(span[0], "month"), theirs, ours)


def _figure(row: dict[str, Any]) -> Figure:
    unit, currency = row["unit"], row["currency"]
    value = str(units.written(row["value"], unit, currency))
    return Figure(value, units.spread(row["low"], row["high"], unit, currency), row["n"], row["state"])
