"""Intercom: notifications of conversations and tickets.

Source of the format: Intercom's guide on webhooks (`X-Hub-Signature: sha1=` and the hexadecimal HMAC-SHA-1 of the body
with the app's client secret; a notification object with id, topic and data.item). The moment is that of the first
sending, which stands in the signed body; Intercom tries once more after about a minute, so five are enough.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
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
    told_in,
    unproven,
)

SIGNATURE = "x-hub-signature"
TOPICS = {
    "conversation.admin.closed": SOLVED,
    "conversation.admin.opened": REOPENED,
    "conversation.admin.replied": ANSWERED,
    "ticket.closed": SOLVED,
}


def check(call: Call) -> str:
    """The notification's id."""
    sign = lambda secret: f"sha1={hmac.digest(secret, call.body, 'sha1').hex()}"  # noqa: E731
    given = call.headers.get(SIGNATURE, "")
    prove(call, given, sign)  # before anything of the body is read
    told = told_in(call.body)
    moment = told.get("first_sent_at") or told.get("created_at")
    if not isinstance(told.get("id"), str) or isinstance(moment, bool) or not isinstance(moment, int | float):
        raise unproven()
    prove(call, given, sign, float(moment))
    return str(told["id"])


def read(told: Mapping[str, Any]) -> Event | None:
    """A conversation or ticket that was closed, opened again or replied to by a colleague."""
    what = TOPICS.get(str(told.get("topic")))
    return event_of(part_of(told, "data", "item", "id"), what, "intercom") if what else None


HOOK = Hook(
    title="Intercom",
    use="In the Developer Hub, under your app's Webhooks, set this address and subscribe to conversation.admin.closed, "
    "conversation.admin.opened, conversation.admin.replied and ticket.closed; its client secret is asked for here.",
    check=check,
    read=read,
)
