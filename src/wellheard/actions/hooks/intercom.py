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
    "ticket.resolved": SOLVED,
    "ticket.closed": SOLVED,
    "ticket.admin.replied": ANSWERED,
}
STATE, AT_WORK = "ticket.state.updated", ("submitted", "in_progress", "waiting_on_customer")


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
    """A conversation or ticket that was closed, opened again or replied to by a colleague.

    Some topics have the ticket inside of the item. A state is a word, in newer versions an object with a category; it
    alone does not say what it was before.
    """
    topic, item = str(told.get("topic")), part_of(told, "data", "item")
    ticket = part_of(item, "ticket") or item
    id = part_of(ticket, "id")
    if topic == STATE:
        state = part_of(ticket, "ticket_state")
        at_work = (part_of(state, "category") or state) in AT_WORK
        return event_of(id, REOPENED, "intercom", if_solved=True) if at_work else None
    return event_of(id, TOPICS[topic], "intercom") if topic in TOPICS else None


HOOK = Hook(
    title="Intercom",
    use="In the Developer Hub, under your app's Webhooks, set this address and subscribe to admin.closed, "
    "admin.opened and admin.replied of conversations, and to resolved, closed, state.updated and admin.replied "
    "of tickets; the app's client secret is asked for here.",
    check=check,
    read=read,
)
