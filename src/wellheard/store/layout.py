"""The tables of surveys and their answers.

Nothing in `anonymous_answers` leads to a person: it shares no key with `used_invitations`, moments are rounded to the
hour, and SQLite keeps both in the order of their random keys, not in that of arrival.
"""

from __future__ import annotations

import sqlalchemy as sa

from wellheard.store.columns import METADATA, Instant


def _about() -> list[sa.Column[str]]:
    """Whom and what an invitation or an answer is about."""
    names = ("customer_id", "account_id", "conversation_id", "order_id", "agent_id")
    return [sa.Column(name, sa.Text) for name in (*names, "channel", "touchpoint", "language")]


SURVEYS = sa.Table(
    "surveys",
    METADATA,
    sa.Column("survey_key", sa.String(32), primary_key=True),  # random: it stands in public addresses
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("survey_id", sa.Text, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.UniqueConstraint("workspace", "survey_id", name="one_survey_an_id"),
)
SURVEY_VERSIONS = sa.Table(
    "survey_versions",
    METADATA,
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("saved_at", Instant, nullable=False),
)
INVITATIONS = sa.Table(
    "invitations",
    METADATA,
    sa.Column("invitation_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("anonymous", sa.Boolean, nullable=False),
    sa.Column("test", sa.Boolean, nullable=False),
    *_about(),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.Column("seen_at", Instant),
    sa.Column("bounced_at", Instant),
    sa.Column("unsubscribed_at", Instant),
    sa.Column("noted_used", sa.Boolean),  # whether the lake was told that it was used anonymously
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("batch_id", sa.String(32), index=True),
)
USED_INVITATIONS = sa.Table(
    "used_invitations",
    METADATA,
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id"), primary_key=True),
    sa.Column("used_in", Instant, nullable=False),  # the hour
    sqlite_with_rowid=False,
)
ANSWERS = sa.Table(
    "answers",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("submission_id", sa.String(44), nullable=False, unique=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id"), index=True),
    sa.Column("key_hash", sa.String(64)),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("given", sa.Text, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("flag", sa.Text),
    sa.Column("test", sa.Boolean, nullable=False),
    *_about(),
    sa.Column("asked_at", Instant),
    sa.Column("answered_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("deleted_at", Instant),
    sa.Column("edit_hash", sa.String(64), nullable=False),
    sa.Column("edit_until", Instant, nullable=False),
    sa.Column("batch_id", sa.String(32), index=True),
    sa.UniqueConstraint("key_hash", "survey_key", name="one_answer_a_key"),
    sqlite_autoincrement=True,
)
ANONYMOUS_ANSWERS = sa.Table(
    "anonymous_answers",
    METADATA,
    sa.Column("submission_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("given", sa.Text, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("flag", sa.Text),
    sa.Column("test", sa.Boolean, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("touchpoint", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("answered_in", Instant, nullable=False),  # the hour
    sa.Column("changed_in", Instant, nullable=False),  # the hour
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("receipt_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("batch_id", sa.String(32), index=True),
    sqlite_with_rowid=False,
)
BATCHES = sa.Table(
    "batches",
    METADATA,
    sa.Column("batch_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("anonymous", sa.Boolean, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("merged_at", Instant),
)
UNSUBSCRIBES = sa.Table(
    "unsubscribes",
    METADATA,
    sa.Column("unsubscribe_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, index=True),
    sa.Column("account_id", sa.Text),
    sa.Column("address_hash", sa.String(64), index=True),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id")),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("unsubscribed_at", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),
)
