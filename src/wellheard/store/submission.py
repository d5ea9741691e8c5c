"""What the inbox takes and gives back: a filled-in questionnaire, already checked, and what became of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from pydantic_core import to_json

from wellheard.base.errors import BadCall
from wellheard.store.tokens import hashed, new_token

ABOUT = ("customer_id", "account_id", "conversation_id", "order_id", "agent_id", "channel", "touchpoint", "language")
# What an anonymous answer keeps: nothing that names somebody.
UNNAMED = ("channel", "touchpoint", "language")
GONE = "gone"  # marks a row that an answer had before it was changed or deleted
SPAM, TOO_FAST, DOUBLE = "spam", "too_fast", "double"


class OtherBody(BadCall):
    """The key of an earlier answer came again with another answer."""

    code = "other_body"


@dataclass(frozen=True)
class Submission:
    """A filled-in questionnaire that its survey takes. `rows` are the answers, by the columns of `survey_responses`.

    `key` is a secret that the sender made up and sends again when it tries again; `token` opens an invitation; `edit`
    is what an earlier acknowledgement gave, by which that answer is replaced (in an anonymous survey: the receipt).
    `held_back` is how long a device without a network kept it: that moves the answer, but no limit of time.
    """

    workspace: str
    survey_key: str
    version: int
    rows: Sequence[Mapping[str, Any]]
    complete: bool
    arrived_at: datetime
    held_back: timedelta = timedelta()
    anonymous: bool = False
    test: bool = False
    key: str | None = None
    token: str | None = None
    edit: str | None = None
    flag: str | None = None
    edit_minutes: int = 0
    about: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def answered_at(self) -> datetime:
        """When the person answered, as far as is known."""
        return self.arrived_at - self.held_back

    @property
    def secret(self) -> str | None:
        """By what its sender can be known again: the key, else the invitation's token."""
        return self.key or self.token

    @cached_property
    def secret_hash(self) -> str | None:
        """The secret as it is kept."""
        return hashed(self.secret) if self.secret else None

    @cached_property
    def body_hash(self) -> str:
        """What two submissions share that say the same."""
        return hashlib.sha256(f"{self.version} {self.complete} {self.given}".encode()).hexdigest()

    @cached_property
    def given(self) -> str:
        """The rows as they are kept."""
        return _written(self.rows)


@dataclass(frozen=True)
class Kept:
    """What became of a submission: `stored`, `changed` an earlier one, or only `repeated` it.

    `edit` lets the sender change the answer until `edit_until`; in an anonymous survey it is the receipt, which lets
    the person delete it as well. It is None where an answer came again by another way than the first time.
    """

    submission_id: str
    state: Literal["stored", "changed", "repeated"]
    edit: str | None
    edit_until: datetime
    flag: str | None = None


def replaced(earlier: str, new: Submission) -> str:
    """The rows of a changed answer as they are kept: with a mark for each question that is answered no more.

    The lake knows a row by its question, and must be told which of them to forget.
    """
    stays = {row["question_id"] for row in new.rows}
    gone = [_gone(row) for row in json.loads(earlier) if row["question_id"] not in stays]
    return _written([*new.rows, *gone])


def emptied(given: str) -> str:
    """The rows of a deleted answer as they are kept: nothing but the marks of what the lake has to forget."""
    return _written([_gone(row) for row in json.loads(given)])


def said_before(given: str) -> str:
    """The rows without the marks, to compare with a submission's."""
    return _written([row for row in json.loads(given) if not row.get(GONE)])


def _gone(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"question_id": row["question_id"], "kind": row["kind"], GONE: True}


def _written(rows: Sequence[Mapping[str, Any]]) -> str:
    return to_json(rows).decode()


def edit_token(submission_id: str, secret: str | None) -> str:
    """What changes an answer: its id, by which it is found, and a secret of 128 bits, of which only the hash is kept.

    The secret is made from the sender's own (HMAC-SHA-256, RFC 2104, cut to 128 bits), so that a repeated call gets it
    again; where the sender has none, it is drawn.
    """
    if secret is None:
        return f"{submission_id}-{new_token()}"
    made = hmac.digest(secret.encode(), submission_id.encode(), "sha256")[:16]
    return f"{submission_id}-{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def edited(token: str) -> str:
    """The id of the answer that an edit token is for."""
    return token.partition("-")[0]


def hour(moment: datetime) -> datetime:
    """The hour in which a moment lies, by its beginning."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
