"""A customer left."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Churned",
    words="After the last period of a subscription ended.",
    table="subscriptions",
    instant="ended_at",
    never={"trial": (True,)},
    traits=("product", "plan"),
    last_of=("product",),
)
