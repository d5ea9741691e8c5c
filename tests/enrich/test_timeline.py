"""A conversation's timeline: without gaps, adding up to the clock's figures, and saying why the source's differ."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from wellheard.base.errors import Unknown
from wellheard.base.schedules import Hours, Schedule, Version
from wellheard.enrich.clock import Conversation, Message, StatusEvent, times
from wellheard.enrich.conversation_timeline import Timeline, timeline_of
from wellheard.enrich.timeline import stretches

OFFICE = Schedule("office", "UTC", (Version(None, None, tuple(Hours(day, 540, 1020) for day in range(5))),))
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def test_every_minute_is_told() -> None:
    """A bot closes, the customer returns on Friday, is answered on Monday and asks once more, and it is solved."""
    days = 24 * 60
    messages = [
        Message(after(0), "customer"),
        Message(after(4 * days + 450), "customer"),
        Message(after(7 * days + 10), "human"),
        Message(after(7 * days + 60), "customer"),
    ]
    changes = [
        StatusEvent(after(2), "status", "open", "closed", "bot"),
        StatusEvent(after(4 * days + 450), "status", "closed", "open", "customer"),
        StatusEvent(after(7 * days + 70), "status", "open", "solved", "human"),
    ]
    told = stretches(Conversation(), messages, changes, OFFICE)
    assert [(s.start, s.waited_for, s.counts_to, s.seconds, s.business_seconds) for s in told] == [
        (after(0), "us", ("waiting_on_us", "resolution"), 120, 120),
        (after(2), "nobody", ("resolution",), 372_480, 142_080),
        (after(4 * days + 450), "us", ("first_response", "waiting_on_us", "resolution"), 232_800, 2400),
        (after(7 * days + 10), "customer", ("resolution",), 3000, 3000),
        (after(7 * days + 60), "us", ("waiting_on_us", "resolution"), 600, 600),
    ]
    assert told[0].why.startswith("A machine closed it")


def test_what_still_runs_is_told_to_the_end_of_the_data() -> None:
    messages = [Message(after(0), "customer"), Message(after(5), "human"), Message(after(9), "customer")]
    told = stretches(Conversation(), messages, until=after(20))
    assert [(s.waited_for, s.seconds) for s in told] == [("us", 300), ("customer", 240), ("us", 660)]
    assert told[-1].end == after(20)
    assert stretches(Conversation()) == ()


def test_segments_add_up_to_the_clock_whatever_happens() -> None:
    rng = random.Random(12)
    authors, words = ("customer", "human", "bot", "automation"), ("open", "pending", "solved", "closed")
    told_of = 0
    for _ in range(1500):
        messages = [Message(after(rng.randrange(6000)), rng.choice(authors)) for _ in range(rng.randrange(1, 7))]
        changes = [
            StatusEvent(after(rng.randrange(6000)), "status", None, rng.choice(words), rng.choice(authors))
            for _ in range(rng.randrange(4))
        ]
        conversation, until = Conversation(MONDAY, "customer"), after(7000)
        clock = times(conversation, messages, changes, OFFICE, until)
        told = stretches(conversation, messages, changes, OFFICE, until)
        assert all(a.end == b.start for a, b in pairwise(told))

        def total(figure: str, part: str, told: Any = told) -> float:
            return sum(getattr(s, part) for s in told if figure in s.counts_to)

        for figure, ours in (
            ("first_response", (clock.first_response_seconds, clock.first_response_business_seconds)),
            ("resolution", (clock.resolution_seconds, clock.resolution_business_seconds)),
            ("waiting_on_us", (clock.waiting_on_us_seconds, clock.waiting_on_us_business_seconds)),
        ):
            if ours[0] is not None and not (figure == "first_response" and clock.first_response_seconds is None):
                assert (total(figure, "seconds"), total(figure, "business_seconds")) == ours, (
                    messages,
                    changes,
                    figure,
                )
                told_of += 1
    assert told_of > 2000


# --- one conversation of a workspace ----------------------------------------------------------------------------------

HOSTILE = "<script>alert('hi')</script>"


@pytest.fixture(scope="module")
def filled(new_desk: Callable[..., Any]) -> Any:
    desk = new_desk()
    hours = [
        {"source_id": f"d{d}", "schedule_id": "s", "zone": "UTC", "weekday": d, "opens": "09:00", "closes": "17:00"}
        for d in range(5)
    ]
    told = {
        "machine": ([("customer", 0), ("bot", 1), ("human", 600)], 60.0),
        "business": ([("customer", 470), ("human", 1450)], 1200.0),
        "unlike": ([("customer", 0), ("human", 60)], 7.0),
        "same": ([("customer", 0), ("human", 60)], 3610.0),
        "silent": ([], 90.0),
        "ours": ([("human", 0)], 5.0),
        "waiting": ([("customer", 1390)], None),
    }
    desk.deliver({
        "schedules": hours,
        "conversations": [
            {"source_id": key, "opened_at": after(said[0][1] if said else 0), "topic": HOSTILE,
             "opened_by": "human" if key == "ours" else "customer",
             "first_response_seconds": given} for key, (said, given) in told.items()
        ],
        "messages": [
            {"source_id": f"{key}{i}", "conversation_id": key, "author_type": who, "sent_at": after(at),
             "body": HOSTILE}
            for key, (said, _) in told.items() for i, (who, at) in enumerate(said)
        ],
    })  # fmt: skip
    return desk


def of(desk: Any, key: str) -> Timeline:
    (row,) = [r for r in desk.kpi("first_response_time", rows=True) if r["source_id"] == key]
    return timeline_of(desk.workspace.lake, row["id"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "ours", "given", "why"),
    [
        ("machine", 36_000, 60, "a machine's reply"),
        ("business", 58_800, 1200, "business time"),
        ("unlike", 3600, 7, "no reading"),
        ("same", 3600, 3610, ""),
        ("silent", 90, 90, ""),
        ("ours", None, 5, "We opened it"),
        ("waiting", 3600, None, ""),
    ],
)
def test_the_sources_own_figure_stands_beside_ours(
    filled: Any, key: str, ours: float | None, given: float | None, why: str
) -> None:
    length = next(each for each in of(filled, key).lengths if each.name == "first_response")
    assert (length.seconds, length.given) == (ours, given)
    assert why in length.why_different
    assert bool(why) == bool(length.why_different)


def test_a_conversation_is_told_with_its_words(filled: Any) -> None:
    told = of(filled, "machine")
    assert [(e.who, e.text, e.moves_the_clock) for e in told.events] == [
        ("customer", HOSTILE, True), ("bot", HOSTILE, False), ("human", HOSTILE, True)]  # fmt: skip
    assert told.facts["topic"] == HOSTILE
    assert told.zone == "UTC"
    assert told.open


def test_what_does_not_exist_is_named(filled: Any) -> None:
    with pytest.raises(Unknown, match="no conversation 'nothing'"):
        timeline_of(filled.workspace.lake, "nothing")
