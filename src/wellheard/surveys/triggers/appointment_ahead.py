"""An appointment is near."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Appointment ahead",
    words="Before an appointment, or after it.",
    table="appointments",
    instant="starts_at",
    never={"status": ("cancelled", "canceled")},
    traits=("kind",),
    ahead=True,
)
