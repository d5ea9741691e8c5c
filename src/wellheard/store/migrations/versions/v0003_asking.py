"""Who was asked and who was not, what carries invitations, and which addresses do not take them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("unsubscribes", sa.Column("person", sa.Text))
    op.create_index("ix_unsubscribes_person", "unsubscribes", ["person"])
    op.create_table(
        "asks",
        sa.Column("ask_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("company", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("traits", sa.Text, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        _instant("asked_at"),
        _instant("decided_at"),
        sa.Column("test", sa.Boolean, nullable=False),
        sa.Column("invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id"), index=True),
        sa.UniqueConstraint("survey_key", "occasion", name="one_ask_an_occasion"),
    )
    for columns in (("person", "asked_at"), ("company", "asked_at"), ("workspace", "decided_at")):
        op.create_index(f"ix_asks_{columns[0]}", "asks", list(columns))
    _make_dispatches()
    op.create_table(
        "bounces",
        sa.Column("bounce_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False, index=True),
        sa.Column("invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id")),
        sa.Column("lasting", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        _instant("bounced_at"),
        _instant("withdrawn_at", nullable=True),
    )


def _make_dispatches() -> None:
    op.create_table(
        "dispatches",
        sa.Column("dispatch_id", sa.String(40), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("ask_id", sa.String(32), sa.ForeignKey("asks.ask_id"), nullable=False),
        sa.Column(
            "invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id"), nullable=False, index=True
        ),
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("address_hash", sa.String(64), nullable=False, index=True),
        sa.Column("language", sa.Text),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        _instant("due_at"),
        _instant("too_late_at"),
        _instant("changed_at"),
        sa.Column("reference", sa.Text),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_dispatches_due", "dispatches", ["state", "due_at"])
