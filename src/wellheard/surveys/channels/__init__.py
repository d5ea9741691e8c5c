"""How surveys reach people: one file a channel."""
