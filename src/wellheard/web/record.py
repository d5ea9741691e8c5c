"""Writes down what went wrong on our side: where and what, without the values that the code held."""

from __future__ import annotations

import structlog

from wellheard.base.redaction import trace_of

_log = structlog.get_logger("wellheard.web")


def record(words: str, error: BaseException) -> None:
    """One entry of the log; the rows and answers that were being worked on are personal and stay out of it."""
    _log.error(words, error=type(error).__name__, trace=trace_of(error))
