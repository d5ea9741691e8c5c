"""Deliveries: what left, what waits, what died and why, and the connections by which it goes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from wellheard.actions.channel import channel_called, channels
from wellheard.actions.hook import schemes
from wellheard.actions.message import Message
from wellheard.actions.sending import delivery_key, queue_message
from wellheard.base.errors import BadCall, WellheardError
from wellheard.store import connections as kept
from wellheard.store import deliveries as outbox
from wellheard.store import hooks
from wellheard.store.deliveries import STATES
from wellheard.store.tokens import new_id
from wellheard.web.followup import BESIDE, Told, fault_of, loop_of, number_in, posted
from wellheard.web.site import Site


def routes(site: Site) -> APIRouter:
    """The pages, the button that tries again, and what changes a connection."""
    router = APIRouter()

    @router.get("/deliveries")
    def listed(request: Request, channel: str = "") -> HTMLResponse:
        return _list(site, request, channel=channel)

    @router.get("/deliveries/{number}")
    def one(request: Request, number: str) -> HTMLResponse:
        return _page(site, request, number_in({"number": number}))

    def failed(request: Request, error: WellheardError, told: Told) -> Response:
        return _list(site, request, fault_of(site, error), error.http_status, told.get("channel", ""), told)

    def replay(told: Told) -> str:
        loop, number = loop_of(site), number_in(told)
        with loop.store.writing() as con:
            outbox.replay(con, loop.workspace, number, loop.sender.now())
        return f"/deliveries/{number}"

    for path, do in {
        "/deliveries/{number}/replay": replay,
        "/deliveries/connections": lambda told: _connect(site, told),
        "/deliveries/connections/{name}/{step}": lambda told: _turn(site, told),
    }.items():
        router.add_api_route(path, posted(site, do, failed), methods=["POST"])
    return router


def _list(
    site: Site, request: Request, fault: Any = "", status: int = 200, channel: str = "", typed: Told | None = None
) -> HTMLResponse:
    loop = loop_of(site)
    state = request.query_params.get("state", "")
    through = request.query_params.get("through", "")
    with loop.store.reading() as con:
        found = outbox.deliveries(
            con,
            loop.workspace,
            loop.sender.vault,
            state=state if state in STATES else None,
            connection=through or None,
        )
        counts = outbox.counts_by_state(con, loop.workspace)
        places = kept.connections(con, loop.workspace, loop.sender.vault)
        listening = hooks.hooks(con, loop.workspace, loop.sender.vault)
    chosen = channels().get(channel)
    return site.page(
        request,
        "deliveries.html",
        status,
        beside=BESIDE,
        deliveries=found,
        state=state,
        states=STATES,
        counts=counts,
        places=list(places.values()),
        channels=channels(),
        hooks=list(listening.values()),
        schemes=schemes(),
        public_address=loop.public_address,
        chosen=chosen,
        typed=_shown_again(chosen, typed or {}),
        fault=fault,
    )


def _shown_again(chosen: Any, typed: Told) -> Told:
    """What was typed, to be shown again; secrets never are."""
    if chosen is None:
        return {}
    shown = {f.name: typed.get(f.name, f.default) for f in chosen.fields if not f.secret}
    return shown | {"name": typed.get("name", chosen.name)}


def _page(site: Site, request: Request, number: int) -> HTMLResponse:
    loop = loop_of(site)
    with loop.store.reading() as con:
        delivery = outbox.delivery(con, loop.workspace, loop.sender.vault, number)
        tried = outbox.attempts_of(con, number)
    return site.page(request, "delivery.html", beside=BESIDE, delivery=delivery, tried=tried, message=delivery.message)


def _connect(site: Site, told: Told) -> str:
    loop, name = loop_of(site), told.get("name", "").strip()
    channel = channel_called(told.get("channel", ""))
    if not name or len(name) > 60 or not name.replace("-", "").replace("_", "").isalnum():
        raise BadCall(f"{name!r} is no name for a connection", hint="letters, digits, - and _", field="name")
    given = {f.name: told.get(f.name, "") for f in channel.fields}
    settings, secrets = channel.parted(given, loop.sender.egress, loop.sender.internal)
    with loop.store.writing() as con:
        kept.keep_connection(
            con, loop.workspace, loop.sender.vault, name, channel.name, settings, secrets, loop.sender.now()
        )
    return "/deliveries#connections"


def _turn(site: Site, told: Told) -> str:
    loop, name, step = loop_of(site), told["name"], told["step"]
    with loop.store.writing() as con:
        if step == "remove":
            kept.remove_connection(con, loop.workspace, name)
        elif step == "enable":
            kept.enable_connection(con, loop.workspace, name)
        elif step == "try":
            return _trial(site, name, con)
        else:
            raise BadCall(f"{step!r} cannot be done with a connection", hint="go back to the page", field="step")
    return "/deliveries#connections"


def _trial(site: Site, name: str, con: Any) -> str:
    """Queues a message that says what it is."""
    loop = loop_of(site)
    place = kept.connection(con, loop.workspace, loop.sender.vault, name)
    kind = channels()[place.channel].tried_by
    if not kind:
        raise BadCall(f"{name} carries nothing that could be tried", hint="answer a case through it", field="name")
    message = Message(
        key=delivery_key("trial", new_id()),
        kind=kind,
        title="A trial of Wellheard",
        text="This connection works. Nothing has to be done.",
        link=f"{loop.address}/deliveries",
        made_at=loop.sender.now(),
    )
    return f"/deliveries/{queue_message(con, loop.sender, message, name)}"
