"""Ids and tokens nobody can guess. A token opens something, so only its hash is kept; an id merely names a row."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

BITS = 128


def new_id() -> str:
    """A random name of 128 bits, in 32 hexadecimal digits."""
    return secrets.token_hex(BITS // 8)


def new_ordered_id(now: datetime) -> str:
    """A name of 128 random bits behind the millisecond, in 44 digits: in an index, new ones stand side by side.

    Names without an order would each touch a page of their own, and a commit of many would write them all.
    """
    return f"{int(now.timestamp() * 1000):012x}{new_id()}"


def new_token() -> str:
    """A random secret of 128 bits, in 22 letters, digits, - and _."""
    return secrets.token_urlsafe(BITS // 8)


def hashed(token: str) -> str:
    """The SHA-256 of a token, as it is kept. One round is enough for 128 random bits, which no list can hold."""
    return hashlib.sha256(token.encode()).hexdigest()
