"""A KPI's page: where it stands, its trend, its breakdown, the rows behind it and what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.datastructures import QueryParams

from wellheard.base.errors import Unknown, WellheardError
from wellheard.metrics.answer import Answer
from wellheard.metrics.coverage import table_of
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, column_of
from wellheard.reports import charts, units
from wellheard.web import cohorts, opened, response, whale
from wellheard.web.pacing import of_kpi, shown
from wellheard.web.record import record
from wellheard.web.site import Site, drawn
from wellheard.web.view import GRAINS, MOST_ROWS, RANGES, View, offered, range_of, span_of, view_of

MOST_GROUPS = 200
PATIENCE = 0.4  # seconds that the page waits for its first part
PARTS = (
    ("headline", "Where it stands"),
    ("trend", "Over time"),
    ("breakdown", "Breakdown"),
    ("rows", "The rows behind the number"),
)
EXTRAS = {"curves": cohorts, "whale": whale}  # the parts of some KPIs alone
TITLES = dict(PARTS) | {name: extra.TITLE for name, extra in EXTRAS.items()}
Row = Mapping[str, Any]


def routes(site: Site) -> APIRouter:
    """The page, and each of its parts on its own."""
    router = APIRouter()

    @router.get("/kpi/{name}")
    def page(request: Request, name: str, wait: bool = False) -> HTMLResponse:
        kpi = site.services.metric(name)
        given = request.query_params
        context: dict[str, Any] = {
            "kpi": kpi,
            "choices": _choices(site, kpi),
            "fault": "",
            "parts": [],
            "waits": False,
            "coverage": table_of(kpi.brick),
            "targets": [],
        }
        context["plain_url"] = f"{request.url.path}?{request.url.query}&wait=1".replace("?&", "?")
        try:
            view = _view(site, kpi, given)
            context |= {"view": view, "parts": _parts(site, view, wait) if view.data_end else [_nothing(site, kpi)]}
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return site.page(
                request, "kpi.html", error.http_status, **(context | {"view": _typed(kpi, given), "fault": fault})
            )
        context["targets"] = shown(site, of_kpi(site, kpi.name), wait=wait)
        context["waits"] = any("aria-busy" in part for part in context["parts"])
        return site.page(request, "kpi.html", **context)

    @router.get("/kpi/{name}/{part}")
    def piece(request: Request, name: str, part: str) -> HTMLResponse:
        if part not in MAKERS or (part in EXTRAS and name not in EXTRAS[part].SHOWN):
            raise Unknown(f"a KPI's page has no part {part!r}", hint=f"its parts: {', '.join(MAKERS)}")
        view = _view(site, site.services.metric(name), request.query_params)
        made = _made(site, view, part, TITLES[part]) if view.data_end else _nothing(site, view.kpi)
        return HTMLResponse(made, headers={"cache-control": "no-store"})

    return router


@dataclass(frozen=True)
class Choices:
    """What the controls offer."""

    ranges: Any
    grains: Any
    dimensions: list[str]
    figures: list[tuple[str, str]]
    modes: list[tuple[str, str]]


def _choices(site: Site, kpi: Metric) -> Choices:
    figures = [(v.name, f"{v.name.replace('_', ' ')}: {v.words}") for v in kpi.variants if v.brick is not None]
    modes = [(v.name, v.words) for v in kpi.variants if v.brick is None]
    names = [*offered(kpi, site.figures.dimensions(kpi.name)), *(f"segments.{s}" for s in site.services.segments())]
    return Choices(RANGES, GRAINS, names, [("", "the usual figure"), *figures], modes)


def _view(site: Site, kpi: Metric, given: QueryParams) -> View:
    names = offered(kpi, site.figures.dimensions(kpi.name))
    end = site.figures.data_end(kpi.name)
    return view_of(kpi, given, given.getlist("mode"), end, names, site.services.settings.week_start)


def _typed(kpi: Metric, given: QueryParams) -> View:
    """What was asked for, wrong as it is, so that it can be mended where it was typed."""
    return View(
        kpi,
        range=given.get("range", "13"),
        grain=given.get("grain", "month"),
        by=given.get("by", ""),
        compare=given.get("compare", "previous"),
        figure=given.get("figure", ""),
        modes=tuple(given.getlist("mode")),
        where=given.get("where", ""),
        cut=given.get("cut", ""),
        start=given.get("from", ""),
        end=given.get("to", ""),
    )


def _parts(site: Site, view: View, wait: bool) -> list[Markup]:
    """Each part as it is, or a placeholder that fetches it where it is still being computed."""
    asked = {name: _questions(view, name) for name, _ in PARTS}
    for question, limit in (pair for pairs in asked.values() for pair in pairs):
        site.figures.start(question, limit)
    started = [site.figures.start(question, limit) for question, limit in asked["headline"]]
    site.figures.wait(started, 0 if wait else PATIENCE)
    made = []
    for name, title in PARTS:
        if wait or all(site.figures.known(question, limit) for question, limit in asked[name]):
            made.append(_made(site, view, name, title))
        else:
            made.append(site.piece("waiting.html", part=name, title=title, url=view.address(name)))
    for name in (name for name, extra in EXTRAS.items() if view.kpi.name in extra.SHOWN):
        late = {"part": name, "title": TITLES[name], "url": view.address(name)}
        made.append(_made(site, view, name, TITLES[name]) if wait else site.piece("waiting.html", **late))
    return made


def _made(site: Site, view: View, name: str, title: str) -> Markup:
    """A part, or what went wrong with it: one that fails does not take the others from the page."""
    try:
        return MAKERS[name](site, view)
    except WellheardError as error:
        return site.piece("failed.html", part=name, title=title, message=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - told on the page, and written down
        record(f"{name} of {view.kpi.name} could not be made", error)
        said = {"message": "this part could not be computed", "hint": "the server's output says more"}
        return site.piece("failed.html", part=name, title=title, **said)


def _nothing(site: Site, kpi: Metric) -> Markup:
    """What stands on the page of a KPI whose tables are empty."""
    feed = site.figures.feeds().get(kpi.name)
    return site.piece("no_data.html", missing=feed.missing if feed else "")


def _questions(view: View, part: str) -> list[tuple[Question, int | None]]:
    match part:
        case "headline":
            kind = response.kind_of(view.kpi)
            return [(view.trend(), None), *([(response.beside(view.whole(), kind), None)] if kind else [])]
        case "trend":
            return [(view.trend(), None)]
        case "breakdown":
            return [(view.groups(), None), (view.whole(), None)]
        case _:
            return [(view.rows(), MOST_ROWS)]


def _headline(site: Site, view: View) -> Markup:
    answer = site.figures.answer(view.trend())
    rows = answer.to_list()
    over = [row for row in rows if not row["partial"]] or rows
    latest = next((row for row in over if row["period_start"] == view.period), over[-1] if over else None)
    stats, moved = [], None
    if latest is not None:
        stats.append(_stat(answer, latest, _name(latest, view.grain)))
        moved = _moved(answer, latest, view)
    whole = site.figures.answer(view.whole()).to_list() if not view.kpi.cohort and not view.period else []
    stats += [_stat(answer, row, f"{range_of(row['period_start'], row['period_end'])}, as a whole") for row in whole]
    kind = response.kind_of(view.kpi)
    heard = response.stat(site, view.whole(), kind) if kind else None
    stats += [heard] if heard else []
    return site.piece("headline.html", stats=stats, moved=moved, notes=[*_said(answer), *answer.notes])


def _said(answer: Answer) -> list[str]:
    """What each variant makes of the KPI: beside the figures, so that none is taken for the usual one."""
    chosen = [answer.metric.variant(name) for name in answer.asked.variants]
    return [f"{variant.name.replace('_', ' ')}: {variant.words}" for variant in chosen]


def _stat(answer: Answer, row: Row, words: str) -> dict[str, Any]:
    unit, currency = answer.asked.unit, row["currency"]
    shown = units.written(row["value"], unit, currency)
    return {
        "words": words,
        "number": shown.number,
        "unit": shown.unit,
        "n": row["n"],
        "pending": row["pending"],
        "state": row["state"],
        "interval": units.spread(row["low"], row["high"], unit, currency),
    }


def _moved(answer: Answer, row: Row, view: View) -> dict[str, Any] | None:
    if row.get("change") is None:
        return None
    unit, currency = answer.asked.unit, row["currency"]
    low, high = (units.change(row[name], unit, currency) for name in ("change_low", "change_high"))
    mark = row["moved"] if row["state"] == "ok" else None
    since = "on the year before" if view.compare == "year" else f"on the {view.grain} before"
    return {
        "change": units.change(row["change"], unit, currency),
        "interval": f"{low} to {high}" if row["change_low"] is not None else "",
        "mark": mark,
        "news": _news(answer, mark),
        "words": since,
    }


def _news(answer: Answer, mark: str | None) -> str:
    if mark is None or answer.asked.direction not in ("up", "down"):
        return ""
    return "good" if mark == answer.asked.direction else "bad"


def _trend(site: Site, view: View) -> Markup:
    answer = site.figures.answer(view.trend())
    rows = answer.to_list()
    anything = any(row["value"] is not None for row in rows)
    wide = charts.trend(answer) if anything else None
    return site.piece(
        "trend.html",
        wide=drawn(wide, "chart-wide") if wide else None,
        narrow=drawn(charts.trend(answer, charts.NARROW), "chart-narrow") if wide else None,
        note=wide.note if wide else "",
        banded=any(row["low"] is not None for row in rows),
        hollow=any(row["partial"] or row["state"] == "few" for row in rows),
        grain=view.grain,
        rows=[_period_row(answer, row, view) for row in reversed(rows)],
    )


def _period_row(answer: Answer, row: Row, view: View) -> dict[str, Any]:
    mark = row.get("moved") if row["state"] == "ok" else None
    return _figures(answer, row) | {
        "period": _name(row, view.grain),
        "partial": row["partial"],
        "change": units.change(row.get("change"), answer.asked.unit, row["currency"]),
        "mark": mark,
        "news": _news(answer, mark),
        "url": view.address(period=row["period_start"], show="all", page=1) + "#rows",
    }


def _figures(answer: Answer, row: Row) -> dict[str, Any]:
    unit, currency = answer.asked.unit, row["currency"]
    return {
        "value": str(units.written(row["value"], unit, currency)),
        "interval": units.spread(row["low"], row["high"], unit, currency),
        "n": row["n"],
        "state": row["state"],
    }


def _breakdown(site: Site, view: View) -> Markup:
    answer = site.figures.answer(view.groups())
    everything = [row for row in answer.to_list() if row["n"]]
    whole = next(iter(site.figures.answer(view.whole()).to_list()), None)
    by = view.dimension
    kept = everything[:MOST_GROUPS]
    if not view.cut:  # ranges of a number stand in their own order
        kept.sort(key=lambda row: (_is_gathered(row, by), row["value"] is None, -(row["value"] or 0)))
    wide = charts.groups(answer, kept, by, whole) if by and kept else None
    narrow = charts.groups(answer, kept, by, whole, charts.NARROW) if wide else None
    half = charts.groups(answer, kept, by, whole, charts.HALF) if wide else None
    return site.piece(
        "breakdown.html",
        by=by,
        span=span_of(view, whole),
        notes=answer.notes,
        turn=_turn(view, any(_is_gathered(row, by) for row in kept)),
        pooled=view.pooled,
        pooled_url=view.address(pooled="" if view.pooled else "1") + "#breakdown",
        total=len(everything),
        hidden=len(everything) > len(kept),
        rows=[_figures(answer, row) | {"name": _group_name(row, by)} for row in kept],
        wide=drawn(half, "chart-wide") if half else None,
        narrow=drawn(narrow, "chart-narrow") if narrow else None,
        note=wide.note if wide else "",
    )


def _is_gathered(row: Row, by: str) -> bool:
    """Whether a row stands for the smaller groups together."""
    return str(row.get(column_of(by), "")).startswith("other (")


def _turn(view: View, gathered: bool) -> tuple[str, str] | None:
    """The way to all groups, and back from there."""
    if view.groups_shown == "all":
        return "Show the 12 largest", view.address(groups="12") + "#breakdown"
    return ("Show all groups", view.address(groups="all") + "#breakdown") if gathered else None


def _group_name(row: Row, by: str) -> str:
    value = row.get(column_of(by))
    return charts.NOT_KNOWN if value is None else str(value)


def _name(row: Row, grain: str) -> str:
    return units.period_name(date.fromisoformat(row["period_start"]), grain)


MAKERS: dict[str, Callable[[Site, View], Markup]] = {
    "headline": _headline,
    "trend": _trend,
    "breakdown": _breakdown,
    "rows": opened.part,
    **{name: extra.part for name, extra in EXTRAS.items()},
}
