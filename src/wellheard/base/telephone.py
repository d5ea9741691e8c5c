"""Telephone numbers as people write them, and as programs dial them and compare them."""

from __future__ import annotations

import re

NUMBER = re.compile(r"\+?[0-9]{5,15}")


def number_in(text: str | None) -> str:
    """A telephone number without what people write between its digits; empty where it is none."""
    digits = re.sub(r"[\s()./\-]", "", text or "")
    return digits if NUMBER.fullmatch(digits) else ""
