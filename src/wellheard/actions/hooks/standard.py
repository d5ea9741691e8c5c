"""Any program that signs as the Standard Webhooks specification (version 1.0.0) asks."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from wellheard.actions.hook import Call, Event, Hook, template_event, unproven
from wellheard.base.errors import Refused
from wellheard.base.signatures import PREFIX, check_signature


def check(call: Call) -> str:
    """The message's id, which is signed."""
    try:
        return check_signature(call.secrets, call.headers, call.body, call.now)
    except Refused:
        raise unproven() from None


def read(told: Mapping[str, Any]) -> Event | None:
    """`type` is ticket.solved, ticket.reopened or ticket.answered; `data` has ticket, system, and text if any."""
    kind, _, what = str(told.get("type") or "").partition(".")
    data = told.get("data")
    if kind != "ticket" or not isinstance(data, Mapping):
        return None
    return template_event({**data, "what": what}, str(data.get("system") or "").lower())


def draw() -> str:
    """A secret of 256 bits, as the specification writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


HOOK = Hook(
    title="Standard Webhooks",
    use='POST JSON such as {"type": "ticket.solved", "data": {"ticket": "4711", "system": "zendesk"}} to this address, '
    "signed with this secret; type may be ticket.solved, ticket.reopened or ticket.answered, then with data.text.",
    check=check,
    read=read,
    draws=draw,
)
