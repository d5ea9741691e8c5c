"""SMS, by a webhook of whoever sends it."""

from wellheard.surveys.calls import call, lacks
from wellheard.surveys.channel import Channel

CHANNEL = Channel(
    title="SMS",
    words="A short message with the link, sent by the program at sms_webhook.",
    reaches="phone",
    send=call("sms_webhook", "sms"),
    lacks=lacks("sms_webhook"),
    knows_keys=True,
)
