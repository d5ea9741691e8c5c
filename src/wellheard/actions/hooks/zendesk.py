"""Zendesk: events of tickets by a webhook, or what a trigger was told to send.

Source of the format: Zendesk's guide on verifying webhooks (base64 of HMAC-SHA-256 over timestamp and body) and its
reference of ticket events (`zen:event-type:ticket.…`). The header with the invocation's id is not signed and not read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wellheard.actions.hook import (
    ANSWERED,
    REOPENED,
    SOLVED,
    Call,
    Event,
    Hook,
    event_of,
    part_of,
    prove,
    template_event,
    told_in,
    unproven,
)

SIGNATURE, MOMENT = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
STATUS, COMMENT = "zen:event-type:ticket.status_changed", "zen:event-type:ticket.comment_added"
DONE = ("solved", "closed")


def check(call: Call) -> str:
    """The event's id; of what a trigger sends, which has none, the moment and the body."""
    moment = call.headers.get(MOMENT, "")
    signed = moment.encode() + call.body
    sign = lambda secret: base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()  # noqa: E731
    prove(call, call.headers.get(SIGNATURE, ""), sign, _seconds(moment))
    told = told_in(call.body)
    if isinstance(told.get("id"), str) and str(told.get("type")).startswith("zen:"):
        return str(told["id"])
    return hashlib.sha256(signed).hexdigest()


def _seconds(moment: str) -> float:
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        raise unproven() from None
    if read.tzinfo is None:
        raise unproven()
    return read.timestamp()


def read(told: Mapping[str, Any]) -> Event | None:
    """A change of status to or from being done, or a public comment by somebody of the staff."""
    ticket = part_of(told, "detail", "id")
    if told.get("type") == STATUS:
        now, before = (str(part_of(told, "event", name) or "").lower() for name in ("current", "previous"))
        if now in DONE:
            return None if before in DONE else event_of(ticket, SOLVED, "zendesk")
        return event_of(ticket, REOPENED, "zendesk") if before in DONE else None
    if told.get("type") == COMMENT:
        comment = part_of(told, "event", "comment")
        if part_of(comment, "is_public") is True and part_of(comment, "author", "is_staff") is True:
            return event_of(ticket, ANSWERED, "zendesk", part_of(comment, "body"))
        return None
    return template_event(told, "zendesk")


HOOK = Hook(
    title="Zendesk",
    use="In the Admin Center under Apps and integrations, Webhooks, make one that subscribes to the ticket events "
    "“Status changed” and “Comment created”, with this address; its signing secret is the one asked for here.",
    check=check,
    read=read,
)
