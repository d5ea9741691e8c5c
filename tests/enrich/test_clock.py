"""The clock against the situations of situations.toml, its timeline, and whatever else may happen, at random."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wellheard.base.errors import BadCall
from wellheard.base.schedules import ALWAYS_OPEN, Hours, Schedule, Version, business_seconds
from wellheard.enrich.clock import (
    VERSION,
    Conversation,
    Message,
    Span,
    StatusEvent,
    Times,
    timeline,
    times,
    times_of_all,
)

WEEK = tuple(Hours(weekday, 540, 1020) for weekday in range(5))  # Monday to Friday, 9 to 5
PROMISES = {"first_response": {"urgent": 3600.0, "*": 14_400.0}, "resolution": {"*": 28_800.0}}
OFFICE = Schedule("office", "UTC", (Version(None, None, WEEK, targets=PROMISES),))
BERLIN = Schedule("berlin", "Europe/Berlin", (Version(None, None, WEEK, "DE"),))
SUNDAYS = Schedule("sundays", "Europe/Berlin", (Version(None, None, (Hours(6, 0, 1440),)),))
LONGER = Schedule(
    "longer",
    "UTC",
    (
        Version(None, date(2026, 1, 6), WEEK),
        Version(date(2026, 1, 6), None, tuple(Hours(weekday, 480, 1200) for weekday in range(7))),
    ),
)
NIGHT = tuple(Hours(weekday, *shift) for weekday in range(7) for shift in ((0, 360), (1320, 1440)))
NIGHTS = Schedule("nights", "America/New_York", (Version(None, None, NIGHT),))
SCHEDULES = {each.schedule_id: each for each in (OFFICE, BERLIN, SUNDAYS, LONGER, NIGHTS, ALWAYS_OPEN)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def read(lines: str) -> tuple[list[Message], list[StatusEvent]]:
    messages, changes = [], []
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        day, hour, word, *rest = line.split()
        instant = at(f"{day} {hour}")
        if change := re.fullmatch(r"(\w*)>(\w*)( by (\w+))?", " ".join(rest)):
            changes.append(StatusEvent(instant, word, change[1] or None, change[2] or None, change[4]))
            continue
        visibility = "internal" if "internal" in rest else "public" if "public" in rest else None
        name = next((part for part in rest if part not in {"internal", "public", "auto"}), None)
        messages.append(Message(instant, word, visibility, "auto" in rest or None, name))
    return messages, changes


def clocked(lines: str, until: str | None = None, schedule: str | None = None, **known: Any) -> Times:
    given = {name: at(value) if name.endswith("_at") else value for name, value in known.items()}
    messages, changes = read(lines)
    end = at(until) if until else None
    return times(Conversation(**given), messages, changes, SCHEDULES[schedule] if schedule else None, end)


def situations() -> list[dict[str, Any]]:
    path = Path(__file__).parent / "situations.toml"
    return list(tomllib.loads(path.read_text("utf-8"))["situation"])


@pytest.mark.parametrize("situation", situations(), ids=lambda situation: situation["why"])
def test_the_clock_counts_as_a_person_does(situation: dict[str, Any]) -> None:
    found = clocked(situation.get("events", ""), **situation.get("given", {}))._asdict()
    expected = {name: at(v) if name.endswith("_at") else v for name, v in situation.get("expected", {}).items()}
    unknown = situation.get("unknown", [])
    expected |= dict.fromkeys(Times._fields if unknown == ["*"] else unknown)
    assert expected
    assert {name: found[name] for name in expected} == expected, situation["why"]


def test_there_are_enough_situations_and_a_version() -> None:
    told = [(s.get("events"), str(s.get("given"))) for s in situations()]
    assert len(set(told)) == len(told) >= 80
    assert VERSION == "clock-1"


def test_the_timeline_says_what_counted_and_why() -> None:
    messages, changes = read(
        """01-05 09:00 customer
        01-05 09:00 status open>closed by bot
        01-09 16:30 customer
        01-09 16:30 status closed>open by customer
        01-12 09:10 human
        01-12 10:00 status open>solved by human"""
    )
    spans = timeline(Conversation(), messages, changes, OFFICE)
    assert {(span.kind, span.start, span.end) for span in spans if span.kind != "opening_hours"} == {
        ("self_service", at("01-05 09:00"), at("01-05 09:00")),
        ("waiting_on_us", at("01-05 09:00"), at("01-05 09:00")),
        ("resolved", at("01-05 09:00"), at("01-09 16:30")),
        ("first_response", at("01-09 16:30"), at("01-12 09:10")),
        ("waiting_on_us", at("01-09 16:30"), at("01-12 09:10")),
        ("resolution", at("01-05 09:00"), at("01-12 10:00")),
    }
    opened = [span for span in spans if span.kind == "opening_hours"]
    assert [(span.start.day, span.end.day) for span in opened if span.end] == [(d, d) for d in (5, 6, 7, 8, 9, 12)]
    assert list(spans) == sorted(spans, key=lambda span: span.start)
    assert all(span.why.endswith(".") for span in spans)


def test_the_timeline_shows_what_still_runs() -> None:
    messages, _ = read("01-05 09:00 customer")
    spans = timeline(Conversation(), messages)
    assert [(span.kind, span.end) for span in spans] == [("unanswered", None), ("unresolved", None)]
    assert timeline(Conversation()) == ()


def length(spans: tuple[Span, ...], kind: str) -> float | None:
    found = [(span.end - span.start).total_seconds() for span in spans if span.kind == kind and span.end]
    return sum(found) if found else None


def happened(rng: random.Random) -> tuple[list[Message], list[StatusEvent]]:
    """Some events at random instants, many of them at the same one."""
    authors = ("customer", "human", "bot", "automation", "system", None)
    words = ("open", "pending", "solved", "closed", None)
    start = at("01-05 09:00")

    def when() -> datetime:
        return start + timedelta(minutes=rng.randrange(40) * rng.choice([1, 1, 60, 600]))

    messages = [
        Message(when(), rng.choice(authors), rng.choice((None, "public", "internal")), rng.random() < 0.1)
        for _ in range(rng.randrange(8))
    ]
    changes = [
        StatusEvent(
            when(), rng.choice(("status", "agent_id")), rng.choice(words), rng.choice(words), rng.choice(authors)
        )
        for _ in range(rng.randrange(6))
    ]
    return messages, changes


def test_whatever_happens_times_agree_with_the_timeline_and_are_never_negative() -> None:
    rng = random.Random(7)
    answered = 0
    for _ in range(2000):
        messages, changes = happened(rng)
        conversation = Conversation(at("01-05 09:00"), rng.choice((None, "customer", "human")))
        until = at("02-20 09:00")
        found = times(conversation, messages, changes, OFFICE, until)
        spans = timeline(conversation, messages, changes, OFFICE, until)
        assert length(spans, "first_response") == found.first_response_seconds
        assert length(spans, "unanswered") == found.unanswered_seconds
        assert length(spans, "resolution") == found.resolution_seconds
        assert (length(spans, "waiting_on_us") or 0) == (found.waiting_on_us_seconds or 0)
        assert all(value >= 0 for value in found if isinstance(value, int | float))
        assert found.first_response_seconds is None or found.unanswered_seconds is None
        if found.first_response_seconds is not None and found.first_customer_at and found.first_human_reply_at:
            answered += 1
            whole = business_seconds(OFFICE, found.first_customer_at, found.first_human_reply_at)
            assert found.first_response_business_seconds == whole <= found.first_response_seconds
        rng.shuffle(messages)
        assert times(conversation, messages, changes, OFFICE, until) == found
    assert answered > 100


def streams(count: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    rng = random.Random(8)
    conversations: list[tuple[Any, ...]] = []
    messages: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    for number in range(count):
        said, changed = happened(rng)
        key = f"k{number:05d}"
        if number % 7:  # the events of the others belong to nobody
            conversations.append((key, rng.choice((None, "longer", "unknown")), *Conversation(at("01-05 09:00"))))
        messages += [(key, *message) for message in said]
        changes += [(key, *change) for change in changed]
    return conversations, messages, changes


def test_streams_give_the_same_times_as_one_by_one() -> None:
    conversations, messages, changes = streams(300)
    schedules: dict[str | None, Schedule] = {None: OFFICE, "longer": LONGER}

    def one_by_one() -> Iterator[tuple[str, Times]]:
        for key, schedule_id, *fields in conversations:
            said = [Message(*row[1:]) for row in messages if row[0] == key]
            changed = [StatusEvent(*row[1:]) for row in changes if row[0] == key]
            yield key, times(Conversation(*fields), said, changed, schedules.get(schedule_id))

    assert list(times_of_all(iter(conversations), iter(messages), iter(changes), schedules)) == list(one_by_one())


def test_a_stream_that_is_not_sorted_is_refused() -> None:
    conversations, messages, changes = streams(50)
    for wrong in (
        (conversations[::-1], messages, changes),
        (conversations[:1] * 2, messages, changes),
        (conversations, messages[::-1], changes),
        (conversations, messages, changes[::-1]),
    ):
        with pytest.raises(BadCall, match="not sorted"):
            list(times_of_all(*wrong, {}))
