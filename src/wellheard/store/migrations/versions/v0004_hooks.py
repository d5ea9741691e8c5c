"""Hooks, by which help desks tell what became of tickets, the events heard by them, and cases answered there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("cases", sa.Column("answered_at", sa.DateTime(timezone=True)))
    op.create_table(
        "hooks",
        sa.Column("hook_id", sa.String(32), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("workspace", "name", "scheme", "secrets")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("made_at", "changed_at")),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("workspace", "name", name="one_hook_a_name"),
    )
    op.create_table(
        "heard_events",
        sa.Column("hook_id", sa.String(32), sa.ForeignKey("hooks.hook_id"), nullable=False),
        sa.Column("event_hash", sa.String(64), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.PrimaryKeyConstraint("hook_id", "event_hash"),
    )
