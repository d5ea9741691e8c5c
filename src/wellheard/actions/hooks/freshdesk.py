"""Freshdesk: what an automation was told to send. It signs nothing, so a secret in a header is all the proof there is.

Whoever reads one call on its way can send another, which is why the address must be https. There is no id either: the
same body within an hour is the same event, which covers Freshdesk's own second tries for so long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from wellheard.actions.hook import Call, Event, Hook, equals_any, template_event, unproven
from wellheard.store.tokens import new_token

SECRET = "x-wellheard-secret"
HOUR = 3_600


def check(call: Call) -> str:
    """The body's hash, with the hour."""
    if not equals_any(call.headers.get(SECRET, ""), call.secrets):
        raise unproven()
    return f"{hashlib.sha256(call.body).hexdigest()}:{int(call.now // HOUR)}"


def read(told: Mapping[str, Any]) -> Event | None:
    """What the automation says: `ticket`, `what`, and `text` if there is one."""
    return template_event(told, "freshdesk")


HOOK = Hook(
    title="Freshdesk",
    use="Under Workflows, Automations, Ticket updates, make one rule each for solved, reopened and answered, with the "
    "action Trigger webhook: POST, this address, the custom header X-Wellheard-Secret with this secret, JSON, content "
    '{"ticket": "{{ticket.id}}", "what": "solved"}. Freshdesk signs nothing: keep the secret as you keep a password.',
    check=check,
    read=read,
    draws=new_token,
    signed=False,
)
