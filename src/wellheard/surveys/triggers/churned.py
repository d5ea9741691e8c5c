"""A customer left."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Churned",
    words="After a subscription ended.",
    table="subscriptions",
    instant="ended_at",
    never={"trial": (True,)},
    traits=("product", "plan"),
)
