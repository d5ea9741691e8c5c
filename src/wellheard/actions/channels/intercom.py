"""Intercom: opens a ticket of a type, and answers in a conversation. Formats: API version 2.15.

The delivery's key closes the ticket's description. A later try searches the tickets made since the first one for it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered, said_json, taken
from wellheard.actions.message import plain

VERSION = "2.15"
MOST_PAGES, A_PAGE = 20, 150
TITLE, DESCRIPTION = "_default_title_", "_default_description_"


def send(attempt: Try) -> Sent:
    """Opens a ticket, or adds a reply to a conversation that is there."""
    return _reply(attempt) if attempt.message.kind == "reply" else _ticket(attempt)


def _ticket(attempt: Try) -> Sent:
    message, settings = attempt.message, attempt.settings
    if attempt.again and (known := _known(attempt)):
        return Sent(known, found=True)
    body: dict[str, Any] = {
        "ticket_type_id": settings["ticket_type_id"],
        "contacts": [{"email": message.customer.get("email") or settings["requester"]}],
        "ticket_attributes": {TITLE: message.title, DESCRIPTION: f"{plain(message)}\n\n{_mark(message.key)}"},
    }
    answer = attempt.egress.post(_url(attempt, "/tickets"), headers=_headers(attempt), json=body)
    told = said_json(taken(answer, attempt.now))
    if not isinstance(told, dict) or "id" not in told:
        raise Undelivered("Intercom answered without a ticket", retry=True, status=answer.status)
    return Sent(str(told["id"]))


def _reply(attempt: Try) -> Sent:
    """An admin's comment, unless the conversation holds it."""
    id, text = quote(attempt.message.thread, safe=""), attempt.message.text
    if attempt.again:
        url = _url(attempt, f"/conversations/{id}?display_as=plaintext")
        told = said_json(taken(attempt.egress.get(url, headers=_headers(attempt)), attempt.now))
        parts = (told.get("conversation_parts") or {}).get("conversation_parts", ())
        if any(p.get("part_type") == "comment" and str(p.get("body")).strip() == text.strip() for p in parts):
            return Sent(attempt.message.thread, found=True)
    body = {"message_type": "comment", "type": "admin", "admin_id": attempt.settings["admin_id"], "body": text}
    url = _url(attempt, f"/conversations/{id}/reply")
    taken(attempt.egress.post(url, headers=_headers(attempt), json=body), attempt.now)
    return Sent(attempt.message.thread)


def _known(attempt: Try) -> str:
    since = int(attempt.first_at.timestamp()) - 60
    query: dict[str, Any] = {"field": "created_at", "operator": ">", "value": since}
    after = ""
    for _ in range(MOST_PAGES):
        pagination = {"per_page": A_PAGE, **({"starting_after": after} if after else {})}
        body = {"query": query, "pagination": pagination}
        answer = attempt.egress.post(_url(attempt, "/tickets/search"), headers=_headers(attempt), json=body)
        told = said_json(taken(answer, attempt.now))
        for ticket in told.get("tickets", ()):
            if _mark(attempt.message.key) in str(ticket.get("ticket_attributes", {}).get(DESCRIPTION, "")):
                return str(ticket["id"])
        after = ((told.get("pages") or {}).get("next") or {}).get("starting_after", "")
        if not after:
            break
    return ""


def _mark(key: str) -> str:
    return f"[wellheard {key}]"


def _url(attempt: Try, path: str) -> str:
    return attempt.settings["address"].rstrip("/") + path


def _headers(attempt: Try) -> dict[str, str]:
    return {"authorization": f"Bearer {attempt.settings['token']}", "intercom-version": VERSION}


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
    send=send,
    once="Tickets are looked for by the key in their description before they are made again.",
)
