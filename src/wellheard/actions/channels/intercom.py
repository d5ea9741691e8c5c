"""Intercom: opens a ticket of a type, and answers in a conversation. Formats: API version 2.15.

The delivery's key closes the ticket's description. A later try searches the tickets made since the first one for it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from wellheard.actions.channel import Channel, Field, Try, said_json, taken
from wellheard.actions.help_desk import HelpDesk, at, id_in
from wellheard.actions.message import plain

VERSION = "2.15"
MOST_PAGES, A_PAGE = 20, 150
TITLE, DESCRIPTION = "_default_title_", "_default_description_"


def _make(attempt: Try) -> str:
    message, settings = attempt.message, attempt.settings
    body: dict[str, Any] = {
        "ticket_type_id": settings["ticket_type_id"],
        "contacts": [{"email": message.customer.get("email") or settings["requester"]}],
        "ticket_attributes": {TITLE: message.title, DESCRIPTION: f"{plain(message)}\n\n{_mark(message.key)}"},
    }
    return id_in(taken(attempt.egress.post(at(attempt, "/tickets"), headers=_headers(attempt), json=body), attempt.now))


def _known(attempt: Try) -> str:
    since = int(attempt.first_at.timestamp()) - 60
    query: dict[str, Any] = {"field": "created_at", "operator": ">", "value": since}
    after = ""
    for _ in range(MOST_PAGES):
        pagination = {"per_page": A_PAGE, **({"starting_after": after} if after else {})}
        body = {"query": query, "pagination": pagination}
        answer = attempt.egress.post(at(attempt, "/tickets/search"), headers=_headers(attempt), json=body)
        told = said_json(taken(answer, attempt.now))
        for ticket in told.get("tickets", ()):
            if _mark(attempt.message.key) in str(ticket.get("ticket_attributes", {}).get(DESCRIPTION, "")):
                return str(ticket["id"])
        after = ((told.get("pages") or {}).get("next") or {}).get("starting_after", "")
        if not after:
            break
    return ""


def _said(attempt: Try) -> list[str]:
    url = at(attempt, f"/conversations/{_id(attempt)}?display_as=plaintext")
    told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
    parts = (told.get("conversation_parts") or {}).get("conversation_parts", ())
    return [str(part.get("body")) for part in parts if part.get("part_type") == "comment"]


def _say(attempt: Try) -> None:
    """In the name of an admin."""
    admin, text = attempt.settings["admin_id"], attempt.message.text
    body = {"message_type": "comment", "type": "admin", "admin_id": admin, "body": text}
    url = at(attempt, f"/conversations/{_id(attempt)}/reply")
    taken(attempt.egress.post(url, headers=_headers(attempt), json=body), attempt.now)


def _id(attempt: Try) -> str:
    return quote(attempt.message.thread, safe="")


def _mark(key: str) -> str:
    return f"[wellheard {key}]"


def _headers(attempt: Try) -> dict[str, str]:
    return {"authorization": f"Bearer {attempt.settings['token']}", "intercom-version": VERSION}


DESK = HelpDesk(known=_known, make=_make, said=_said, say=_say)
CHANNEL = Channel(
    title="Intercom",
    words="Opens tickets of a type, and answers customers in their conversations.",
    kinds=("ticket", "reply"),
    fields=(
        Field("token", "An access token.", secret=True),
        Field("ticket_type_id", "The id of the type of ticket to open."),
        Field("requester", "The address that stands as contact where the customer's is not known."),
        Field("admin_id", "The id of the admin in whose name replies are sent.", required=False),
        Field(
            "address",
            "Where the API is; Europe and Australia have their own.",
            required=False,
            url=True,
            default="https://api.intercom.io",
        ),
    ),
    send=DESK.send,
    once="Tickets are looked for by the key in their description before they are made again.",
)
