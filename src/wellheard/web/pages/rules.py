"""Rules: the list of them, each as the text that its file is, and what it would have done."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from wellheard import actions
from wellheard.actions.channel import channels
from wellheard.actions.effect import effect_of
from wellheard.actions.rule import Rule, rule_in
from wellheard.actions.trigger import triggers
from wellheard.base.errors import BadCall, WellheardError
from wellheard.store import firings
from wellheard.store.connections import connections
from wellheard.store.firings import DECISIONS
from wellheard.web.followup import BESIDE, Told, fault_of, loop_of, posted
from wellheard.web.site import Site

LOOKED_BACK = (("7", "last 7 days"), ("30", "last 30 days"), ("90", "last 90 days"), ("365", "last year"))
EFFECT_DAYS = 90
MOST_SHOWN = 200
DECIDED = {"acted": "acted", "held_out": "left alone for the comparison", "cooling": "still cooling down",
           "capped": "over its cap", "looped": "no loops"}  # fmt: skip


def routes(site: Site) -> APIRouter:
    """The pages, and what changes a rule."""
    router = APIRouter()

    @router.get("/rules")
    def listed(request: Request) -> HTMLResponse:
        return _list(site, request)

    @router.get("/rules/new")
    def beginning(request: Request, template: str = "") -> HTMLResponse:
        text = _templates().get(template, "")
        return _editor(site, request, "", text or _templates()["detractors"], id_shown=template or "detractors")

    @router.get("/rules/{id}")
    def one(request: Request, id: str) -> HTMLResponse:
        return _editor(site, request, id, loop_of(site).book.text(id))

    @router.get("/rules/{id}/dry-run")
    def dry(id: str, days: str = "30") -> HTMLResponse:
        return _dry_run(site, loop_of(site).book.rule(id), days)

    @router.get("/rules/{id}/effect")
    def effect(id: str) -> HTMLResponse:
        loop = loop_of(site)
        with loop.store.reading() as con:
            decided = firings.firings(con, loop.workspace, id, most=50_000)
        return site.part("effect.html", effect=effect_of(loop.look, decided, loop.sender.now()), days=EFFECT_DAYS)

    def failed(request: Request, error: WellheardError, told: Told) -> Response:
        fault = fault_of(site, error)
        if "text" in told:
            return _editor(
                site, request, told.get("id", ""), told["text"], told.get("name", ""), fault, error.http_status
            )
        return _list(site, request, fault, error.http_status)

    def save(told: Told) -> str:
        id = told.get("id") or told.get("name", "").strip()
        book = loop_of(site).book
        if not told.get("id") and book.folder.joinpath(f"{id}.toml").exists():
            raise BadCall(f"there is a rule {id!r} already", hint="choose another name", field="name")
        book.save(id, told.get("text", "").replace("\r\n", "\n"))
        return f"/rules/{quote(id)}"

    def turn(told: Told) -> str:
        loop_of(site).book.turn(told["id"], told.get("on") == "1")
        return "/rules"

    def remove(told: Told) -> str:
        loop_of(site).book.remove(told["id"])
        return "/rules"

    router.add_api_route("/rules", posted(site, save, failed), methods=["POST"])
    router.add_api_route("/rules/{id}", posted(site, save, failed), methods=["POST"])
    router.add_api_route("/rules/{id}/turn", posted(site, turn, failed), methods=["POST"])
    router.add_api_route("/rules/{id}/remove", posted(site, remove, failed), methods=["POST"])
    return router


def _list(site: Site, request: Request, fault: Any = "", status: int = 200) -> HTMLResponse:
    loop = loop_of(site)
    rules, faulty = loop.book.all()
    with loop.store.reading() as con:
        counts = firings.counts_by_rule(con, loop.workspace, loop.sender.now())
        places = connections(con, loop.workspace, loop.sender.vault)
    return site.page(
        request,
        "rules.html",
        status,
        beside=BESIDE,
        rules=[(rule, counts.get(rule.id, dict.fromkeys(DECISIONS, 0)), _lacks(rule, set(places))) for rule in rules],
        faulty=faulty,
        failing=loop.faults,
        templates=_named_templates(),
        fault=fault,
    )


def _lacks(rule: Rule, there: set[str]) -> list[str]:
    return [name for name in rule.through() if name not in there]


def _editor(
    site: Site,
    request: Request,
    id: str,
    text: str,
    id_shown: str = "",
    fault: Any = "",
    status: int = 200,
) -> HTMLResponse:
    loop = loop_of(site)
    rule = None
    try:
        rule = rule_in(id or "new", text)
    except WellheardError as error:
        fault = fault or fault_of(site, error)
    with loop.store.reading() as con:
        places = connections(con, loop.workspace, loop.sender.vault)
        decided = firings.firings(con, loop.workspace, id, most=20) if id else []
    return site.page(
        request,
        "rule.html",
        status,
        beside=BESIDE,
        id=id,
        id_shown=id_shown,
        text=text,
        rule=rule,
        lacks=_lacks(rule, set(places)) if rule else [],
        triggers=triggers(),
        places=[(place.name, channels()[place.channel].title) for place in places.values()],
        decided=decided,
        words=DECIDED,
        failing=loop.faults.get(id, ""),
        spans=LOOKED_BACK,
        fault=fault,
    )


def _dry_run(site: Site, rule: Rule, days: str) -> HTMLResponse:
    if days not in dict(LOOKED_BACK):
        raise BadCall(f"{days!r} cannot be chosen", hint="choose one of the spans", field="days")
    loop = loop_of(site)
    until = loop.sender.now()
    foreseen = loop.dry_run(rule, until - timedelta(days=int(days)), until)
    counts = {d: sum(f.firing.decision == d for f in foreseen) for d in DECISIONS}
    return site.part(
        "dry_run.html",
        id=rule.id,
        historic=rule.trigger.historic,
        span=dict(LOOKED_BACK)[days],
        counts={d: n for d, n in counts.items() if n},
        acted=counts["acted"],
        shown=list(reversed(foreseen))[:MOST_SHOWN],
        many=len(foreseen),
        words=DECIDED,
    )


@cache
def _templates() -> dict[str, str]:
    folder = Path(actions.__file__).parent / "templates"
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.toml"))}


@cache
def _named_templates() -> list[tuple[str, str, str]]:
    rules = [rule_in(id, text) for id, text in _templates().items()]
    return [(rule.id, rule.name, rule.file.words) for rule in rules]
