"""E-mail: text and HTML, with one-click scores that open a page to confirm, and one-click leaving (RFC 8058).

The Message-ID and a header of ours hold the letter's key, so that what comes back can be told to belong to it.
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr

from wellheard.base.answer import EgressRefused
from wellheard.base.mail import MailFailed, MailServer, send_mail
from wellheard.base.settings import Settings
from wellheard.surveys.channel import Channel, Letter, Means, NotSent

KEY_HEADER = "X-Wellheard-Invitation"
ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]\\:]{1,64}@[^@\s,;<>\"()\[\]\\:]{1,255}")
NOBODY = (550, 551, 553, 554)  # what a server says of an address that it does not have


def send(letter: Letter, means: Means) -> str:
    """Hands the mail to the mail server; gives its Message-ID."""
    settings = means.settings
    server = MailServer(
        settings.mail_host,
        settings.mail_port,
        settings.mail_security,
        settings.mail_user,
        settings.mail_password.get_secret_value(),
    )
    returns = settings.mail_bounces or parseaddr(settings.mail_from)[1]
    if not ADDRESS.fullmatch(letter.to):
        raise NotSent("this is no e-mail address", lasting=True, bounced=True)
    try:
        mail = written(letter, settings, means)
        send_mail(server, mail, returns, letter.to, allow_internal=means.internal)
    except EgressRefused as error:
        raise NotSent(error.message, lasting=False) from None  # a setting is wrong, and can be mended
    except MailFailed as error:
        bounced = error.lasting and error.status in NOBODY
        raise NotSent(error.message, lasting=bounced, unsure=error.unsure, bounced=bounced) from None
    except (UnicodeError, ValueError) as error:
        raise NotSent(f"the address cannot be written to: {type(error).__name__}", lasting=True, bounced=True) from None
    return str(mail["Message-ID"]).strip("<>")


def written(letter: Letter, settings: Settings, means: Means) -> EmailMessage:
    """The mail that a letter is."""
    name, address = parseaddr(settings.mail_from)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((name, address))
    mail["To"] = letter.to
    mail["Subject"] = " ".join(letter.subject.split())[:200]
    mail["Date"] = format_datetime(means.now())
    mail["Message-ID"] = f"<{letter.key}@{address.rpartition('@')[2]}>"
    mail[KEY_HEADER] = letter.key
    mail["List-Unsubscribe"] = f"<{letter.leave}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note answers it
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    mail["Content-Language"] = letter.language  # now, or it would move to the first part
    return mail


def _lacks(settings: Settings) -> str:
    missing = [name for name in ("mail_host", "mail_from") if not getattr(settings, name)]
    if settings.mail_from and "@" not in parseaddr(settings.mail_from)[1]:
        missing.append("an address in mail_from")
    return " and ".join(missing)


CHANNEL = Channel(
    title="E-mail",
    words="A mail with the first question, whose scores open the page on which they are confirmed.",
    reaches="email",
    send=send,
    lacks=_lacks,
)
