"""Conditions: the filters that rules, broadcasts and appointments are given, in the one language of filters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from wellheard.base.errors import BadCall
from wellheard.metrics.where import parse


def _readable(text: str) -> str:
    if text.strip():
        try:
            parse(text)
        except BadCall as error:
            raise ValueError(error.message) from None
    return text


Condition = Annotated[str, AfterValidator(_readable)]  # a filter that can be read; empty says nothing


def both(*conditions: str) -> str:
    """The filter that all of these together are; empty ones say nothing."""
    said = [f"({c})" for c in conditions if c.strip()]
    return " and ".join(said)


def quoted(text: str) -> str:
    """A text as a literal of a filter."""
    return "'" + text.replace("'", "''") + "'"
