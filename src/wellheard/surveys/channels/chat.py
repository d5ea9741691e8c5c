"""A message inside the conversation that the survey is about."""

from wellheard.surveys.calls import call, lacks
from wellheard.surveys.channel import Channel

CHANNEL = Channel(
    title="Inside the chat",
    words="A message in the conversation that it is about, written by the program at chat_webhook.",
    reaches="conversation",
    send=call("chat_webhook", "chat"),
    lacks=lacks("chat_webhook"),
    knows_keys=True,
)
