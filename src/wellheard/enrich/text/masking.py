"""Personal data out of customers' texts, before they are read, kept or sent anywhere."""

from __future__ import annotations

import re

# The order matters: a bank account is not a telephone number. A date is none either.
_MASKS = (
    (re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+"), "[mail]"),
    (re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), "[account]"),
    (re.compile(r"(?<!\w)@\w+"), "[user]"),
    (re.compile(r"(?<![\w.,])(?!\d{4}-\d\d-\d\d)(?:\+|00|\()?\d(?:[ ()/.-]{0,2}\d){6,}(?![\w])"), "[number]"),
)
MARKS = ("[mail]", "[link]", "[account]", "[user]", "[number]")


def mask(text: str) -> str:
    """The text with mail addresses, links, bank accounts, user names and numbers of seven digits or more hidden.

    Names of people stay: they are not known without knowing the people.
    """
    for pattern, mark in _MASKS:
        text = pattern.sub(mark, text)
    return text
