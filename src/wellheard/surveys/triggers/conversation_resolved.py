"""A matter was resolved."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Conversation resolved",
    words="After a ticket, call or thread was resolved.",
    table="conversations",
    instant="resolved_at",
    never={"spam": (True,), "opened_by": ("automation",)},
    where={"merged_into": (None,)},
    about={"conversation_id": "source_id", "agent_id": "agent_id"},
    traits=("channel", "topic", "team", "priority"),
)
