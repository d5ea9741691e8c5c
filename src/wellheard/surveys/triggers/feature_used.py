"""A feature was used for the first time."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Feature used",
    words="After somebody used a feature for the first time.",
    table="usage",
    instant="used_at",
    traits=("feature",),
    first_of=("feature",),
)
