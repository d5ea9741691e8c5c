"""Channels that send through another program, whose address is a setting."""

from __future__ import annotations

from collections.abc import Callable

from wellheard.base.relay import NotRelayed, relay
from wellheard.base.settings import Settings
from wellheard.surveys.channel import Letter, Means, NotSent


def lacks(setting: str) -> Callable[[Settings], str]:
    """What is missing where the address that is called, or the secret, is not set."""

    def missing(settings: Settings) -> str:
        names = (setting, "webhook_secret")
        return " and ".join(name for name in names if not getattr(settings, name).get_secret_value())

    return missing


def call(setting: str, channel: str) -> Callable[[Letter, Means], str]:
    """The sending by the address in a setting."""

    def send(letter: Letter, means: Means) -> str:
        address = getattr(means.settings, setting).get_secret_value()
        secret = means.settings.webhook_secret.get_secret_value()
        data = {
            "channel": channel, "id": letter.key, "to": letter.to, "survey": letter.survey_id,
            "language": letter.language, "text": letter.short, "link": letter.link, "leave": letter.leave,
            "test": letter.test,
        }  # fmt: skip
        try:
            return relay(means.egress, address, secret, letter.key, f"survey.{letter.kind}", data, means.now())
        except NotRelayed as error:
            raise NotSent(error.message, lasting=error.lasting) from None

    return send
