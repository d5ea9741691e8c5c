"""Who answered, by what an export tells of them."""

from __future__ import annotations

import hashlib

from wellheard.sources.exports.sheet import Row


def person_of(row: Row, references: tuple[str, ...], addresses: tuple[str, ...] = ()) -> str | None:
    """The key of a respondent: a reference as it stands, else a mark of the address, else nothing.

    A key stands in rows that keep no personal data, so an address is never a key itself.
    """
    for name in references:
        if reference := (row.get(name) or "").strip():
            return reference
    for name in addresses:
        address = (row.get(name) or "").strip().casefold()
        if "@" in address:
            return "e-" + mark_of(address)
    return None


def mark_of(text: str) -> str:
    """Twenty letters and digits that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def full_name(row: Row, *names: str) -> str | None:
    """The parts of a name that are given, in order."""
    return " ".join(part for name in names if (part := (row.get(name) or "").strip())) or None
