"""Messages that another program sends for us, such as SMS: one call each, signed as Standard Webhooks asks.

The call has the message's key as its `webhook-id`. Whoever takes it is to send once for each id: after a broken line
the same call comes again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wellheard.base.answer import EgressRefused, retry_after
from wellheard.base.egress import Egress
from wellheard.base.errors import WellheardError
from wellheard.base.signatures import signed_headers

TIRED = (408, 409, 425, 429)  # answers below 500 after which another try may succeed
LONGEST_ANSWER = 64_000


class NotRelayed(WellheardError):
    """A message that the other program did not take; with `lasting` no other try helps, else after so many seconds."""

    code = "not_relayed"
    http_status = 502

    def __init__(self, message: str, *, lasting: bool, status: int | None = None, after: float | None = None) -> None:
        super().__init__(message)
        self.lasting, self.status, self.after = lasting, status, after


def relay(
    egress: Egress, address: str, secret: str, key: str, kind: str, data: Mapping[str, Any], now: datetime
) -> str:
    """Hands over one message; gives what the other side calls it, where it says so. Raises NotRelayed.

    `data` has at least `channel, id, to, text`: by which way it is to go, its key, the number, and the words.
    """
    told = {"type": kind, "timestamp": now.isoformat(), "data": dict(data)}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = signed_headers([secret], key, body, now.timestamp()) | {"content-type": "application/json"}
    try:
        answer = egress.post(address, content=body, headers=headers, max_bytes=LONGEST_ANSWER)
    except EgressRefused as error:
        raise NotRelayed(error.message, lasting=True) from None
    except WellheardError as error:
        raise NotRelayed(error.message, lasting=False) from None
    if answer.status >= 300:
        lasting = answer.status < 500 and answer.status not in TIRED
        words = f"the {data['channel']} webhook answers {answer.status}"
        after = retry_after(answer.headers.get("retry-after", ""), now)
        raise NotRelayed(words, lasting=lasting, status=answer.status, after=after)
    return _reference(answer.content)


def _reference(body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    id = told.get("id") if isinstance(told, dict) else None
    return id[:200] if isinstance(id, str) else ""
