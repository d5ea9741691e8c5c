"""A subscription began."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Subscription started",
    words="Some days after a subscription began, and then again and again while it runs.",
    table="subscriptions",
    instant="started_at",
    never={"trial": (True,)},
    traits=("product", "plan"),
    first_of=("product",),
    until="ended_at",
)
