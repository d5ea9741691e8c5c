"""Freshdesk: opens a ticket, and answers in one. Formats: API version 2, /api/v2/tickets.

Tickets there have no external id, so the delivery's key is one of the ticket's tags, and a later try looks for it
among the newest tickets; the list is read from the source, while the search lags behind by minutes.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from wellheard.actions.channel import Channel, Field, Try, said_json, taken
from wellheard.actions.help_desk import HelpDesk, at, id_in, logged_in
from wellheard.actions.message import plain

PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
OPEN, PORTAL = 2, 2
MOST_PAGES, A_PAGE = 20, 100


def _make(attempt: Try) -> str:
    message = attempt.message
    ticket: dict[str, Any] = {
        "subject": message.title,
        "description": _as_html(plain(message)),
        "email": message.customer.get("email") or attempt.settings["requester"],
        "priority": PRIORITIES.get(str(message.data.get("priority") or "normal"), 2),
        "status": OPEN,
        "source": PORTAL,
        "tags": ["wellheard", _tag(message.key)],
    }
    answer = attempt.egress.post(at(attempt, "/api/v2/tickets"), headers=_headers(attempt), json=ticket)
    return id_in(taken(answer, attempt.now))


def _known(attempt: Try) -> str:
    since = (attempt.first_at - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for page in range(1, MOST_PAGES + 1):
        asked = urlencode({"updated_since": since, "order_by": "created_at", "per_page": A_PAGE, "page": page})
        answer = attempt.egress.get(at(attempt, f"/api/v2/tickets?{asked}"), headers=_headers(attempt))
        tickets = said_json(taken(answer, attempt.now))
        for ticket in tickets:
            if _tag(attempt.message.key) in (ticket.get("tags") or ()):
                return str(ticket["id"])
        if len(tickets) < A_PAGE:
            break
    return ""


def _said(attempt: Try) -> list[str]:
    url = at(attempt, f"/api/v2/tickets/{_id(attempt)}/conversations?per_page={A_PAGE}")
    told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
    return [str(each.get("body_text", "")) for each in told if not each.get("incoming")]


def _say(attempt: Try) -> None:
    url, body = at(attempt, f"/api/v2/tickets/{_id(attempt)}/reply"), {"body": _as_html(attempt.message.text)}
    taken(attempt.egress.post(url, headers=_headers(attempt), json=body), attempt.now)


def _id(attempt: Try) -> str:
    return quote(attempt.message.thread, safe="")


def _tag(key: str) -> str:
    """A tag may have 32 letters."""
    return key[:32]


def _as_html(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _shown(attempt: Try, id: str) -> str:
    return at(attempt, f"/a/tickets/{quote(id, safe='')}")


def _headers(attempt: Try) -> dict[str, str]:
    return logged_in(attempt.settings["key"], "X")


DESK = HelpDesk(known=_known, make=_make, said=_said, say=_say, shown=_shown)
CHANNEL = Channel(
    title="Freshdesk",
    words="Opens tickets, and answers customers in theirs.",
    kinds=("ticket", "reply"),
    fields=(
        Field("address", "Your Freshdesk, such as https://example.freshdesk.com.", url=True),
        Field("key", "An agent's API key.", secret=True),
        Field("requester", "The address that stands as requester where the customer's is not known."),
    ),
    send=DESK.send,
    once="Tickets are looked for by a tag that holds the key before they are made again.",
)
