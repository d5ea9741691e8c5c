"""Everything about one conversation: what was said and done, how its times were counted, and what the source says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wellheard.base.errors import Unknown
from wellheard.base.schedules import Schedule, business_seconds, open_intervals
from wellheard.enrich.clock import Times, times
from wellheard.enrich.conversation_times import data_end, events_of, schedules
from wellheard.enrich.replay import Conversation, Message, StatusEvent
from wellheard.enrich.timeline import Stretch, stretches
from wellheard.warehouse.engine import Lake

SHOWN = ("source", "source_id", "customer_id", "account_id", "channel", "topic", "status", "priority", "team",
         "agent_id", "opened_by", "opened_at", "merged_into", "spam", "schedule_id")  # fmt: skip
MEASURED = (
    ("first_response", "First response"),
    ("resolution", "Resolution"),
    ("waiting_on_us", "Waiting for us"),
)
RUNNING = {
    "first_response": ("unanswered", "First response, not given"),
    "resolution": ("unresolved", "Resolution, not reached"),
}
CLOSE = 60.0  # seconds by which two figures may differ and still be the same
MOST_STRETCHES = 2000
OURS = ("human", "automation")
BUSINESS = "It fits business time: the source counts opening hours only."


@dataclass(frozen=True)
class Event:
    """A message or a change, in the order of time. `text` is what was written, by whoever it was: never trust it."""

    at: datetime
    who: str
    what: str
    text: str | None
    moves_the_clock: bool


@dataclass(frozen=True)
class Length:
    """A figure of one conversation: ours by the calendar and in business time, and the source's own beside it."""

    name: str
    title: str
    seconds: float | None
    business_seconds: float | None
    given: float | None
    why_different: str


@dataclass(frozen=True)
class Timeline:
    """One conversation, its stretches, its figures and its events; `open` are the opening hours it fell into."""

    id: str
    facts: Mapping[str, Any]
    stretches: Sequence[Stretch]
    lengths: Sequence[Length]
    events: Sequence[Event]
    open: Sequence[tuple[datetime, datetime]]
    zone: str | None
    until: datetime | None


def timeline_of(lake: Lake, id: str) -> Timeline:
    """The conversation with the row id `id`; raises Unknown where there is none."""
    with lake.reading():
        raw = lake.given("conversations")
        found = lake.backend.to_pyarrow(raw.filter(raw.id == id)).to_pylist()
        if not found:
            raise Unknown(f"there is no conversation {id!r}", hint="open one from the rows behind a KPI", field="id")
        row = found[0]
        said = lake.backend.to_pyarrow(events_of(lake, id, "messages", (*Message._fields, "body"))).to_pylist()
        done = lake.backend.to_pyarrow(events_of(lake, id, "status_events", StatusEvent._fields)).to_pylist()
        hours = schedules(lake)
        schedule = hours.get(row["schedule_id"])
        until = data_end(lake)
    conversation = Conversation(**{name: row[name] for name in Conversation._fields})
    messages = [Message(**{name: m[name] for name in Message._fields}) for m in said]
    changes = [StatusEvent(**{name: e[name] for name in StatusEvent._fields}) for e in done]
    told = stretches(conversation, messages, changes, schedule, until)
    ours = times(conversation, messages, changes, schedule, until)
    return Timeline(
        id=id,
        facts={name: row[name] for name in SHOWN},
        stretches=told,
        lengths=_lengths(conversation, ours, messages, schedule),
        events=_events(said, done),
        open=_open(told, schedule),
        zone=schedule.zone if schedule is not None else None,
        until=until,
    )


def _open(told: Sequence[Stretch], schedule: Schedule | None) -> Sequence[tuple[datetime, datetime]]:
    if schedule is None or not told:
        return ()
    return open_intervals(schedule, told[0].start, told[-1].end)[:MOST_STRETCHES]


