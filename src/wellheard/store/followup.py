"""The tables of following up: connections, firings, cases, deliveries, hooks, broadcasts, and calls with a key."""

from __future__ import annotations

import sqlalchemy as sa

from wellheard.store.columns import METADATA, Instant

Transaction = sa.Connection  # for rooms that hand one on and ask nothing of it
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _number() -> sa.Column[int]:
    return sa.Column("number", NUMBER, primary_key=True)


def _text(name: str, needed: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not needed)


def _instants(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, Instant) for name in names]


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, Instant, nullable=False)


CONNECTIONS = sa.Table(
    "connections",
    METADATA,
    _text("workspace", True),
    _text("name", True),
    _text("channel", True),
    _text("settings", True),  # JSON, nothing secret in it
    _text("secrets"),  # sealed
    _instant("made_at"),
    _instant("changed_at"),
    *_instants("worked_at", "failing_since", "disabled_at"),
    _text("failure"),
    sa.PrimaryKeyConstraint("workspace", "name"),
)
FIRINGS = sa.Table(
    "firings",
    METADATA,
    _number(),
    _text("workspace", True),
    _text("rule_id", True),
    _text("subject", True),  # what happened, by a name that it has for ever
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
CASES = sa.Table(
    "cases",
    METADATA,
    _number(),
    _text("workspace", True),
    _text("kind", True),
    _text("rule_id"),
    _text("subject", True),
    _text("title", True),
    _text("details", True),  # JSON
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
    *_instants("answered_at"),  # in the help desk; empty again where the ticket was reopened
    _text("acknowledged_by"),
    _text("escalate_to"),
    _text("outcome"),
    _text("reason"),
    sa.Column("merged_into", sa.ForeignKey("cases.number")),
    sa.UniqueConstraint("workspace", "subject", name="one_case_a_subject"),
    sa.Index("cases_by_state", "workspace", "state", "due_at"),
    sqlite_autoincrement=True,
)
CASE_ENTRIES = sa.Table(
    "case_entries",
    METADATA,
    _number(),
    sa.Column("case_number", sa.ForeignKey("cases.number"), nullable=False, index=True),
    _instant("entered_at"),
    _text("who", True),
    _text("kind", True),
    _text("words", True),
    sqlite_autoincrement=True,
)
DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    _number(),
    _text("workspace", True),
    sa.Column("delivery_key", sa.String(64), nullable=False),
    _text("kind", True),
    _text("connection", True),
    _text("recipient"),
    _text("title", True),
    _text("message", True),  # sealed
    _text("rule_id"),
    _text("broadcast_id"),
    sa.Column("case_number", sa.ForeignKey("cases.number"), index=True),
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
DELIVERY_ATTEMPTS = sa.Table(
    "delivery_attempts",
    METADATA,
    _number(),
    sa.Column("delivery_number", sa.ForeignKey("deliveries.number"), nullable=False, index=True),
    _instant("tried_at"),
    sa.Column("seconds", sa.Float),
    _text("outcome", True),
    sa.Column("status", sa.Integer),
    _text("failure"),
    sqlite_autoincrement=True,
)
BROADCASTS = sa.Table(
    "broadcasts",
    METADATA,
    sa.Column("broadcast_id", sa.String(32), primary_key=True),
    _text("workspace", True),
    _text("name", True),
    _text("definition", True),  # JSON
    _text("state", True),
    _text("made_by", True),
    _instant("made_at"),
    *_instants("started_at", "ended_at"),
)
BROADCAST_PEOPLE = sa.Table(
    "broadcast_people",
    METADATA,
    sa.Column("broadcast_id", sa.ForeignKey("broadcasts.broadcast_id"), nullable=False),
    _text("customer_id", True),  # source:source_id, since two sources may use one id
    _text("arm", True),
    _text("reason"),
    _instant("decided_at"),
    sa.Column("delivery_number", sa.ForeignKey("deliveries.number")),
    sa.PrimaryKeyConstraint("broadcast_id", "customer_id"),
)
CUSTOMER_TAGS = sa.Table(
    "customer_tags",
    METADATA,
    _text("workspace", True),
    _text("customer_id", True),
    _text("tag", True),
    _text("rule_id"),
    _instant("tagged_at"),
    sa.PrimaryKeyConstraint("workspace", "customer_id", "tag"),
)
ENROLMENTS = sa.Table(
    "enrolments",
    METADATA,
    sa.Column("invitation_id", sa.String(32), primary_key=True),
    _text("workspace", True),
    _text("rule_id", True),
    _text("customer_id"),
    sa.Column("depth", sa.Integer, nullable=False),
    _instant("enrolled_at"),
)
SAVED_VIEWS = sa.Table(
    "saved_views",
    METADATA,
    _text("workspace", True),
    _text("name", True),
    _text("query", True),
    sa.PrimaryKeyConstraint("workspace", "name"),
)
KEYED_CALLS = sa.Table(
    "keyed_calls",
    METADATA,
    _text("workspace", True),
    _text("credential", True),
    _text("call_key", True),
    sa.Column("body_hash", sa.String(64), nullable=False),
    _instant("called_at"),
    sa.Column("status", sa.Integer),
    _text("answer"),
    sa.PrimaryKeyConstraint("workspace", "credential", "call_key"),
)
HOOKS = sa.Table(
    "hooks",
    METADATA,
    sa.Column("hook_id", sa.String(32), primary_key=True),  # random: it stands in a public address
    _text("workspace", True),
    _text("name", True),
    _text("scheme", True),
    _text("secrets", True),  # sealed, the newest first
    _instant("made_at"),
    _instant("changed_at"),
    *_instants("heard_at"),
    sa.UniqueConstraint("workspace", "name", name="one_hook_a_name"),
)
HEARD_EVENTS = sa.Table(
    "heard_events",
    METADATA,
    sa.Column("hook_id", sa.ForeignKey("hooks.hook_id"), nullable=False),
    sa.Column("event_hash", sa.String(64), nullable=False),
    sa.Column("heard_at", Instant, nullable=False, index=True),
    sa.PrimaryKeyConstraint("hook_id", "event_hash"),
)
