"""Something new was announced."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Launch announced",
    words="Everybody once, from the day on which something new was announced.",
    calendar=True,
)
