"""The clock, case by case: what happened, line by line, and the seconds that a person counted with a calendar.

A line is `MM-DD HH:MM[:SS]` of 2026 in UTC, then who wrote (customer, human, bot, automation, system; `internal` or
`auto` behind), or what changed (`status open>solved by human`). 2026-01-05 is a Monday.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
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
SCHEDULES = {schedule.schedule_id: schedule for schedule in (OFFICE, BERLIN, SUNDAYS, LONGER, ALWAYS_OPEN)}


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


# why, what happened, what else is known, the times that a person counted
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "A person answers after ten minutes.",
        "01-05 09:00 customer\n01-05 09:10 human",
        {},
        {"first_response_seconds": 600, "waiting_on_us_seconds": 600, "resolved_at": None},
    ),
    (
        "A reply at the same instant took no time.",
        "01-05 09:00 human\n01-05 09:00 customer",
        {},
        {"first_response_seconds": 0, "waiting_on_us_seconds": 0},
    ),
    (
        "Events out of order are put in order first.",
        "01-05 09:30 human\n01-05 09:00 customer\n01-05 09:10 human",
        {},
        {"first_response_seconds": 600, "human_replies": 2},
    ),
    (
        "The clock starts at the first of three unanswered messages.",
        "01-05 09:00 customer\n01-05 09:05 customer\n01-05 09:20 customer\n01-05 09:30 human",
        {},
        {"first_response_seconds": 1800, "waiting_on_us_seconds": 1800, "customer_messages": 3},
    ),
    (
        "A later exchange changes the waiting and not the first response.",
        "01-05 09:00 customer\n01-05 09:10 human\n01-05 10:00 customer\n01-05 12:00 human",
        {},
        {"first_response_seconds": 600, "waiting_on_us_seconds": 7800},
    ),
    (
        "A bot's reply stops nothing.",
        "01-05 09:00 customer\n01-05 09:00:05 bot\n01-05 10:00 human",
        {},
        {"first_response_seconds": 3600, "waiting_on_us_seconds": 3600},
    ),
    (
        "Nor does an automation's, nor a line of the system.",
        "01-05 09:00 customer\n01-05 09:00 automation\n01-05 09:01 system\n01-05 09:02 human",
        {},
        {"first_response_seconds": 120},
    ),
    (
        "A person's out-of-office note is no reply.",
        "01-05 09:00 customer\n01-05 09:00:01 human auto\n01-05 11:00 human public",
        {},
        {"first_response_seconds": 7200, "human_replies": 1},
    ),
    (
        "The customer's own out-of-office note asks nothing.",
        "01-05 08:00 customer auto\n01-05 09:00 customer\n01-05 09:01 human",
        {},
        {"first_response_seconds": 60, "customer_messages": 1},
    ),
    (
        "An internal note is not seen by the customer and is no reply.",
        "01-05 09:00 customer\n01-05 09:03 human internal\n01-05 09:45 human",
        {},
        {"first_response_seconds": 2700, "waiting_on_us_seconds": 2700},
    ),
    (
        "Only an internal note: nobody has answered yet, for an hour by now.",
        "01-05 09:00 customer\n01-05 09:03 human internal",
        {"until": "01-05 10:00"},
        {"first_response_seconds": None, "unanswered_seconds": 3600, "waiting_on_us_seconds": 3600},
    ),
    (
        "A person who writes first answers nothing; the reply to the customer's message does.",
        "01-05 08:00 human\n01-05 09:00 customer\n01-05 09:20 human",
        {},
        {"first_response_seconds": 1200},
    ),
    (
        "The bot closes at once, the customer returns after five days, and a person replies ten minutes later.",
        """01-05 09:00 customer
        01-05 09:00 bot
        01-05 09:00 status open>closed by bot
        01-10 09:00 customer
        01-10 09:00 status closed>open by customer
        01-10 09:10 human""",
        {},
        {"first_response_seconds": 600, "first_customer_at": at("01-10 09:00"), "reopen_count": 1, "resolved_at": None},
    ),
    (
        "The bot closes and nobody returns: self-service, so no response is due and none is missing.",
        "01-05 09:00 customer\n01-05 09:00:30 bot\n01-05 09:01 status open>resolved by bot",
        {"until": "01-09 09:00"},
        {
            "first_response_seconds": None,
            "unanswered_seconds": None,
            "resolution_seconds": 60,
            "waiting_on_us_seconds": 60,
        },
    ),
    (
        "The bot closes twice: the clock starts anew after each.",
        """01-05 09:00 customer
        01-05 09:01 status open>solved by bot
        01-06 09:00 customer
        01-06 09:00 status solved>open by customer
        01-06 09:02 status open>solved by automation
        01-07 09:00 customer
        01-07 09:00 status solved>open by customer
        01-07 09:05 human""",
        {},
        {"first_response_seconds": 300, "reopen_count": 2, "waiting_on_us_seconds": 60 + 120 + 300},
    ),
    (
        "The bot closes what had come back without a change of status, and the next message starts the clock anew.",
        """01-05 09:00 customer
        01-05 09:01 status open>resolved by bot
        01-05 12:00 customer
        01-06 12:00 status resolved>closed by automation
        01-08 09:00 customer
        01-08 09:04 human""",
        {},
        {"first_response_seconds": 240, "resolved_at": at("01-05 09:01"), "reopen_count": 0},
    ),
    (
        "A bot hands over: the customer waited since the first message, and 5 minutes since the handing over.",
        """01-05 09:00 customer
        01-05 09:01 bot
        01-05 09:10 agent_id >ann by bot
        01-05 09:15 human public ann""",
        {},
        {"first_response_seconds": 900, "handed_off_at": at("01-05 09:10"), "handoff_response_seconds": 300},
    ),
    (
        "Human then bot: what a bot closes after a person's answer does not start the clock anew.",
        """01-05 09:00 customer
        01-05 09:10 human
        01-05 10:10 status open>solved by automation
        01-08 09:00 customer
        01-08 09:00 status solved>open by customer
        01-08 10:00 human""",
        {},
        {"first_response_seconds": 600, "waiting_on_us_seconds": 600 + 3600, "reopen_count": 1},
    ),
    (
        "A person closes without a word: the clock runs on to the answer that the customer got in the end.",
        """01-05 09:00 customer
        01-05 09:30 status open>closed by human
        01-06 09:00 customer
        01-06 09:00 status closed>open by customer
        01-06 09:30 human""",
        {},
        {"first_response_seconds": 88_200, "waiting_on_us_seconds": 1800 + 1800},
    ),
    (
        "Closed by a person without a reply: the wait is cut off at the close.",
        "01-05 09:00 customer\n01-05 09:30 status open>closed by human",
        {"until": "01-09 09:00"},
        {"first_response_seconds": None, "unanswered_seconds": 1800},
    ),
    (
        "We opened it: there is no first response, but there is a resolution.",
        "01-05 09:00 human\n01-05 10:00 customer\n01-05 10:20 human\n01-05 11:00 status open>solved by human",
        {"opened_by": "human", "opened_at": "01-05 09:00"},
        {"first_response_seconds": None, "resolution_seconds": 3600, "waiting_on_us_seconds": 1200},
    ),
    (
        "An automation of ours opened it, and it was solved before the customer said thanks.",
        "01-05 09:00 automation\n01-05 10:00 status open>solved by human\n01-05 12:00 customer",
        {"opened_by": "automation", "opened_at": "01-05 09:00", "until": "01-06 09:00"},
        {
            "first_response_seconds": None,
            "unanswered_seconds": None,
            "resolution_seconds": 3600,
            "waiting_on_us_seconds": 0,
        },
    ),
    (
        "A bot that greets first does not make it ours.",
        "01-05 09:00 bot\n01-05 09:01 customer\n01-05 09:03 human",
        {"opened_by": "bot"},
        {"first_response_seconds": 120},
    ),
    (
        "Merged away: what follows is answered elsewhere.",
        "01-05 09:00 customer\n01-05 09:10 human",
        {"merged_into": "77"},
        {"first_response_seconds": None, "first_response_business_seconds": None},
    ),
    (
        "Merged away, and the given figure is no more true than ours.",
        "",
        {"merged_into": "77", "first_response_seconds": 30.0},
        {"first_response_seconds": None},
    ),
    (
        "Resolved, reopened and resolved: to the last resolution; the rest between was not the customer's.",
        """01-05 09:00 customer
        01-05 10:00 human
        01-05 11:00 status open>solved by human
        01-06 09:00 customer
        01-06 09:00 status solved>open by customer
        01-06 10:00 human
        01-06 12:00 status open>solved by human""",
        {},
        {
            "resolution_seconds": 97_200,
            "first_resolution_seconds": 7200,
            "first_resolved_at": at("01-05 11:00"),
            "resolved_at": at("01-06 12:00"),
            "reopen_count": 1,
            "first_reopened_at": at("01-06 09:00"),
            "waiting_on_us_seconds": 7200,
            "customer_messages": 2,
        },
    ),
    (
        "Closed three days after it was resolved: the resolution stays where it was.",
        """01-05 09:00 customer
        01-05 10:00 human
        01-05 11:00 status open>resolved by human
        01-08 11:00 status resolved>closed by automation""",
        {},
        {"resolution_seconds": 7200, "resolved_at": at("01-05 11:00"), "reopen_count": 0},
    ),
    (
        "Open again at the end: no resolution, but a first one.",
        """01-05 09:00 customer
        01-05 10:00 status open>DONE by human
        01-05 12:00 status Done>Pending by customer""",
        {"until": "01-05 13:00"},
        {
            "resolution_seconds": None,
            "resolved_at": None,
            "first_resolved_at": at("01-05 10:00"),
            "first_resolution_seconds": 3600,
            "reopen_count": 1,
            "unresolved_seconds": 14_400,
        },
    ),
    (
        "History begins after the first resolution: leaving `solved` is a reopening all the same.",
        "01-05 09:00 status solved>open by customer\n01-05 10:00 status open>completed by human",
        {"opened_at": "01-04 09:00"},
        {"reopen_count": 1, "resolution_seconds": 90_000},
    ),
    (
        "A word of thanks after the end makes nobody wait, and the close that follows neither.",
        """01-05 09:00 customer
        01-05 09:10 human
        01-05 09:20 status open>solved by human
        01-05 09:30 customer
        01-09 09:20 status solved>closed by automation""",
        {"until": "01-12 09:00"},
        {"waiting_on_us_seconds": 600, "resolution_seconds": 1200, "customer_messages": 1},
    ),
    (
        "An answer to a message after the end was waited for, although no status changed.",
        """01-05 09:00 customer
        01-05 09:10 human
        01-05 09:20 status open>solved by human
        01-05 10:00 customer
        01-05 10:05 human""",
        {},
        {"waiting_on_us_seconds": 900, "reopen_count": 0, "resolved_at": at("01-05 09:20")},
    ),
    (
        "Customer and resolution only: the waiting ends with the resolution.",
        "01-05 09:00 customer\n01-05 09:40 status open>solved by human",
        {},
        {"waiting_on_us_seconds": 2400, "first_response_seconds": None},
    ),
    (
        "No status history, but a given resolution.",
        "01-05 09:00 customer\n01-05 09:10 human",
        {"resolved_at": "01-05 12:00"},
        {"resolution_seconds": 10_800, "resolved_at": at("01-05 12:00"), "reopen_count": None},
    ),
    (
        "Only the close is given: it is the resolution.",
        "",
        {"opened_at": "01-05 09:00", "closed_at": "01-05 10:00"},
        {"resolution_seconds": 3600, "resolved_at": at("01-05 10:00")},
    ),
    (
        "The history says nothing of an end, so the given instant stands.",
        "01-05 09:00 status new>open by system\n01-05 09:05 team >billing by system",
        {"opened_at": "01-05 09:00", "resolved_at": "01-05 10:00"},
        {"resolution_seconds": 3600, "reopen_count": 0},
    ),
    (
        "The history tells of another end than the source's finished figure: the history holds.",
        "01-05 10:00 status open>solved by human",
        {"opened_at": "01-05 09:00", "resolved_at": "01-05 15:00", "resolution_seconds": 5.0},
        {"resolution_seconds": 3600, "resolved_at": at("01-05 10:00")},
    ),
    (
        "Instants without messages: from the opening to the reply.",
        "",
        {"opened_at": "01-05 09:00", "first_human_reply_at": "01-05 09:15", "first_response_seconds": 1.0},
        {"first_response_seconds": 900, "waiting_on_us_seconds": None},
    ),
    (
        "Instants without messages: the customer's first message goes before the opening.",
        "",
        {"opened_at": "01-05 08:00", "first_customer_at": "01-05 09:00", "first_human_reply_at": "01-05 09:15"},
        {"first_response_seconds": 900},
    ),
    (
        "Instants that contradict each other give no length, and never a negative one.",
        "",
        {"opened_at": "01-05 09:00", "first_human_reply_at": "01-05 08:00", "resolved_at": "01-04 09:00"},
        {"first_response_seconds": None, "resolution_seconds": None, "first_resolution_seconds": None},
    ),
    (
        "Neither messages nor instants: what was given is kept.",
        "",
        {
            "opened_at": "01-05 09:00",
            "first_response_seconds": 30.0,
            "first_response_business_seconds": 20.0,
            "resolution_seconds": 99.0,
            "resolution_business_seconds": 88.0,
            "waiting_on_us_seconds": 77.0,
            "reopen_count": 2,
            "until": "01-09 09:00",
        },
        {
            "first_response_seconds": 30,
            "first_response_business_seconds": 20,
            "resolution_seconds": 99,
            "resolution_business_seconds": 88,
            "waiting_on_us_seconds": 77,
            "reopen_count": 2,
            "unanswered_seconds": None,
            "unresolved_seconds": None,
        },
    ),
    (
        "Messages hold against a given figure.",
        "01-05 09:00 customer\n01-05 09:10 human",
        {"first_response_seconds": 1.0, "first_human_reply_at": "01-05 09:00:01"},
        {"first_response_seconds": 600, "first_human_reply_at": at("01-05 09:10")},
    ),
    (
        "Without a schedule the given business time stays.",
        "01-05 09:00 customer\n01-05 09:10 human",
        {"first_response_business_seconds": 400.0},
        {"first_response_seconds": 600, "first_response_business_seconds": 400},
    ),
    (
        "The customer telephoned, so only our words are there: the opening stands for the customer's.",
        "01-05 09:10 human",
        {"opened_at": "01-05 09:00", "opened_by": "customer"},
        {"first_response_seconds": 600},
    ),
    (
        "Nobody knows who opened it and only our words are there: nothing to answer.",
        "01-05 09:10 human",
        {"opened_at": "01-05 09:00"},
        {"first_response_seconds": None},
    ),
    (
        "Out of hours both: no business second, but counted.",
        "01-05 20:00 customer\n01-05 21:00 human",
        {"schedule": "office"},
        {
            "first_response_seconds": 3600,
            "first_response_business_seconds": 0,
            "waiting_on_us_business_seconds": 0,
        },
    ),
    (
        "Asked on Friday at 16:30, answered on Monday at 9:10: 30 and 10 minutes.",
        "01-09 16:30 customer\n01-12 09:10 human",
        {"schedule": "office"},
        {"first_response_seconds": 232_800, "first_response_business_seconds": 2400},
    ),
    (
        "Easter in Berlin: Thursday from 16:00 to 17:00 and Tuesday from 9:00 to 10:00.",
        "04-02 14:00 customer\n04-07 08:00 human",
        {"schedule": "berlin"},
        {"first_response_seconds": 410_400, "first_response_business_seconds": 7200},
    ),
    (
        "The Sunday in spring that has 23 hours.",
        "03-28 20:00 customer\n03-30 08:00 human",
        {"schedule": "sundays"},
        {"first_response_seconds": 129_600, "first_response_business_seconds": 82_800},
    ),
    (
        "The Sunday in autumn that has 25 hours.",
        "10-24 20:00 customer\n10-26 08:00 human",
        {"schedule": "sundays"},
        {"first_response_seconds": 129_600, "first_response_business_seconds": 90_000},
    ),
    (
        "Office hours in Berlin keep to the local clock: 9:00 is 7:00 UTC in summer.",
        "07-06 06:30 customer\n07-06 07:30 human",
        {"schedule": "berlin"},
        {"first_response_seconds": 3600, "first_response_business_seconds": 1800},
    ),
    (
        "Hours grew while the ticket was open: Monday 16:00 to 17:00 by the old, Tuesday 8:00 to 9:00 by the new.",
        "01-05 16:00 customer\n01-06 09:00 human",
        {"schedule": "longer"},
        {"first_response_seconds": 61_200, "first_response_business_seconds": 7200},
    ),
    (
        "Open all the time: business and calendar time are the same.",
        "01-05 16:00 customer\n01-06 09:00 human\n01-06 10:00 status open>solved by human",
        {"schedule": "always"},
        {
            "first_response_business_seconds": 61_200,
            "resolution_business_seconds": 64_800,
            "first_resolution_business_seconds": 64_800,
            "waiting_on_us_business_seconds": 61_200,
        },
    ),
    (
        "Instants alone are measured by the schedule too.",
        "",
        {
            "opened_at": "01-05 16:00",
            "first_human_reply_at": "01-06 10:00",
            "resolved_at": "01-06 11:00",
            "schedule": "office",
        },
        {"first_response_business_seconds": 7200, "resolution_business_seconds": 10_800},
    ),
    (
        "Nobody has answered and it is not resolved: both clocks up to the end of the data.",
        "01-05 16:00 customer",
        {"schedule": "office", "until": "01-06 10:00"},
        {
            "unanswered_seconds": 64_800,
            "unanswered_business_seconds": 7200,
            "unresolved_seconds": 64_800,
            "unresolved_business_seconds": 7200,
        },
    ),
    (
        "An urgent matter of 16:30 is due within an hour of opening time, to be solved within eight.",
        "01-05 16:30 customer",
        {"schedule": "office", "priority": "urgent"},
        {"first_response_due_at": at("01-06 09:30"), "resolution_due_at": at("01-06 16:30")},
    ),
    (
        "Any other matter has four hours.",
        "01-05 16:30 customer",
        {"schedule": "office", "priority": "low"},
        {"first_response_due_at": at("01-06 12:30")},
    ),
    (
        "From team to team and from Ann to Bob: two handoffs, one of which changed two fields at once.",
        """01-05 09:00 customer
        01-05 09:05 agent_id >ann by system
        01-05 09:10 human public ann
        01-05 09:20 agent_id ann>bob by human
        01-05 09:20 team one>two by human
        01-05 09:30 team two>three by human
        01-05 09:40 human public bob
        01-05 09:50 human public bob""",
        {},
        {"handoffs": 2, "human_agents": 2, "human_replies": 3, "handed_off_at": None},
    ),
    ("Nothing is known.", "", {}, dict.fromkeys(Times._fields)),
]


@pytest.mark.parametrize(("why", "lines", "known", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_clock_counts_as_a_person_does(
    why: str, lines: str, known: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = clocked(lines, **known)._asdict()
    assert {name: found[name] for name in expected} == expected, why


def test_there_are_enough_cases_and_a_version() -> None:
    assert len(CASES) >= 30
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
