"""An order reached the customer."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Order delivered",
    words="After an order reached the customer.",
    table="orders",
    instant="delivered_at",
    about={"order_id": "source_id"},
    traits=("product", "kind", "channel"),
)
