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
    sa.Column("person", sa.Text, index=True),  # the row of customers, as source:source_id
    sa.Column("account_id", sa.Text),
    sa.Column("address_hash", sa.String(64), index=True),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id")),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("unsubscribed_at", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),
)
ASKS = sa.Table(
    "asks",
    METADATA,
    sa.Column("ask_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), nullable=False),
    sa.Column("occasion", sa.Text, nullable=False),  # what it was about, by which it is decided once only
    sa.Column("kind", sa.String(12), nullable=False),  # invitation or reminder
    sa.Column("person", sa.Text, nullable=False),  # the row of customers, as source:source_id
    sa.Column("company", sa.Text),  # the row of accounts
    sa.Column("channel", sa.Text),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("traits", sa.Text, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # why not
    sa.Column("asked_at", Instant, nullable=False),  # when it counts, which may lie ahead
    sa.Column("decided_at", Instant, nullable=False),
    sa.Column("test", sa.Boolean, nullable=False),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id"), index=True),
    sa.UniqueConstraint("survey_key", "occasion", name="one_ask_an_occasion"),
    sa.Index("ix_asks_person", "person", "asked_at"),
    sa.Index("ix_asks_company", "company", "asked_at"),
    sa.Index("ix_asks_workspace", "workspace", "decided_at"),
)
DISPATCHES = sa.Table(
    "dispatches",
    METADATA,
    sa.Column("dispatch_id", sa.String(40), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("ask_id", sa.ForeignKey("asks.ask_id"), nullable=False),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id"), nullable=False, index=True),
    sa.Column("survey_key", sa.ForeignKey("surveys.survey_key"), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("address", sa.Text),  # sealed; emptied once it has gone
    sa.Column("token", sa.Text),  # sealed; emptied once nothing more is to be sent for the invitation
    sa.Column("address_hash", sa.String(64), nullable=False, index=True),
    sa.Column("language", sa.Text),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("too_late_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("error", sa.Text),
    sa.Index("ix_dispatches_due", "state", "due_at"),
)
BOUNCES = sa.Table(
    "bounces",
    METADATA,
    sa.Column("bounce_id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("address_hash", sa.String(64), nullable=False, index=True),
    sa.Column("invitation_id", sa.ForeignKey("invitations.invitation_id")),
    sa.Column("lasting", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("bounced_at", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),
)
