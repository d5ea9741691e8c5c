"""A program that asks for the link and sends it itself."""

from wellheard.surveys.channel import Channel

CHANNEL = Channel(
    title="API",
    words="A link of the person's own, for a program to send: POST /api/v1/surveys/ID/invitations gives it.",
    reaches="anybody",
)
