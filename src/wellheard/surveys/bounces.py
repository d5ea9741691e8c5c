"""Reads what comes back: delivery reports of mail servers (RFC 3464), and what providers tell by webhook."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, Message
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from wellheard.base.errors import BadInput
from wellheard.store.returned import Returned

KEY_HEADER = "x-wellheard-invitation"
ACTIONS = {"failed": "bounced", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered"}
Words = Annotated[str, StringConstraints(max_length=500)]


class Told(BaseModel):
    """What happened to one letter: `id` is its key or what the provider called it, else `address` says whose it was."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Words = ""
    address: Words = ""
    lasting: bool = True
    reason: Words = ""


class Event(BaseModel):
    """One message of a provider's webhook."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal["bounced", "delivered", "seen", "complained", "unsubscribed"]
    data: Told


class Events(BaseModel):
    """Several at once."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    events: tuple[Event, ...] = Field(max_length=1_000)


def read_events(body: bytes) -> list[Returned]:
    """What a webhook's body says: one event, or an object with a list `events`. Raises BadInput."""
    try:
        found = (Event.model_validate_json(body),)
    except ValidationError as single:
        try:
            found = Events.model_validate_json(body).events  # type: ignore[assignment]
        except ValidationError:
            first = single.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise BadInput(
                f"{where}: {first['msg']}", hint='send {"type": "bounced", "data": {"id": …}}', field=where
            ) from None
    return [Returned(e.type, e.data.id, e.data.address, e.data.lasting, e.data.reason) for e in found]


def read_report(raw: bytes) -> list[Returned]:
    """What a delivery report says of each recipient. Raises BadInput for a mail that is none.

    The letter's key stands in the headers of the mail that came back, where the server returned them.
    """
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    reports = [part for part in mail.walk() if part.get_content_type() == "message/delivery-status"]
    if not reports:
        raise BadInput("this mail is no delivery report", hint="give one of the type multipart/report (RFC 3464)")
    key = next(_keys(mail), "")
    return [found for report in reports for block in _blocks(report) if (found := _returned(block, key)) is not None]


def _blocks(report: Message) -> Iterator[Message]:
    """The fields about each recipient; the first block is about the mail as a whole."""
    payload = report.get_payload()
    for block in payload if isinstance(payload, list) else []:
        if isinstance(block, Message) and block.get("final-recipient"):
            yield block


def _returned(block: Message, key: str) -> Returned | None:
    kind = ACTIONS.get(str(block.get("action", "")).strip().lower())
    if kind is None or kind == "delayed":  # a server that still tries will tell how it ended
        return None
    _, _, address = str(block["final-recipient"]).partition(";")
    status = str(block.get("status", "")).strip()
    words = str(block.get("diagnostic-code", "")).partition(";")[2].strip()
    return Returned(kind, key, address.strip().strip("<>"), not status.startswith("4"), f"{status} {words}".strip())


def _keys(mail: EmailMessage) -> Iterator[str]:
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            text = part.get_content() if isinstance(part, EmailMessage) else str(part.get_payload())
            part = email.message_from_string(str(text), policy=email.policy.default)
        if part is not mail and part.get(KEY_HEADER):
            yield str(part[KEY_HEADER]).strip()
