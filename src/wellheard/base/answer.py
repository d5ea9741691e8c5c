"""What comes back from a call to another system, and what can go wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from wellheard.base.errors import Refused, WellheardError
from wellheard.base.redaction import redact


class EgressRefused(Refused):
    """The target of a call is not allowed."""

    code = "egress_refused"


class EgressFailed(WellheardError):
    """The other system could not be reached, or did not answer as HTTP asks."""

    code = "egress_failed"
    http_status = 502


class EgressTimeout(EgressFailed):
    """The exchange took longer than allowed."""

    code = "egress_timeout"
    http_status = 504


class EgressTooLarge(EgressFailed):
    """The answer is larger than allowed."""

    code = "egress_too_large"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the whole body, and the URL that gave it."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8; bytes that are none become a replacement character."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises EgressFailed where it is none."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise EgressFailed(
                f"{origin(self.url)} answered {self.status} with something that is not JSON",
                hint="Look at the address: it may be a page for people instead of an interface for programs.",
            ) from error

    def check(self) -> Self:
        """Itself when the status is 2xx. Raises EgressFailed with the status otherwise."""
        if self.ok:
            return self
        raise EgressFailed(
            f"{origin(self.url)} answered {self.status}: {redact(self.text[:200])}",
            hint=_advice(self.status),
        )


def origin(url: str) -> str:
    """Scheme, host and port of a URL: as much of it as may be shown, since a path can be a secret too."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _advice(status: int) -> str:
    if status in {401, 403}:
        return "Look at the token or password, and at what it may do."
    if status == 404:
        return "Look at the address."
    if status == 429:
        return "Call less often; it will take calls again later."
    return "Try again later." if status >= 500 else "Look at what was sent."


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as a number or as a date (RFC 9110, 10.2.3)."""
    text = header.strip()
    if text.isdecimal() and len(text) < 7:
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0) if text else None
    except (ValueError, TypeError):
        return None
