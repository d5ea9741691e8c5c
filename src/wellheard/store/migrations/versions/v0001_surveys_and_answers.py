"""Surveys, invitations, answers and what is known of who wants no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ABOUT = ("customer_id", "account_id", "conversation_id", "order_id", "agent_id", "channel", "touchpoint", "language")


def _instants(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True)) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "surveys",
        sa.Column("survey_key", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("survey_id", sa.Text, nullable=False),
        _instant("made_at"),
        *_instants("closed_at"),
        sa.UniqueConstraint("workspace", "survey_id", name="one_survey_an_id"),
    )
    op.create_table(
        "survey_versions",
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("definition", sa.Text, nullable=False),
        _instant("saved_at"),
    )
    _make_invitations()
    _make_answers()
    _make_anonymous_answers()
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("anonymous", sa.Boolean, nullable=False),
        _instant("made_at"),
        *_instants("merged_at"),
    )
    op.create_table(
        "unsubscribes",
        sa.Column("unsubscribe_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, index=True),
        sa.Column("account_id", sa.Text),
        sa.Column("address_hash", sa.String(64), index=True),
        sa.Column("invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id")),
        sa.Column("origin", sa.Text, nullable=False),
        _instant("unsubscribed_at"),
        *_instants("withdrawn_at"),
    )


def _make_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("invitation_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("anonymous", sa.Boolean, nullable=False),
        sa.Column("test", sa.Boolean, nullable=False),
        *_texts(*ABOUT),
        _instant("made_at"),
        *_instants("expires_at", "sent_at", "delivered_at", "seen_at", "bounced_at", "unsubscribed_at"),
        sa.Column("noted_used", sa.Boolean),
        _instant("changed_at"),
        sa.Column("batch_id", sa.String(32), index=True),
    )
    op.create_table(
        "used_invitations",
        sa.Column("invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id"), primary_key=True),
        _instant("used_in"),
        sqlite_with_rowid=False,
    )


def _make_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("submission_id", sa.String(44), nullable=False, unique=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("invitation_id", sa.String(32), sa.ForeignKey("invitations.invitation_id"), index=True),
        sa.Column("key_hash", sa.String(64)),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("given", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("flag", sa.Text),
        sa.Column("test", sa.Boolean, nullable=False),
        *_texts(*ABOUT),
        *_instants("asked_at"),
        _instant("answered_at"),
        _instant("changed_at"),
        *_instants("deleted_at"),
        sa.Column("edit_hash", sa.String(64), nullable=False),
        _instant("edit_until"),
        sa.Column("batch_id", sa.String(32), index=True),
        sa.UniqueConstraint("key_hash", "survey_key", name="one_answer_a_key"),
        sqlite_autoincrement=True,
    )


def _make_anonymous_answers() -> None:
    op.create_table(
        "anonymous_answers",
        sa.Column("submission_id", sa.String(32), primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("survey_key", sa.String(32), sa.ForeignKey("surveys.survey_key"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("given", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("flag", sa.Text),
        sa.Column("test", sa.Boolean, nullable=False),
        *_texts("channel", "touchpoint", "language"),
        _instant("answered_in"),
        _instant("changed_in"),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("receipt_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("batch_id", sa.String(32), index=True),
        sqlite_with_rowid=False,
    )
