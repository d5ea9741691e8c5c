"""Statements of who answers, signed with the site's secret, so that nobody can answer in another's name.

A statement is `payload.signature`, both base64url without padding: the payload is JSON with any of `customer_id`,
`account_id`, `conversation_id`, `order_id`, `agent_id` and perhaps `until`, in seconds since 1970; the signature is
HMAC-SHA-256 (RFC 2104) of the payload as it is written. Whoever knows the secret, such as the site's own server, makes
one in three lines of any language.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

NAMES = ("customer_id", "account_id", "conversation_id", "order_id", "agent_id")
LONGEST = 200  # characters of an id
LEAST_SECRET = 16  # characters below which a secret could be found by trying


def signed(secret: str, about: Mapping[str, str | int]) -> str:
    """A statement for links and pages."""
    payload = _text(json.dumps(dict(about), separators=(",", ":"), sort_keys=True).encode())
    return f"{payload}.{_text(_signature(secret, payload))}"


def identity_of(secret: str, statement: str, now: datetime) -> dict[str, str | None]:
    """Who a statement says answers; nothing where it is not signed with the secret, too old or not to be read.

    An answer with a wrong statement still counts, as that of somebody unknown.
    """
    payload, dot, signature = statement.partition(".")
    given = _bytes(signature)
    if len(secret) < LEAST_SECRET or not dot or given is None:
        return {}
    if not hmac.compare_digest(given, _signature(secret, payload)):
        return {}
    told = _told(payload)
    until = told.get("until")
    if until is not None and not (isinstance(until, int | float) and now.timestamp() < until):
        return {}
    return {n: told[n] for n in NAMES if isinstance(told.get(n), str) and 0 < len(told[n]) <= LONGEST}


def _signature(secret: str, payload: str) -> bytes:
    return hmac.digest(secret.encode(), payload.encode(), "sha256")


def _told(payload: str) -> dict[str, str]:
    try:
        told = json.loads(_bytes(payload) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
