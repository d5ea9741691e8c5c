"""A chat was closed."""

from wellheard.surveys.trigger import Trigger

TRIGGER = Trigger(
    title="Chat ended",
    words="After a chat was closed, or resolved where nobody closes chats.",
    table="conversations",
    instant="closed_at",
    otherwise="resolved_at",
    where={"channel": ("chat", "live_chat", "live chat", "web_chat", "messaging"), "merged_into": (None,)},
    never={"spam": (True,)},
    about={"conversation_id": "source_id", "agent_id": "agent_id"},
    traits=("topic", "team", "priority"),
)
