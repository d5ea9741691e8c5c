"""What was said in a conversation."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="messages",
    title="Messages",
    words="A row is one message or note in a conversation.",
    instant="sent_at",
    columns=(
        Column(
            "conversation_id",
            Type.TEXT,
            "The conversation it belongs to.",
            refers="conversations",
            required=True,
            aliases=("conversation", "ticket_id", "case_id", "thread_id", "chat_id", "ticket"),
        ),
        Column(
            "author_type",
            Type.TEXT,
            "What kind of author wrote it.",
            one_of=("customer", "human", "bot", "automation", "system"),
            aliases=("author_role", "sender_type", "from_type", "role"),
        ),
        Column(
            "author_id",
            Type.TEXT,
            "The person or program that wrote it.",
            aliases=("author", "sender_id", "user_id", "from_id", "agent_id", "sender"),
        ),
        Column(
            "visibility",
            Type.TEXT,
            "Whether the customer can see it.",
            one_of=("public", "internal"),
            aliases=("privacy", "message_visibility"),
        ),
        Column(
            "auto_reply",
            Type.BOOLEAN,
            "Whether a machine sent it, such as an out-of-office note.",
            aliases=("is_auto_reply", "autoresponse", "automatic", "auto_response"),
        ),
        Column(
            "sent_at",
            Type.INSTANT,
            "When it was sent.",
            required=True,
            aliases=("created_at", "created", "timestamp", "date", "at", "time", "message_time"),
        ),
        Column(
            "body",
            Type.TEXT,
            "The text of the message or note.",
            private=True,
            aliases=("text", "message", "content", "comment", "plain_body", "body_text", "html_body", "remark"),
        ),
    ),
)
