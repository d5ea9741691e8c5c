"""Signatures of webhooks, as the Standard Webhooks specification writes them (standardwebhooks.com, version 1.0.0).

A message has an id, by which its receiver knows a repetition, a moment in seconds since 1970, and one signature for
each secret: HMAC-SHA-256 of `id.moment.body`, in base64 behind `v1,`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence

from wellheard.base.errors import Refused

ID, MOMENT, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300  # seconds that a message may be old or early
PREFIX = "whsec_"


def signed_headers(secrets: Sequence[str], id: str, body: bytes, now: float) -> dict[str, str]:
    """The headers of a message, signed with each secret."""
    moment = str(int(now))
    marks = [f"v1,{_mark(secret, id, moment, body)}" for secret in secrets]
    return {ID: id, MOMENT: moment, SIGNATURE: " ".join(marks)}


def check_signature(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of a message that was signed with one of the secrets just now. Raises Refused for any other."""
    id, moment = headers.get(ID, ""), headers.get(MOMENT, "")
    given = [part[3:] for part in headers.get(SIGNATURE, "").split(" ") if part.startswith("v1,")]
    timely = moment.isdecimal() and len(moment) < 13 and abs(int(moment) - now) <= TOLERANCE
    wanted = [_mark(secret, id, moment, body) for secret in secrets if secret]
    fits = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in wanted]
    if not (id and timely and any(fits)):
        raise Refused("the message is not signed as agreed", hint="sign it with webhook_secret, by Standard Webhooks")
    return id


def _mark(secret: str, id: str, moment: str, body: bytes) -> str:
    signed = b".".join((id.encode(), moment.encode(), body))
    return base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def _key(secret: str) -> bytes:
    """The bytes of a secret: those behind `whsec_` in base64, else the text itself."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            return secret.encode()
    return secret.encode()