def _events(said: Sequence[Mapping[str, Any]], done: Sequence[Mapping[str, Any]]) -> list[Event]:
    found = [
        Event(m["sent_at"], _author(m), _kind(m), m["body"], _moves(m["author_type"], m["visibility"], m["auto_reply"]))
        for m in said
    ]
    for e in done:
        what = f"{e['field']}: {e['old'] or '–'} → {e['new'] or '–'}"
        moves = e["field"].lower() in ("status", "state")
        found.append(Event(e["changed_at"], e["actor_type"] or "unknown", what, None, moves))
    return sorted(found, key=lambda event: event.at)


def _author(message: Mapping[str, Any]) -> str:
    who = message["author_type"] or "unknown"
    return f"{who} {message['author_id']}" if message["author_id"] else str(who)


def _kind(message: Mapping[str, Any]) -> str:
    if message["auto_reply"]:
        return "automatic message"
    return "internal note" if message["visibility"] == "internal" else "message"


def _moves(author: str | None, visibility: str | None, auto_reply: bool | None) -> bool:
    return not auto_reply and (author == "customer" or (author == "human" and visibility != "internal"))


def _lengths(
    conversation: Conversation, ours: Times, messages: Sequence[Message], schedule: Schedule | None
) -> list[Length]:
    made = []
    for name, title in MEASURED:
        seconds, business = getattr(ours, f"{name}_seconds"), getattr(ours, f"{name}_business_seconds")
        given = getattr(conversation, f"{name}_seconds")
        if name in RUNNING and seconds is None:
            so_far, words = RUNNING[name]
            running = getattr(ours, f"{so_far}_seconds")
            if running is not None:
                business = getattr(ours, f"{so_far}_business_seconds")
                made.append(Length(name, words, running, business, given, ""))
                continue
        why = ""
        if given is not None and messages and (seconds is None or abs(given - seconds) >= CLOSE):
            why = _difference(name, given, conversation, ours, messages, schedule)
        made.append(Length(name, title, seconds, business, given, why))
    return made


def _difference(
    name: str,
    given: float,
    conversation: Conversation,
    ours: Times,
    messages: Sequence[Message],
    schedule: Schedule | None,
) -> str:
    """What the source seems to have counted instead: the first reading of its figure that fits within a minute."""
    if name == "first_response" and ours.first_response_seconds is None:
        if conversation.merged_into:
            return "It was merged into another conversation, where it is answered: ours counts none here."
        if conversation.opened_by in OURS:
            return "We opened it, so nobody waited for a first response: ours counts none."
    readings = [(ours.first_response_business_seconds, BUSINESS)]
    if name == "resolution":
        readings = [
            (ours.resolution_business_seconds, BUSINESS),
            (ours.first_resolution_seconds, "It fits the first resolution: ours runs to the last one."),
        ]
    elif name == "first_response":
        readings += _replies(conversation, messages, schedule)
    else:
        readings = [(ours.waiting_on_us_business_seconds, BUSINESS)]
    for seconds, words in readings:
        if seconds is not None and abs(seconds - given) < CLOSE:
            return words
    return "It fits no reading of the messages that we know of; ours follows from the stretches below."


def _replies(
    conversation: Conversation, messages: Sequence[Message], schedule: Schedule | None
) -> list[tuple[float | None, str]]:
    """Lengths that a first response would have if another reply or another start were taken."""
    asked = [m.sent_at for m in messages if m.author_type == "customer"]
    start = min(asked, default=conversation.opened_at)
    if start is None:
        return []
    kinds = (
        ("a machine's reply", lambda m: m.author_type in ("bot", "automation", "system") or m.auto_reply),
        ("an internal note", lambda m: m.author_type == "human" and m.visibility == "internal"),
        ("the reply after an earlier close", lambda m: _moves(m.author_type, m.visibility, m.auto_reply)),
    )
    found: list[tuple[float | None, str]] = []
    for words, belongs in kinds:
        mine = [m.sent_at for m in messages if m.author_type != "customer" and m.sent_at >= start and belongs(m)]
        if mine:
            end = min(mine)
            why = f"It fits the time from the first message to {words}: ours runs to a person's answer."
            found.append(((end - start).total_seconds(), why))
            if schedule is not None:
                found.append(
                    (business_seconds(schedule, start, end), why[:-1] + ", and the source counts business time.")
                )
    return found
