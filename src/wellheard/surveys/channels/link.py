"""A link that somebody passes on: on a receipt, in a letter, by hand."""

from wellheard.surveys.channel import Channel

CHANNEL = Channel(
    title="Link",
    words="A link of the person's own, for you to pass on: `wellheard surveys invite` prints it.",
    reaches="anybody",
)
