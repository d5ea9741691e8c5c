"""Zendesk: opens a ticket, and answers in one. Formats: the Support API, /api/v2/tickets.

A ticket carries the delivery's key as its external id. A later try first asks for tickets with that id; the call
itself has an Idempotency-Key as well, which covers the time until a list shows what was made.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from wellheard.actions.channel import Channel, Field, Try, said_json, taken
from wellheard.actions.help_desk import HelpDesk, at, id_in, logged_in
from wellheard.actions.message import plain

PRIORITIES = ("urgent", "high", "normal", "low")


def _make(attempt: Try) -> str:
    message = attempt.message
    priority = str(message.data.get("priority") or "normal")
    ticket: dict[str, Any] = {
        "subject": message.title,
        "comment": {"body": plain(message), "public": False},
        "external_id": message.key,
        "priority": priority if priority in PRIORITIES else "normal",
        "tags": ["wellheard"],
    }
    if message.customer.get("email"):
        name = message.customer.get("name") or message.customer["email"]
        ticket["requester"] = {"name": name, "email": message.customer["email"]}
    headers = {**_headers(attempt), "idempotency-key": message.key}
    answer = attempt.egress.post(at(attempt, "/api/v2/tickets.json"), headers=headers, json={"ticket": ticket})
    return id_in(taken(answer, attempt.now), "ticket")


def _known(attempt: Try) -> str:
    url = at(attempt, f"/api/v2/tickets.json?external_id={quote(attempt.message.key, safe='')}")
    told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
    found = [t for t in told.get("tickets", ()) if t.get("external_id") == attempt.message.key]
    return str(found[0]["id"]) if found else ""


def _said(attempt: Try) -> list[str]:
    url = at(attempt, f"/api/v2/tickets/{_id(attempt)}/comments.json?sort_order=desc")
    told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
    return [str(c.get("plain_body") or c.get("body")) for c in told.get("comments", ()) if c.get("public")]


def _say(attempt: Try) -> None:
    body = {"ticket": {"comment": {"body": attempt.message.text, "public": True}}}
    url = at(attempt, f"/api/v2/tickets/{_id(attempt)}.json")
    taken(attempt.egress.request("PUT", url, headers=_headers(attempt), json=body), attempt.now)


def _id(attempt: Try) -> str:
    return quote(attempt.message.thread, safe="")


def _shown(attempt: Try, id: str) -> str:
    return at(attempt, f"/agent/tickets/{quote(id, safe='')}")


def _headers(attempt: Try) -> dict[str, str]:
    return logged_in(f"{attempt.settings['email']}/token", attempt.settings["token"])


DESK = HelpDesk(known=_known, make=_make, said=_said, say=_say, shown=_shown)
CHANNEL = Channel(
    title="Zendesk",
    words="Opens tickets with a private first comment, and answers customers in theirs.",
    kinds=("ticket", "reply"),
    fields=(
        Field("address", "Your Zendesk, such as https://example.zendesk.com.", url=True),
        Field("email", "The agent's e-mail address."),
        Field("token", "An API token.", secret=True),
    ),
    send=DESK.send,
    once="Tickets are looked for by external id before they are made again.",
)
