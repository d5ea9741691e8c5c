"""The relationship as a whole, wave after wave."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Relationship",
    words="Everybody, wave after wave, each wave spread evenly over its days.",
    calendar=True,
)
