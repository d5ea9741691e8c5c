"""Plays the events of one conversation in order and notes when each clock started, stopped and started anew.

Pure: no input or output here, and every row may be a plain tuple in the order of the fields below.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

RESOLVED = frozenset({"resolved", "solved", "closed", "done", "completed"})
_STATUS = frozenset({"status", "state"})
_ROUTING = frozenset({"agent_id", "agent", "assignee", "assignee_id", "team", "team_id", "group", "group_id"})
_MACHINES = frozenset({"bot", "automation"})
_CUSTOMER, _HUMAN, _CHANGE = range(3)  # the order of events at one instant: a reply answers what came with it


class Conversation(NamedTuple):
    """What a source says about a conversation; all may be unknown. Instants are UTC, lengths are seconds."""

    opened_at: datetime | None = None
    opened_by: str | None = None
    merged_into: str | None = None
    priority: str | None = None
    first_customer_at: datetime | None = None
    first_human_reply_at: datetime | None = None
    first_resolved_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopen_count: int | None = None
    first_response_seconds: float | None = None
    first_response_business_seconds: float | None = None
    resolution_seconds: float | None = None
    resolution_business_seconds: float | None = None
    waiting_on_us_seconds: float | None = None
    waiting_on_us_business_seconds: float | None = None
    first_resolution_seconds: float | None = None
    first_resolution_business_seconds: float | None = None
    first_reopened_at: datetime | None = None
    first_response_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    handed_off_at: datetime | None = None
    handoff_response_seconds: float | None = None
    handoff_response_business_seconds: float | None = None
    customer_messages: int | None = None
    human_replies: int | None = None
    human_agents: int | None = None
    handoffs: int | None = None


class Message(NamedTuple):
    """A message: author_type is customer, human, bot, automation or system; an unknown visibility is public."""

    sent_at: datetime
    author_type: str | None
    visibility: str | None = None
    auto_reply: bool | None = None
    author_id: str | None = None


class StatusEvent(NamedTuple):
    """A change of one field, such as status, team or agent_id."""

    changed_at: datetime
    field: str
    old: str | None
    new: str | None
    actor_type: str | None = None


Stretch = tuple[datetime, datetime]


class Replay:
    """What has been seen so far while a conversation's events pass by in order.

    `start` and `reply` belong to the first-response clock, which is `running` until a person replies or a machine
    closes. `since` is the customer's message that still waits for us.
    """

    __slots__ = (
        "agents",
        "changed",
        "first_customer",
        "first_reopened",
        "first_resolved",
        "handed_off",
        "handoff_reply",
        "handoffs",
        "last_handoff",
        "last_resolved",
        "reopened",
        "replies",
        "reply",
        "resolved",
        "rests",
        "running",
        "self_served",
        "since",
        "start",
        "touches",
        "touches_then",
        "waits",
    )

    def __init__(self) -> None:
        self.first_customer: datetime | None = None
        self.start: datetime | None = None
        self.running = False
        self.reply: datetime | None = None
        self.since: datetime | None = None
        self.waits: list[Stretch] = []
        self.self_served: list[Stretch] = []
        self.rests: list[Stretch] = []  # resolved, until reopened
        self.changed = self.resolved = False  # did the history tell of a status, and is it resolved now
        self.first_resolved: datetime | None = None
        self.last_resolved: datetime | None = None
        self.first_reopened: datetime | None = None
        self.reopened = self.touches = self.touches_then = self.replies = self.handoffs = 0
        self.agents: set[str] = set()
        self.handed_off: datetime | None = None
        self.handoff_reply: datetime | None = None
        self.last_handoff: datetime | None = None

    def customer(self, at: datetime) -> None:
        self.touches += 1
        if self.first_customer is None:
            self.first_customer = at
        if self.since is None:
            self.since = at
        if self.reply is None and not self.running:
            self.start, self.running = at, True

    def human(self, at: datetime, agent: str | None) -> None:
        self.replies += 1
        if agent is not None:
            self.agents.add(agent)
        if self.since is not None:
            self.waits.append((self.since, at))
            self.since = None
        if self.running:
            self.reply, self.running = at, False
        if self.handed_off is not None and self.handoff_reply is None:
            self.handoff_reply = at

    def status(self, at: datetime, old: str, new: str, actor: str | None) -> None:
        if new in RESOLVED:
            if self.resolved and new != "closed" and old not in RESOLVED and at != self.last_resolved:
                self._reopen(at)  # resolved again: it was open in between, though the history does not say since when
            self._resolve(at)
            if self.running and self.start is not None and actor in _MACHINES:
                self.self_served.append((self.start, at))
                self.running = False
        elif self.resolved or old in RESOLVED:
            self._reopen(at)

    def _reopen(self, at: datetime) -> None:
        if self.resolved and self.last_resolved is not None:
            self.rests.append((self.last_resolved, at))
        self.resolved = False
        self.reopened += 1
        self.first_reopened = self.first_reopened or at

    def _resolve(self, at: datetime) -> None:
        if not self.resolved:
            if self.since is not None:
                self.waits.append((self.since, at))
            self.resolved, self.last_resolved, self.touches_then = True, at, self.touches
            self.first_resolved = self.first_resolved or at
        self.since = None  # closing what is resolved says that a last word, such as thanks, needed no answer

    def route(self, at: datetime, old: str | None, new: str | None, actor: str | None) -> None:
        if not new or new == old:
            return
        if actor == "bot" and self.handed_off is None:
            self.handed_off = at
        if old and at != self.last_handoff:  # agent and team that change together are one handoff
            self.handoffs += 1
            self.last_handoff = at


def replay(
    conversation: Conversation,
    messages: Iterable[Message | tuple[Any, ...]],
    status_events: Iterable[StatusEvent | tuple[Any, ...]],
) -> Replay:
    """Everything that the clocks need to know, from events in any order."""
    events = _spoken(conversation, messages)
    seen, resolves = Replay(), False
    for number, (at, field, old, new, actor) in enumerate(status_events):
        name = field.lower()
        if name in _STATUS:
            seen.changed = True
            if new:
                word = new.strip().lower()
                resolves = resolves or word in RESOLVED
                events.append((at, _CHANGE, number, (True, (old or "").strip().lower(), word, actor)))
        elif name in _ROUTING:
            events.append((at, _CHANGE, number, (False, old, new, actor)))
    given = conversation.resolved_at or conversation.closed_at
    if given is not None and not resolves:  # a history that never resolves says nothing against the given instant
        events.append((given, _CHANGE, -1, (True, "", "resolved", None)))
    events.sort()  # by instant, kind and number, which no two events share
    if not resolves and conversation.first_resolved_at and (not given or conversation.first_resolved_at <= given):
        seen.first_resolved = conversation.first_resolved_at
    for at, kind, _, what in events:
        if kind == _CUSTOMER:
            seen.customer(at)
        elif kind == _HUMAN:
            seen.human(at, what)
        elif what[0]:
            seen.status(at, *what[1:])
        else:
            seen.route(at, *what[1:])
    return seen


def _spoken(conversation: Conversation, messages: Iterable[Message | tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The messages that move a clock: a customer's, and a person's public reply; never one that a machine sent."""
    events: list[tuple[Any, ...]] = []
    asked = heard = False
    for number, (at, author, visibility, auto_reply, author_id) in enumerate(messages):
        heard = True
        if auto_reply:
            continue
        if author == "customer":
            asked = True
            events.append((at, _CUSTOMER, number, None))
        elif author == "human" and visibility != "internal":
            events.append((at, _HUMAN, number, author_id))
    if heard and not asked and (conversation.opened_by == "customer" or conversation.first_customer_at):
        # The customer's own words are not among the messages, as after a call: the opening stands for them.
        opening = conversation.first_customer_at or conversation.opened_at
        if opening is not None:
            events.append((opening, _CUSTOMER, -1, None))
    return events
