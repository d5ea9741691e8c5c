"""Broadcasts: one message to a segment, seen before it leaves, with a log by person and what it brought."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from wellheard.actions import broadcast as sending
from wellheard.actions.broadcast import FIELDS, BroadcastFile, broadcast_from
from wellheard.actions.channel import channels
from wellheard.actions.condition import quoted
from wellheard.base.errors import WellheardError
from wellheard.store import broadcasts as kept
from wellheard.store import cases
from wellheard.store.connections import connections
from wellheard.web.followup import BESIDE, WHO, Told, fault_of, loop_of, number_in, posted
from wellheard.web.site import Site

SAID = ("name", "where", "subject", "text", "short", "per_minute", "holdout_percent")
OTHERWISE = ("where", "subject", "text", "short")
THROUGH = ("through", "through2", "through3")
MOST_SHOWN, MOST_EACH = 200, 5
EFFECT_DAYS = 30
ARMS = {"sent": "written to", "held_out": "left out for the comparison", "refuses": "want no letters",
        "no_address": "cannot be written to"}  # fmt: skip


def routes(site: Site) -> APIRouter:
    """The pages, and the steps from draft to sent."""
    router = APIRouter()

    @router.get("/broadcasts")
    def listed(request: Request) -> HTMLResponse:
        return _list(site, request)

    @router.get("/broadcasts/new")
    def beginning(request: Request, case: str = "") -> HTMLResponse:
        return _form(site, request, _prepared(site, case) if case else {})

    @router.get("/broadcasts/{id}")
    def one(request: Request, id: str) -> HTMLResponse:
        return _page(site, request, id)

    @router.get("/broadcasts/{id}/preview")
    def preview(id: str) -> HTMLResponse:
        return _preview(site, id)

    @router.get("/broadcasts/{id}/effect")
    def effect(id: str) -> HTMLResponse:
        return site.part("effect.html", effect=sending.effect(loop_of(site), id, EFFECT_DAYS), days=EFFECT_DAYS)

    def failed(request: Request, error: WellheardError, told: Told) -> Response:
        fault = fault_of(site, error)
        if "id" in told:
            return _page(site, request, told["id"], fault, error.http_status)
        return _form(site, request, told, fault, error.http_status)

    def make(told: Told) -> str:
        given: dict[str, Any] = {name: told[name] for name in SAID if told.get(name, "").strip()}
        through = [told[name] for name in THROUGH if told.get(name)]
        content = [
            {name: told.get(f"{name}{n}", "") for name in OTHERWISE}
            for n in range(1, 4)
            if told.get(f"where{n}", "").strip()
        ]
        file = broadcast_from(given | {"through": through, "content": content})
        loop = loop_of(site)
        sending.recipients(loop, file)  # so that a filter that names nothing is told of now
        with loop.store.writing() as con:
            id = kept.save_broadcast(
                con, loop.workspace, file.name, file.model_dump(mode="json"), WHO, loop.sender.now()
            )
        return f"/broadcasts/{id}"

    def start(told: Told) -> str:
        sending.start(loop_of(site), told["id"])
        return f"/broadcasts/{told['id']}"

    def stop(told: Told) -> str:
        sending.stop(loop_of(site), told["id"])
        return f"/broadcasts/{told['id']}"

    router.add_api_route("/broadcasts", posted(site, make, failed), methods=["POST"])
    router.add_api_route("/broadcasts/{id}/start", posted(site, start, failed), methods=["POST"])
    router.add_api_route("/broadcasts/{id}/stop", posted(site, stop, failed), methods=["POST"])
    return router


def _preview(site: Site, id: str) -> HTMLResponse:
    """Some of the letters by each channel, just as they would leave, and who gets none."""
    loop = loop_of(site)
    with loop.store.reading() as con:
        draft = kept.broadcast(con, loop.workspace, id)
    file = broadcast_from(draft.definition)
    people = sending.recipients(loop, file, id)
    by_way: dict[str, Any] = {}
    for place in sending.ways(loop, file):
        written = [person for person in people if person.arm == kept.SENT and person.through == place.name]
        letters = [(p, *sending.shown(sending.letter(loop, id, p), p.channel)) for p in written[:MOST_EACH]]
        missing = channels()[place.channel].lacks(loop.sender.settings_of(place))
        by_way[place.name] = (channels()[place.channel], len(written), letters, missing)
    others = [person for person in people if person.arm != kept.SENT]
    arms = Counter(person.arm for person in people)
    return site.part(
        "broadcast_preview.html",
        by_way=by_way,
        others=others[:MOST_EACH],
        others_many=len(others),
        arms=arms,
        words=ARMS,
    )


def _list(site: Site, request: Request) -> HTMLResponse:
    loop = loop_of(site)
    with loop.store.reading() as con:
        found = kept.broadcasts(con, loop.workspace)
    return site.page(request, "broadcasts.html", beside=BESIDE, broadcasts=found)


def _form(site: Site, request: Request, typed: Told, fault: Any = "", status: int = 200) -> HTMLResponse:
    loop = loop_of(site)
    with loop.store.reading() as con:
        places = connections(con, loop.workspace, loop.sender.vault)
    carrying = {name: channels()[place.channel] for name, place in places.items()}
    names = {name: channel.title for name, channel in carrying.items() if channel.reaches}
    usual = {"per_minute": "60", "holdout_percent": "0"}
    shown = {name: typed.get(name) or usual.get(name, "") for name in SAID}
    other = {f"{name}{n}": typed.get(f"{name}{n}", "") for n in range(1, 4) for name in OTHERWISE}
    other |= {name: typed.get(name, "") for name in THROUGH}
    return site.page(
        request,
        "broadcast_new.html",
        status,
        beside=BESIDE,
        typed={**shown, **other},
        places=names,
        through=THROUGH[: len(names)],
        fields=sorted(FIELDS),
        fault=fault,
    )


def _prepared(site: Site, number: str) -> Told:
    """A draft to the customers of an incident."""
    loop = loop_of(site)
    with loop.store.reading() as con:
        case = cases.case(con, loop.workspace, number_in({"number": number}))
    ids = [quoted(str(id)) for id in case.details.get("customers", [])][:500]
    topic = dict(case.details.get("facts", [])).get("topic", case.title)
    return {
        "name": case.title,
        "where": f"source_id in ({', '.join(ids)})" if ids else "",
        "subject": f"About {topic}",
        "text": "Hello {first_name|there},\n\nyou told us about a problem. Here is what happened, and what we do.\n",
    }


def _page(site: Site, request: Request, id: str, fault: Any = "", status: int = 200) -> HTMLResponse:
    loop = loop_of(site)
    with loop.store.reading() as con:
        found = kept.broadcast(con, loop.workspace, id)
        people = kept.people_of(con, id)
    file = BroadcastFile.model_validate(found.definition)
    arms = Counter(person.arm for person in people)
    states = Counter(person.state for person in people if person.state)
    return site.page(
        request,
        "broadcast.html",
        status,
        beside=BESIDE,
        broadcast=found,
        file=file,
        people=people[:MOST_SHOWN],
        many=len(people),
        arms=arms,
        states=states,
        ways=Counter(person.connection for person in people if person.connection),
        words=ARMS,
        fault=fault,
    )
