"""One conversation: how its times were counted, minute by minute, beside what its source says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.reports import units
from wellheard.web.services import ConversationTimeline
from wellheard.web.site import Site

WIDTH = 1000.0  # of the drawing, in its own units
THINNEST = 3.0  # of a stretch that would be too short to see
MOST_EVENTS = 300
MOST_LETTERS = 4000
FIGURES = {"first_response": "first response", "waiting_on_us": "waiting for us", "resolution": "resolution"}
WAITED_FOR = {"us": "us", "customer": "the customer", "nobody": "nobody"}
NAMES = {"source_id": "number in its source", "customer_id": "customer", "account_id": "company", "agent_id": "agent",
         "schedule_id": "schedule"}  # fmt: skip


def routes(site: Site) -> APIRouter:
    """The page, reached from the rows behind a KPI."""
    router = APIRouter()

    @router.get("/conversations/{id}")
    def page(request: Request, id: str) -> HTMLResponse:
        told = site.services.conversation(id)
        return site.page(
            request,
            "conversation.html",
            told=told,
            words=site.services.texts.conversation(str(told.facts["source"]), str(told.facts["source_id"])),
            title=str(told.facts["source_id"]),
            facts=_facts(told.facts),
            lengths=[_length(each) for each in told.lengths],
            stretches=[_stretch(each) for each in told.stretches],
            drawing=_drawing(told),
            events=[_event(each) for each in told.events[:MOST_EVENTS]],
            more=max(0, len(told.events) - MOST_EVENTS),
            differs=any(each.why_different for each in told.lengths),
            has_given=any(each.given is not None for each in told.lengths),
        )

    return router


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = {name: value for name, value in facts.items() if value is not None and value is not False}
    return [(NAMES.get(name, name.replace("_", " ")), _said(value)) for name, value in known.items()]


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return moment(value)
    return "yes" if value is True else str(value)


def moment(at: datetime) -> str:
    """An instant to the second, where it has seconds."""
    return f"{units.day_name(at.date())}, {at:%H:%M:%S}" if at.second else f"{units.day_name(at.date())}, {at:%H:%M}"


def _span(seconds: float | None) -> str:
    return units.NONE if seconds is None else units.duration(seconds)


def _length(length: Any) -> dict[str, str]:
    return {
        "title": length.title,
        "calendar": _span(length.seconds),
        "business": _span(length.business_seconds),
        "given": _span(length.given),
        "why": length.why_different,
    }


def _stretch(stretch: Any) -> dict[str, Any]:
    return {
        "start": moment(stretch.start),
        "end": moment(stretch.end),
        "who": stretch.waited_for,
        "words": WAITED_FOR[stretch.waited_for],
        "calendar": _span(stretch.seconds),
        "business": _span(stretch.business_seconds),
        "counts": ", ".join(FIGURES[name] for name in stretch.counts_to) or "nothing",
        "why": stretch.why,
    }


def _event(event: Any) -> dict[str, Any]:
    text = event.text or ""
    return {
        "at": event.at,
        "when": moment(event.at),
        "who": event.who,
        "what": event.what,
        "text": text[:MOST_LETTERS],
        "cut": len(text) > MOST_LETTERS,
        "moves": event.moves_the_clock,
    }


def _drawing(told: ConversationTimeline) -> dict[str, Any] | None:
    """Bars from 0 to WIDTH: who was waited for, what counted, and when we were open; None where no time passed."""
    if not told.stretches or told.stretches[-1].end <= told.stretches[0].start:
        return None
    first, last = told.stretches[0].start, told.stretches[-1].end
    whole = (last - first).total_seconds()

    def bar(start: datetime, end: datetime, thinnest: float = THINNEST) -> tuple[float, float]:
        at = WIDTH * (start - first).total_seconds() / whole
        wide = max(WIDTH * (end - start).total_seconds() / whole, thinnest)
        return round(min(at, WIDTH - wide), 2), round(wide, 2)

    def counted(name: str) -> list[tuple[float, float]]:
        joined: list[tuple[datetime, datetime]] = []
        for each in (s for s in told.stretches if name in s.counts_to):
            if joined and joined[-1][1] == each.start:
                joined[-1] = joined[-1][0], each.end
            else:
                joined.append((each.start, each.end))
        return [bar(start, end) for start, end in joined]

    return {
        "width": WIDTH,
        "open": [bar(start, end, 0.0) for start, end in told.open],
        "waits": [(s.waited_for, *bar(s.start, s.end)) for s in told.stretches],
        "lanes": [(words, counted(name)) for name, words in FIGURES.items() if name != "waiting_on_us"],
        "first": first,
        "last": last,
        "words": _in_words(told.stretches),
    }


def _in_words(stretches: Sequence[Any]) -> str:
    parts = []
    for who, words in WAITED_FOR.items():
        seconds = sum(s.seconds for s in stretches if s.waited_for == who)
        if seconds:
            parts.append(f"{units.duration(seconds)} waiting for {words}")
    return ", ".join(parts)
