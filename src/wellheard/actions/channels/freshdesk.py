"""Freshdesk: opens a ticket, and answers in one. Formats: API version 2, /api/v2/tickets.

Tickets there have no external id, so the delivery's key is one of the ticket's tags, and a later try looks for it
among the newest tickets; the list is read from the source, while the search lags behind by minutes.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered, said_json, taken
from wellheard.actions.message import plain
from wellheard.base.answer import Answer

PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
OPEN, PORTAL = 2, 2
MOST_PAGES, A_PAGE = 20, 100


def send(attempt: Try) -> Sent:
    """Opens a ticket, or adds a reply to one that is there."""
    return _reply(attempt) if attempt.message.kind == "reply" else _ticket(attempt)


def _ticket(attempt: Try) -> Sent:
    message, settings = attempt.message, attempt.settings
    if attempt.again and (known := _known(attempt)):
        return Sent(known, _shown(attempt, known), found=True)
    ticket: dict[str, Any] = {
        "subject": message.title,
        "description": _as_html(plain(message)),
        "email": message.customer.get("email") or settings["requester"],
        "priority": PRIORITIES.get(str(message.data.get("priority") or "normal"), 2),
        "status": OPEN,
        "source": PORTAL,
        "tags": ["wellheard", _tag(message.key)],
    }
    made = _made(attempt, attempt.egress.post(_url(attempt, "/api/v2/tickets"), headers=_headers(attempt), json=ticket))
    return Sent(made, _shown(attempt, made))


def _reply(attempt: Try) -> Sent:
    """A reply to the ticket's customer, unless its conversations hold it."""
    id = quote(attempt.message.thread, safe="")
    body = _as_html(attempt.message.text)
    if attempt.again:
        listed = attempt.egress.get(
            _url(attempt, f"/api/v2/tickets/{id}/conversations?per_page={A_PAGE}"), headers=_headers(attempt)
        )
        for said in said_json(taken(listed, attempt.now)):
            if not said.get("incoming") and str(said.get("body_text", "")).strip() == attempt.message.text.strip():
                return Sent(attempt.message.thread, _shown(attempt, attempt.message.thread), found=True)
    answer = attempt.egress.post(
        _url(attempt, f"/api/v2/tickets/{id}/reply"), headers=_headers(attempt), json={"body": body}
    )
    taken(answer, attempt.now)
    return Sent(attempt.message.thread, _shown(attempt, attempt.message.thread))


def _known(attempt: Try) -> str:
    since = (attempt.first_at - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for page in range(1, MOST_PAGES + 1):
        asked = urlencode({"updated_since": since, "order_by": "created_at", "per_page": A_PAGE, "page": page})
        answer = attempt.egress.get(_url(attempt, f"/api/v2/tickets?{asked}"), headers=_headers(attempt))
        tickets = said_json(taken(answer, attempt.now))
        for ticket in tickets:
            if _tag(attempt.message.key) in (ticket.get("tags") or ()):
                return str(ticket["id"])
        if len(tickets) < A_PAGE:
            break
    return ""


def _made(attempt: Try, answer: Answer) -> str:
    told = said_json(taken(answer, attempt.now))
    if not isinstance(told, dict) or "id" not in told:
        raise Undelivered("Freshdesk answered without a ticket", retry=True, status=answer.status)
    return str(told["id"])


def _tag(key: str) -> str:
    """A tag may have 32 letters."""
    return key[:32]


def _as_html(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _url(attempt: Try, path: str) -> str:
    return attempt.settings["address"].rstrip("/") + path


def _shown(attempt: Try, id: str) -> str:
    return _url(attempt, f"/a/tickets/{quote(id, safe='')}")


def _headers(attempt: Try) -> dict[str, str]:
    pair = f"{attempt.settings['key']}:X"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


CHANNEL = Channel(
    title="Freshdesk",
    words="Opens tickets, and answers customers in theirs.",
    kinds=("ticket", "reply"),
    fields=(
        Field("address", "Your Freshdesk, such as https://example.freshdesk.com.", url=True),
        Field("key", "An agent's API key.", secret=True),
        Field("requester", "The address that stands as requester where the customer's is not known."),
    ),
    send=send,
    once="Tickets are looked for by a tag that holds the key before they are made again.",
)
