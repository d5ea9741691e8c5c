"""A mail server on this machine that keeps what it is given, and can refuse, put off or break off."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Sink:
    """What arrived, in order; `says` answers for an address, such as `550 no such user`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.says: dict[str, str] = {}
        self.port = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from)
        return "250 OK"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that send mail here."""
        return {
            "mail_host": "127.0.0.1",
            "mail_port": self.port,
            "mail_security": "none",
            "mail_from": "Larkfield <surveys@larkfield.example>",
        }


@contextmanager
def mail_sink() -> Iterator[Sink]:
    """A sink on a free port, until the block ends."""
    sink = Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sink.port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def text_of(mail: EmailMessage, kind: str) -> str:
    """The part of a mail in `plain` or `html`."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
