"""Letters to a telephone, by SMS or WhatsApp: handed to the program that also sends our surveys there."""

from __future__ import annotations

from collections.abc import Mapping

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered
from wellheard.actions.message import Message
from wellheard.base.relay import NotRelayed, relay
from wellheard.base.telephone import number_in as number_in

# The letters of an SMS of 7 bits, and those of them that count twice (3GPP TS 23.038, 6.2.1).
SEVEN_BITS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE = frozenset("^{}\\[~]|€")


def short_messages(text: str) -> int:
    """As how many SMS a text is charged: of 160 letters of 7 bits or of 70 others, of fewer where it takes several."""
    if all(letter in SEVEN_BITS or letter in TWICE for letter in text):
        length, one, several = len(text) + sum(letter in TWICE for letter in text), 160, 153
    else:
        length, one, several = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // several)


def said(message: Message) -> str:
    """What a telephone shows: the words, and where more of them can be stopped."""
    parts = (message.text, message.link, message.unsubscribe and f"Stop: {message.unsubscribe}")
    return "\n".join(part for part in parts if part)


def phone_channel(name: str, title: str, setting: str) -> Channel:
    """A channel to telephones, whose program is that of the setting where a connection names no other."""

    def send(attempt: Try) -> Sent:
        message, settings = attempt.message, attempt.settings
        if missing := _lacks(settings):
            raise Undelivered(missing, retry=False, hint=f"set {setting} and webhook_secret, or name both here")
        to = number_in(message.to)
        if not to:
            raise Undelivered("no telephone number was named", retry=False, hint="name an e-mail connection instead")
        data = {"channel": name, "id": message.key, "to": to, "text": said(message), "link": message.link}
        data |= {"leave": message.unsubscribe}
        try:
            id = relay(
                attempt.egress, settings["url"], settings["secret"], message.key, "wellheard.letter", data, attempt.now
            )
        except NotRelayed as error:
            raise Undelivered(error.message, retry=not error.lasting, after=error.after, status=error.status) from None
        return Sent(id)

    return Channel(
        title=title,
        words=f"Hands letters to the program that sends them by {title}, signed as Standard Webhooks asks.",
        kinds=("letter",),
        fields=(
            Field(
                "url",
                f"The program's address; empty for that of the setting {setting}.",
                secret=True,
                required=False,
                url=True,
            ),
            Field("secret", "What signs the calls; empty for the setting webhook_secret.", secret=True, required=False),
        ),
        send=send,
        once="It may be called twice after a timeout, with the same webhook-id, for which the program sends once.",
        reaches="phone",
        lacks=_lacks,
    )


def _lacks(settings: Mapping[str, str]) -> str:
    missing = [name for name in ("url", "secret") if not settings.get(name)]
    return f"neither the connection nor a setting has its {' and '.join(missing)}" if missing else ""
