"""Zendesk: opens a ticket, and answers in one. Formats: the Support API, /api/v2/tickets.

A ticket carries the delivery's key as its external id. A later try first asks for tickets with that id; the call
itself has an Idempotency-Key as well, which covers the time until a list shows what was made.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered, said_json, taken
from wellheard.actions.message import plain

PRIORITIES = ("urgent", "high", "normal", "low")


def send(attempt: Try) -> Sent:
    """Opens a ticket, or adds a reply to one that is there."""
    return _reply(attempt) if attempt.message.kind == "reply" else _ticket(attempt)


def _ticket(attempt: Try) -> Sent:
    message = attempt.message
    if attempt.again and (known := _known(attempt)):
        return Sent(known, _shown(attempt, known), found=True)
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
    answer = attempt.egress.post(
        _url(attempt, "/api/v2/tickets.json"),
        headers={**_headers(attempt), "idempotency-key": message.key},
        json={"ticket": ticket},
    )
    made = said_json(taken(answer, attempt.now))
    try:
        id = str(made["ticket"]["id"])
    except (KeyError, TypeError):
        raise Undelivered("Zendesk answered without a ticket", retry=True, status=answer.status) from None
    return Sent(id, _shown(attempt, id))


def _reply(attempt: Try) -> Sent:
    """A public comment, unless the ticket's comments hold it: comments have no key, so the whole text is compared."""
    id, text = attempt.message.thread, attempt.message.text
    if attempt.again:
        listed = attempt.egress.get(
            _url(attempt, f"/api/v2/tickets/{quote(id, safe='')}/comments.json?sort_order=desc"),
            headers=_headers(attempt),
        )
        for comment in said_json(taken(listed, attempt.now)).get("comments", ()):
            if comment.get("public") and str(comment.get("plain_body") or comment.get("body")).strip() == text.strip():
                return Sent(id, _shown(attempt, id), found=True)
    answer = attempt.egress.request(
        "PUT",
        _url(attempt, f"/api/v2/tickets/{quote(id, safe='')}.json"),
        headers=_headers(attempt),
        json={"ticket": {"comment": {"body": text, "public": True}}},
    )
    taken(answer, attempt.now)
    return Sent(id, _shown(attempt, id))


def _known(attempt: Try) -> str:
    url = _url(attempt, f"/api/v2/tickets.json?external_id={quote(attempt.message.key, safe='')}")
    told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
    found = [t for t in told.get("tickets", ()) if t.get("external_id") == attempt.message.key]
    return str(found[0]["id"]) if found else ""


def _url(attempt: Try, path: str) -> str:
    return attempt.settings["address"].rstrip("/") + path


def _shown(attempt: Try, id: str) -> str:
    return _url(attempt, f"/agent/tickets/{quote(id, safe='')}")


def _headers(attempt: Try) -> dict[str, str]:
    pair = f"{attempt.settings['email']}/token:{attempt.settings['token']}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


CHANNEL = Channel(
    title="Zendesk",
    words="Opens tickets with a private first comment, and answers customers in theirs.",
    kinds=("ticket", "reply"),
    fields=(
        Field("address", "Your Zendesk, such as https://example.zendesk.com.", url=True),
        Field("email", "The agent's e-mail address."),
        Field("token", "An API token.", secret=True),
    ),
    send=send,
    once="Tickets are looked for by external id before they are made again.",
)
