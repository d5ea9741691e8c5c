"""What changed about a conversation, and when."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="status_events",
    title="Status events",
    words="A row is one change to one field of a conversation.",
    instant="changed_at",
    columns=(
        Column(
            "conversation_id",
            Type.TEXT,
            "The conversation that changed.",
            refers="conversations",
            required=True,
            aliases=("conversation", "ticket_id", "case_id", "chat_id", "ticket"),
        ),
        Column(
            "changed_at",
            Type.INSTANT,
            "When it changed.",
            required=True,
            aliases=("created_at", "timestamp", "at", "date", "time", "event_time", "complete_timestamp"),
        ),
        Column(
            "field",
            Type.TEXT,
            "What changed, such as status, team or agent_id.",
            required=True,
            aliases=("field_name", "attribute", "property", "changed_field"),
        ),
        Column(
            "old",
            Type.TEXT,
            "What it was before.",
            aliases=("old_value", "previous_value", "from_value", "previous", "from_status"),
        ),
        Column(
            "new",
            Type.TEXT,
            "What it became.",
            aliases=("new_value", "value", "to_value", "to_status", "status", "activity"),
        ),
        Column(
            "actor_type",
            Type.TEXT,
            "Who changed it: customer, human, bot, automation or system.",
            aliases=("actor", "changed_by_type", "author_type"),
        ),
    ),
)
