"""WhatsApp, by a webhook of whoever sends it."""

from wellheard.surveys.calls import call, lacks
from wellheard.surveys.channel import Channel

CHANNEL = Channel(
    title="WhatsApp",
    words="A message with the link, sent by the program at whatsapp_webhook.",
    reaches="phone",
    send=call("whatsapp_webhook", "whatsapp"),
    lacks=lacks("whatsapp_webhook"),
    knows_keys=True,
)
