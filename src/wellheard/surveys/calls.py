"""Channels that send through another program: one call for each letter, signed as Standard Webhooks asks.

The call has the letter's key as its `webhook-id`. Whoever takes it is to send once for each id: after a broken line the
same call comes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from wellheard.base.answer import EgressRefused
from wellheard.base.errors import WellheardError
from wellheard.base.settings import Settings
from wellheard.base.signatures import signed_headers
from wellheard.surveys.channel import Letter, Means, NotSent

TIRED = (408, 409, 425, 429)  # answers below 500 after which another try may succeed
LONGEST_ANSWER = 64_000


def lacks(setting: str) -> Callable[[Settings], str]:
    """What is missing where the address that is called, or the secret, is not set."""

    def missing(settings: Settings) -> str:
        names = (setting, "webhook_secret")
        return " and ".join(name for name in names if not getattr(settings, name).get_secret_value())

    return missing


def call(setting: str, channel: str) -> Callable[[Letter, Means], str]:
    """The sending by the address in a setting."""

    def send(letter: Letter, means: Means) -> str:
        address = getattr(means.settings, setting).get_secret_value()
        body = json.dumps(
            {
                "type": f"survey.{letter.kind}",
                "timestamp": means.now().isoformat(),
                "data": {
                    "channel": channel, "id": letter.key, "to": letter.to, "survey": letter.survey_id,
                    "language": letter.language, "text": letter.short, "link": letter.link, "leave": letter.leave,
                    "test": letter.test,
                },
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip
        secret = means.settings.webhook_secret.get_secret_value()
        headers = signed_headers([secret], letter.key, body, means.now().timestamp())
        headers["content-type"] = "application/json"
        try:
            answer = means.egress.post(address, content=body, headers=headers, max_bytes=LONGEST_ANSWER)
        except EgressRefused as error:
            raise NotSent(error.message, lasting=True) from None
        except WellheardError as error:
            raise NotSent(error.message, lasting=False) from None
        if answer.status >= 300:
            lasting = answer.status < 500 and answer.status not in TIRED
            raise NotSent(f"the {channel} webhook answers {answer.status}", lasting=lasting)
        return _reference(answer.content)

    return send


def _reference(body: bytes) -> str:
    """What the other side calls the message, where it says so."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    id = told.get("id") if isinstance(told, dict) else None
    return id[:200] if isinstance(id, str) else ""
