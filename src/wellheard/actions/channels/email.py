"""E-mail: to colleagues, and to customers as a reply or a letter.

The Message-ID is made from the delivery's key, so that a mail that is sent twice is one mail to most programs. Our
mails say that a machine sent them (RFC 3834), so that no out-of-office note answers them.
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from typing import cast

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered
from wellheard.actions.message import Message, plain
from wellheard.base.errors import BadCall
from wellheard.base.mail import MailFailed, MailServer, Security, send_mail

ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]\\:]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+|[^@\s,;<>\"()\[\]\\:]+@localhost")


def send(attempt: Try) -> Sent:
    """Hands one mail to each of the recipients named."""
    settings, message = attempt.settings, attempt.message
    server = MailServer(
        settings["host"],
        _port(settings.get("port", "587")),
        cast(Security, settings.get("security", "starttls")),
        settings.get("user", ""),
        settings.get("password", ""),
    )
    sender = settings["from"]
    to = message.to or settings.get("to", "")
    if not ADDRESS.fullmatch(to):
        raise Undelivered("no e-mail address was named", retry=False, hint="name one in the rule or the connection")
    mail = written(message, sender, to)
    try:
        send_mail(server, mail, parseaddr(sender)[1], to, allow_internal=attempt.internal)
    except MailFailed as error:
        raise Undelivered(error.message, retry=not error.lasting, status=error.status, hint=error.hint) from None
    return Sent(str(mail["message-id"]))


def written(message: Message, sender: str, to: str) -> EmailMessage:
    """The mail that a message is."""
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((name, address))
    mail["To"] = to
    mail["Subject"] = " ".join(message.title.split())[:200] or "Wellheard"
    mail["Date"] = format_datetime(message.made_at)
    mail["Message-ID"] = f"<{message.key}@{address.rpartition('@')[2]}>"
    if message.kind != "reply":
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    if message.thread:
        mail["In-Reply-To"] = mail["References"] = f"<{message.thread.strip('<>')}>"
    if message.unsubscribe:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(plain(message) + (f"\n\n{message.unsubscribe}" if message.unsubscribe else "") + "\n")
    html = message.data.get("html")
    if isinstance(html, str):
        mail.add_alternative(html, subtype="html")
    return mail


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise BadCall(f"{text!r} is no port", hint="587 is usual", field="port")
    return int(text)


CHANNEL = Channel(
    title="E-mail",
    words="Hands mails to your mail server.",
    kinds=("notice", "reply", "letter"),
    fields=(
        Field("host", "The mail server, such as smtp.example.com.", host=True),
        Field("from", "Who it is from, such as Care <care@example.com>."),
        Field("to", "Who gets it where a rule names nobody.", required=False),
        Field("port", "The mail server's port.", required=False, default="587"),
        Field("security", "starttls, tls or none.", required=False, default="starttls"),
        Field("user", "The user's name there; empty where nobody logs in.", required=False),
        Field("password", "The user's password.", secret=True, required=False),
    ),
    send=send,
    once="It may be sent twice after a timeout, with the same Message-ID, by which mail programs show one.",
    reaches="email",
)
