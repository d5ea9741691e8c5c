"""Hands mails to a mail server (SMTP, RFC 5321), under the guard of every call: no internal address unless allowed.

A name is resolved once, every address of the answer must be public, and the connection goes to an address that was
checked. What a server refuses for good (5xx) is told apart from what may be taken later (4xx, and a dead line).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any, Literal

from wellheard.base.addresses import is_public, literal, plain_host
from wellheard.base.answer import EgressRefused
from wellheard.base.errors import WellheardError

Resolver = Callable[[str, int], Sequence[str]]
Security = Literal["starttls", "tls", "none"]


class MailFailed(WellheardError):
    """A mail that was not taken. `lasting` says that no further try will change that.

    `unsure` says that the server had the whole mail when the line broke, so that it may have taken it.
    """

    code = "mail_failed"
    http_status = 502

    def __init__(
        self, message: str, *, lasting: bool, status: int | None = None, hint: str = "", unsure: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.lasting, self.status, self.unsure = lasting, status, unsure


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed in. Without a user nobody logs in."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0


def send_mail(
    server: MailServer,
    mail: EmailMessage,
    sender: str,
    recipient: str,
    *,
    allow_internal: frozenset[str] = frozenset(),
    resolver: Resolver | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Hands one mail over; `sender` is where bounces go. Raises EgressRefused and MailFailed."""
    host = checked_host(server.host, allow_internal)
    line: _Line | None = None
    try:
        address = _address(host, server.port, allow_internal, resolver or _resolve)
        with _Line(server, host, address, trust or ssl.create_default_context()) as line:
            line.send_message(mail, sender, [recipient])
            line.taken = True
    except smtplib.SMTPResponseException as error:
        if line is not None and line.taken:
            return  # what goes wrong in saying good-bye does not undo it
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise MailFailed(
            f"the mail server answered {error.smtp_code}: {' '.join(str(said).split())[:200]}",
            lasting=error.smtp_code >= 500,
            status=error.smtp_code,
            hint="look at the user and password" if error.smtp_code in (530, 534, 535) else "",
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        message = f"the mail server does not take the recipient: {code}"
        raise MailFailed(message, lasting=code >= 500, status=code) from None
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        if line is not None and line.taken:
            return
        lasting = isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError)
        raise MailFailed(
            f"the mail server could not be reached: {type(error).__name__}",
            lasting=lasting,
            hint="look at its host, port and security",
            unsure=line is not None and line.handed_over,
        ) from None


def greet(
    server: MailServer, *, allow_internal: frozenset[str] = frozenset(), resolver: Resolver | None = None
) -> None:
    """Connects and logs in as for a mail, and sends none. Raises EgressRefused and MailFailed."""
    host = checked_host(server.host, allow_internal)
    try:
        address = _address(host, server.port, allow_internal, resolver or _resolve)
        _Line(server, host, address, ssl.create_default_context()).close()
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
        hint = "look at the user and password" if code in (530, 534, 535) else "look at its host, port and security"
        words = f"it answered {code}" if code else type(error).__name__
        raise MailFailed(
            f"the mail server does not let us in: {words}", lasting=False, status=code, hint=hint
        ) from None


def checked_host(host: str, allow_internal: frozenset[str] = frozenset()) -> str:
    """The host as it is called. Raises EgressRefused for what its spelling alone rules out; for forms."""
    plain = plain_host(host)
    if plain is None:
        raise EgressRefused(
            "the mail server has no proper name", hint="Give a name, or four decimal numbers with dots."
        )
    spelled = literal(plain)
    if spelled is not None and not is_public(spelled) and plain not in allow_internal:
        raise _internal(plain)
    return plain


class _Line(smtplib.SMTP):
    """A connection to an address that was checked, under the name by which the server was given."""

    def __init__(self, server: MailServer, host: str, address: str, trust: ssl.SSLContext) -> None:
        self._address, self._trust = address, trust
        self._whole = server.security == "tls"
        self.handed_over = self.taken = False
        super().__init__(host, server.port, timeout=server.timeout)
        try:
            if server.security == "starttls":
                self.starttls(context=trust)
            if server.user:
                self.login(server.user, server.password)
        except BaseException:
            self.close()
            raise

    def send(self, s: Any) -> None:
        """Notes when the last dot is on its way, from which on the server may have taken the mail."""
        self.handed_over |= isinstance(s, bytes) and s.endswith(b"\r\n.\r\n")
        super().send(s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = socket.create_connection((self._address, port), timeout)
        return self._trust.wrap_socket(line, server_hostname=host) if self._whole else line


def _address(host: str, port: int, allowed: frozenset[str], resolver: Resolver) -> str:
    spelled = literal(host)
    answers = [str(spelled)] if spelled else list(resolver(host, port))
    if not answers:
        raise OSError("the name has no address")
    if host not in allowed and not all(is_public(ip_address(a)) for a in answers):
        raise _internal(host)
    return answers[0]


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _internal(host: str) -> EgressRefused:
    return EgressRefused(
        f"{host} leads into an internal network",
        hint="Give a public address; an operator can allow this host in the setting internal_hosts.",
    )
