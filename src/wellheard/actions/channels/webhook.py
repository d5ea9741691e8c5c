"""Any program: a POST of JSON, signed as Standard Webhooks asks.

Source of the format: the Standard Webhooks specification (headers webhook-id, webhook-timestamp, webhook-signature;
signature v1 is the base64 of HMAC-SHA-256 over `id.timestamp.body`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json

from wellheard.actions.channel import Channel, Field, Sent, Try, taken
from wellheard.base.errors import BadCall


def send(attempt: Try) -> Sent:
    """One call; any 2xx is taken as received."""
    message, settings = attempt.message, attempt.settings
    body = json.dumps(
        {
            "type": f"wellheard.{message.kind}",
            "timestamp": message.made_at.isoformat(),
            "data": {
                **message.data,
                "title": message.title,
                "text": message.text,
                "facts": dict(message.facts),
                "link": message.link,
                "customer": dict(message.customer),
            },
        },
        ensure_ascii=False,
    ).encode()
    stamp = str(int(attempt.now.timestamp()))
    keys = [settings[name] for name in ("secret", "next_secret") if settings.get(name)]
    headers = {
        "content-type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature(key, message.key, stamp, body) for key in keys),
    }
    taken(attempt.egress.post(settings["url"], headers=headers, content=body), attempt.now)
    return Sent()


def signature(secret: str, key: str, stamp: str, body: bytes) -> str:
    """The `v1,…` part that one secret gives. Raises BadCall for a secret that is no base64."""
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise BadCall("the secret is not base64", hint="write whsec_ and 24 to 64 bytes as base64") from None
    made = hmac.digest(raw, b".".join((key.encode(), stamp.encode(), body)), "sha256")
    return f"v1,{base64.b64encode(made).decode()}"


CHANNEL = Channel(
    title="Webhook",
    words="Sends JSON to any address, signed as Standard Webhooks asks.",
    kinds=("notice", "event", "ticket"),
    fields=(
        Field("url", "The address that takes the calls.", secret=True, url=True),
        Field("secret", "The secret that signs: whsec_ and base64.", secret=True),
        Field(
            "next_secret",
            "A second secret that signs as well, while receivers change over.",
            secret=True,
            required=False,
        ),
    ),
    send=send,
    once="It may arrive twice after a timeout, with the same webhook-id, by which the receiver tells.",
)
