"""Following up: connections, what rules did, cases, deliveries, broadcasts, and calls that came with a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _number() -> sa.Column[int]:
    return sa.Column("number", NUMBER, primary_key=True)


def _text(name: str, needed: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not needed)


def _instants(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True)) for name in names]


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    _make_rules()
    _make_cases()
    _make_deliveries()
    _make_broadcasts()


def _make_rules() -> None:
    op.create_table(
        "connections",
        _text("workspace", True),
        _text("name", True),
        _text("channel", True),
        _text("settings", True),
        _text("secrets"),
        _instant("made_at"),
        _instant("changed_at"),
        *_instants("worked_at", "failing_since", "disabled_at"),
        _text("failure"),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.create_table(
        "firings",
        _number(),
        _text("workspace", True),
        _text("rule_id", True),
        _text("subject", True),
        _text("person"),
        _text("customer_id"),
        _text("account_id"),
        _text("conversation_id"),
        _instant("happened_at"),
        _instant("decided_at"),
        _text("decision", True),
        _text("reason"),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.UniqueConstraint("workspace", "rule_id", "subject", name="one_firing_a_subject"),
        sa.Index("firings_by_person", "workspace", "rule_id", "person"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "enrolments",
        sa.Column("invitation_id", sa.String(32), primary_key=True),
        _text("workspace", True),
        _text("rule_id", True),
        _text("customer_id"),
        sa.Column("depth", sa.Integer, nullable=False),
        _instant("enrolled_at"),
    )
    op.create_table(
        "customer_tags",
        _text("workspace", True),
        _text("customer_id", True),
        _text("tag", True),
        _text("rule_id"),
        _instant("tagged_at"),
        sa.PrimaryKeyConstraint("workspace", "customer_id", "tag"),
    )
    op.create_table(
        "keyed_calls",
        _text("workspace", True),
        _text("credential", True),
        _text("call_key", True),
        sa.Column("body_hash", sa.String(64), nullable=False),
        _instant("called_at"),
        sa.Column("status", sa.Integer),
        _text("answer"),
        sa.PrimaryKeyConstraint("workspace", "credential", "call_key"),
    )
    op.create_table(
        "saved_views",
        _text("workspace", True),
        _text("name", True),
        _text("query", True),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )


def _make_cases() -> None:
    op.create_table(
        "cases",
        _number(),
        _text("workspace", True),
        _text("kind", True),
        _text("rule_id"),
        _text("subject", True),
        _text("title", True),
        _text("details", True),
        _text("state", True),
        _text("priority"),
        _text("owner"),
        _text("team"),
        _text("play"),
        _text("customer_id"),
        _text("account_id"),
        _text("conversation_id"),
        _text("submission_id"),
        _instant("opened_at"),
        _instant("changed_at"),
        *_instants("due_at", "acknowledged_at", "snoozed_until", "escalated_at", "closed_at"),
        _text("acknowledged_by"),
        _text("escalate_to"),
        _text("outcome"),
        _text("reason"),
        sa.Column("merged_into", NUMBER, sa.ForeignKey("cases.number")),
        sa.UniqueConstraint("workspace", "subject", name="one_case_a_subject"),
        sa.Index("cases_by_state", "workspace", "state", "due_at"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "case_entries",
        _number(),
        sa.Column("case_number", NUMBER, sa.ForeignKey("cases.number"), nullable=False, index=True),
        _instant("entered_at"),
        _text("who", True),
        _text("kind", True),
        _text("words", True),
        sqlite_autoincrement=True,
    )


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        _number(),
        _text("workspace", True),
        sa.Column("delivery_key", sa.String(64), nullable=False),
        _text("kind", True),
        _text("connection", True),
        _text("recipient"),
        _text("title", True),
        _text("message", True),
        _text("rule_id"),
        _text("broadcast_id"),
        sa.Column("case_number", NUMBER, sa.ForeignKey("cases.number"), index=True),
        _text("state", True),
        sa.Column("attempts", sa.Integer, nullable=False),
        _instant("made_at"),
        _instant("next_at"),
        *_instants("first_at", "lease_until", "delivered_at"),
        _text("failure"),
        _text("remote_id"),
        _text("remote_url"),
        sa.UniqueConstraint("workspace", "delivery_key", name="one_delivery_a_key"),
        sa.Index("deliveries_due", "workspace", "state", "next_at"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "delivery_attempts",
        _number(),
        sa.Column("delivery_number", NUMBER, sa.ForeignKey("deliveries.number"), nullable=False, index=True),
        _instant("tried_at"),
        sa.Column("seconds", sa.Float),
        _text("outcome", True),
        sa.Column("status", sa.Integer),
        _text("failure"),
        sqlite_autoincrement=True,
    )


def _make_broadcasts() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("broadcast_id", sa.String(32), primary_key=True),
        _text("workspace", True),
        _text("name", True),
        _text("definition", True),
        _text("state", True),
        _text("made_by", True),
        _instant("made_at"),
        *_instants("started_at", "ended_at"),
    )
    op.create_table(
        "broadcast_people",
        sa.Column("broadcast_id", sa.String(32), sa.ForeignKey("broadcasts.broadcast_id"), nullable=False),
        _text("customer_id", True),
        _text("arm", True),
        _text("reason"),
        _instant("decided_at"),
        sa.Column("delivery_number", NUMBER, sa.ForeignKey("deliveries.number")),
        sa.PrimaryKeyConstraint("broadcast_id", "customer_id"),
    )
