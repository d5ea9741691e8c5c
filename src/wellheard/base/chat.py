"""Asks an outside language model, where a deployment has set one: by the chat-completions form of HTTP call.

What it gives is text and nothing else: no tools are offered to it, and none that it names are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import structlog

from wellheard.base.egress import Egress, EgressFailed, EgressRefused

MOST_BYTES = 1_000_000  # of an answer
_log = structlog.get_logger("wellheard.chat")


@dataclass(frozen=True)
class Chat:
    """The outside model. `address` is that of its chat completions, `model` its name there."""

    address: str
    model: str
    key: str = field(repr=False)
    egress: Egress

    def ask(self, told: str, about: str, *, as_json: bool = False, timeout: float | None = None) -> str | None:
        """What it says to `about` when told what to do; None where it gave no fit answer. Raises nothing.

        Both leave as they are: whoever asks has masked them. `timeout` is in seconds.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": 0,
            "messages": [{"role": "system", "content": told}, {"role": "user", "content": about}],
        }
        if as_json:
            body["response_format"] = {"type": "json_object"}
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            answer = self.egress.post(self.address, json=body, headers=headers, timeout=timeout, max_bytes=MOST_BYTES)
            said = answer.json()["choices"][0]["message"]["content"] if answer.ok else None
        except (EgressFailed, EgressRefused, KeyError, IndexError, TypeError, RecursionError) as error:
            _log.warning("the outside model gave no answer", error=type(error).__name__)
            return None
        if not isinstance(said, str):
            _log.warning("the outside model answered in another shape", status=answer.status)
            return None
        return said
