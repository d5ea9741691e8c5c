"""Business time against a minute-by-minute count, days known by hand, and rows that must be refused."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

import pytest

from wellheard.base.calendars import holidays_of
from wellheard.base.errors import BadCall, BadInput
from wellheard.base.schedules import (
    ALWAYS_OPEN,
    Hours,
    Schedule,
    Version,
    add_business_seconds,
    business_seconds,
    due_at,
    open_intervals,
    schedule_from_rows,
)

LONG = os.environ.get("WELLHEARD_TEST_LONG") == "1"
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)

# Germany's nine national holidays, by hand; Easter Sunday was or is on 2024-03-31, 2025-04-20 and 2026-04-05.
NATIONAL = """
2024-01-01 2024-03-29 2024-04-01 2024-05-01 2024-05-09 2024-05-20 2024-10-03 2024-12-25 2024-12-26
2025-01-01 2025-04-18 2025-04-21 2025-05-01 2025-05-29 2025-06-09 2025-10-03 2025-12-25 2025-12-26
2026-01-01 2026-04-03 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-10-03 2026-12-25 2026-12-26 2027-01-01
"""
GERMANY = frozenset(map(date.fromisoformat, NATIONAL.split()))
OFFICE = tuple((weekday, 540, 1020) for weekday in range(5))
DAILY = tuple((weekday, 0, 1440) for weekday in range(7))
LUNCH = tuple((weekday, opens, closes) for weekday in range(6) for opens, closes in ((480, 720), (780, 1110)))
NIGHT = tuple((weekday, opens, closes) for weekday in range(7) for opens, closes in ((0, 150), (1320, 1440)))
JUMPS = tuple((weekday, 90, 165) for weekday in range(7))  # opens and closes inside the hour that a clock skips
TANGLED = ((0, 480, 720), (0, 600, 900), (0, 900, 960), (2, 0, 1), (2, 1439, 1440), (6, 30, 1410))
NONE: frozenset[date] = frozenset()

# zone, then versions as (from, to, hours, holidays as the schedule gets them, the same as plain dates)
KINDS: dict[str, tuple[str, list[tuple[str | None, str | None, tuple, object, frozenset[date]]]]] = {
    "always": ("UTC", [(None, None, DAILY, NONE, NONE)]),
    "office_utc": ("UTC", [(None, None, OFFICE, NONE, NONE)]),
    "office_berlin": ("Europe/Berlin", [(None, None, OFFICE, "DE", GERMANY)]),
    "daily_berlin": ("Europe/Berlin", [(None, None, DAILY, NONE, NONE)]),
    "night_berlin": ("Europe/Berlin", [(None, None, NIGHT, NONE, NONE)]),
    "jumps_berlin": ("Europe/Berlin", [(None, None, JUMPS, NONE, NONE)]),
    "lunch_new_york": ("America/New_York", [(None, None, LUNCH, NONE, NONE)]),
    "jumps_new_york": ("America/New_York", [(None, None, JUMPS, NONE, NONE)]),
    "night_los_angeles": ("America/Los_Angeles", [(None, None, NIGHT, NONE, NONE)]),
    "office_kolkata": ("Asia/Kolkata", [(None, None, OFFICE, NONE, NONE)]),
    "lunch_kathmandu": ("Asia/Kathmandu", [(None, None, LUNCH, NONE, NONE)]),
    "jumps_lord_howe": ("Australia/Lord_Howe", [(None, None, JUMPS, NONE, NONE)]),
    "daily_lord_howe": ("Australia/Lord_Howe", [(None, None, DAILY, NONE, NONE)]),
    "office_chatham": ("Pacific/Chatham", [(None, None, OFFICE, NONE, NONE)]),
    "night_santiago": ("America/Santiago", [(None, None, NIGHT, NONE, NONE)]),
    "night_havana": ("America/Havana", [(None, None, NIGHT, NONE, NONE)]),
    "lunch_cairo": ("Africa/Cairo", [(None, None, LUNCH, NONE, NONE)]),
    "night_nuuk": ("America/Nuuk", [(None, None, NIGHT, NONE, NONE)]),
    "tangled_casablanca": ("Africa/Casablanca", [(None, None, TANGLED, NONE, NONE)]),
    "kiritimati": ("Pacific/Kiritimati", [(None, None, OFFICE, NONE, NONE)]),
    "changing_berlin": (
        "Europe/Berlin",
        [
            (None, "2024-10-27", OFFICE, NONE, NONE),
            ("2024-10-27", "2025-03-30", LUNCH, "DE,2024-12-24", GERMANY | {date(2024, 12, 24)}),
            ("2025-03-30", "2025-10-01", DAILY, NONE, NONE),
            ("2025-11-01", None, NIGHT, frozenset({date(2026, 3, 29)}), frozenset({date(2026, 3, 29)})),
        ],
    ),
    "superseded_new_york": (
        "America/New_York",
        [("2024-02-01", None, OFFICE, NONE, NONE), ("2025-11-02", None, DAILY, "2025-11-27", {date(2025, 11, 27)})],
    ),
}


def day_or_none(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def built(name: str) -> Schedule:
    zone, versions = KINDS[name]
    return Schedule(
        name,
        zone,
        tuple(
            Version(day_or_none(since), day_or_none(until), tuple(Hours(*h) for h in hours), spec)  # type: ignore[arg-type]
            for since, until, hours, spec, _ in versions
        ),
    )


def open_at(name: str, instant: datetime) -> bool:
    """The definition, word for word: look at the wall clock and at the rules of its date."""
    zone, versions = KINDS[name]
    wall = instant.astimezone(ZoneInfo(zone))
    minute, today = wall.hour * 60 + wall.minute, wall.date()
    rule = None
    for version in versions:  # they are listed in order of their beginning, so the last that holds wins
        since, until = day_or_none(version[0]), day_or_none(version[1])
        if (since is None or since <= today) and (until is None or today < until):
            rule = version
    if rule is None or today in rule[4]:
        return False
    return any(weekday == wall.weekday() and opens <= minute < closes for weekday, opens, closes in rule[2])


@cache
def counted_day(name: str, midnight: datetime) -> list[int]:
    """Open minutes before each minute of a UTC day, and its total at the end."""
    flags = (open_at(name, midnight + timedelta(minutes=minute)) for minute in range(1440))
    return [0, *accumulate(int(flag) for flag in flags)]


def counted(name: str, start: datetime, end: datetime) -> int:
    """Open seconds of an interval of whole seconds, minute by minute."""

    def until(instant: datetime) -> int:
        midnight = instant.replace(hour=0, minute=0, second=0)
        minute = instant.hour * 60 + instant.minute
        minutes = counted_day(name, midnight)
        return minutes[minute] * 60 + (minutes[minute + 1] - minutes[minute]) * instant.second

    midnight, total = start.replace(hour=0, minute=0, second=0), 0
    while midnight.date() < end.date():
        total += counted_day(name, midnight)[-1] * 60
        midnight += timedelta(days=1)
    return total - until(start) + until(end)


# Days on which some clock above jumps, or a version of a schedule changes.
EDGES = """
2024-02-01 2024-03-10 2024-03-31 2024-04-07 2024-04-26 2024-09-08 2024-10-06 2024-10-27 2024-11-03 2024-12-24
2025-01-01 2025-02-23 2025-03-09 2025-03-30 2025-04-06 2025-04-25 2025-10-01 2025-10-26 2025-11-01 2025-11-02
2025-11-27 2026-01-01 2026-03-08 2026-03-29 2026-04-05 2026-09-06 2026-10-25
"""


def drawn(rng: random.Random) -> tuple[datetime, datetime]:
    length = timedelta(seconds=rng.choice([rng.randrange(7200), rng.randrange(86_400), rng.randrange(5 * 86_400)]))
    if rng.random() < 0.5:
        edge = datetime.fromisoformat(rng.choice(EDGES.split())).replace(tzinfo=UTC)
        start = edge + timedelta(seconds=rng.randrange(-36 * 3600, 36 * 3600))
    else:
        start = FIRST + timedelta(seconds=rng.randrange(int((LAST - FIRST).total_seconds()) - 6 * 86_400))
    if rng.random() < 0.5:
        start, length = start.replace(second=0), timedelta(minutes=length // timedelta(minutes=1))
    return start, start + length


@pytest.mark.slow
def test_I13_business_seconds_equal_a_minute_by_minute_count() -> None:
    """No difference, not even a second, over every kind of schedule."""
    rng = random.Random(13)
    names, wrong, positive = sorted(KINDS), [], 0
    for number in range(10_000 if LONG else 300):
        start, end = drawn(rng)
        for name in names if LONG else [names[number % len(names)]]:
            ours, truth = business_seconds(built(name), start, end), counted(name, start, end)
            positive += truth > 0
            if ours != truth:
                wrong.append((name, start, end, ours, truth))
    assert wrong == []
    assert positive > 100


def test_I13_the_open_stretches_add_up_to_the_business_seconds() -> None:
    rng = random.Random(14)
    for name in sorted(KINDS):
        start, end = drawn(rng)
        stretches = open_intervals(built(name), start, end)
        assert sum((b - a).total_seconds() for a, b in stretches) == counted(name, start, end)
        assert all(start <= a < b <= end for a, b in stretches)
        assert all(b < c for (_, b), (c, _) in pairwise(stretches))
        assert all(open_at(name, a) and not open_at(name, b) for a, b in stretches if b < end)


def test_I13_a_due_instant_is_the_first_by_which_the_seconds_are_counted() -> None:
    rng = random.Random(15)
    for name in sorted(KINDS):
        start, seconds = drawn(rng)[0], rng.randrange(1, 40_000)
        due = add_business_seconds(built(name), start, seconds)
        assert counted(name, start, due) == seconds
        assert counted(name, start, due - timedelta(seconds=1)) == seconds - 1


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("name", "start", "end", "seconds", "why"),
    [
        ("daily_berlin", "2026-03-29", "2026-03-30", 82_800, "the Sunday on which the clock skips an hour has 23 h"),
        ("daily_berlin", "2026-10-25", "2026-10-26", 90_000, "the Sunday on which an hour comes twice has 25 h"),
        ("daily_lord_howe", "2026-04-05", "2026-04-06", 88_200, "Lord Howe turns its clock by half an hour only"),
        ("office_berlin", "2026-01-02T16:30", "2026-01-05T09:10", 2_400, "30 min on Friday and 10 min on Monday"),
        ("office_berlin", "2026-04-02T16:00", "2026-04-07T10:00", 7_200, "Good Friday and Easter Monday are closed"),
        ("office_berlin", "2026-01-02T18:00", "2026-01-04T23:00", 0, "from Friday evening to Sunday nothing is open"),
        ("jumps_berlin", "2026-03-29", "2026-03-30", 1_800, "of 01:30 to 02:45 only half an hour exists that day"),
        (
            "jumps_berlin",
            "2026-10-25",
            "2026-10-26",
            7_200,
            "01:30 to 02:45, then 02:00 to 02:45 once more",
        ),
        (
            "changing_berlin",
            "2025-09-30",
            "2025-11-02T01:00",
            106_200,
            "a day, a month without version, then 5.5 h",
        ),
    ],
)
def test_days_known_by_hand(name: str, start: str, end: str, seconds: int, why: str) -> None:
    zone = KINDS[name][0]
    assert business_seconds(built(name), at(start, zone), at(end, zone)) == seconds, why


def test_years_of_waiting_are_summed_over_the_turns_of_the_year() -> None:
    weeks = 52 * 5
    assert business_seconds(built("office_utc"), at("2020-01-06"), at("2025-01-06")) == (5 * weeks + 5) * 8 * 3600
    assert business_seconds(ALWAYS_OPEN, at("2019-12-31T23:59:59"), at("2024-01-01T00:00:01")) == 1461 * 86_400 + 2
    assert len(open_intervals(ALWAYS_OPEN, at("2019-06-01"), at("2024-06-01"))) == 1


def test_parts_of_a_second_are_kept() -> None:
    start = at("2026-01-05T08:59:59.999999")
    assert business_seconds(built("office_utc"), start, start + timedelta(microseconds=3)) == 2e-6


def test_an_interval_turned_round_has_no_seconds() -> None:
    assert business_seconds(ALWAYS_OPEN, at("2026-01-02"), at("2026-01-01")) == 0
    assert open_intervals(ALWAYS_OPEN, at("2026-01-02"), at("2026-01-01")) == []


def test_an_instant_without_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(BadCall, match="no time zone"):
        business_seconds(ALWAYS_OPEN, naive, at("2026-01-02"))


def test_outside_of_any_calendar_all_is_closed() -> None:
    assert business_seconds(ALWAYS_OPEN, at("1899-12-31"), at("1900-01-02")) == 86_400
    assert business_seconds(ALWAYS_OPEN, at("2199-12-31"), at("9999-12-31")) == 86_400


@pytest.mark.parametrize(
    ("start", "seconds", "due"),
    [
        ("2026-01-02T16:30", 1_800, "2026-01-02T17:00"),
        ("2026-01-02T16:30", 1_801, "2026-01-05T09:00:01"),
        ("2026-01-03T12:00", 0, "2026-01-03T12:00"),
        ("2026-01-03T12:00", 1, "2026-01-05T09:00:01"),
        ("2025-12-31T16:59:59.5", 0.75, "2026-01-02T09:00:00.250000"),
    ],
)
def test_due_instants_known_by_hand(start: str, seconds: float, due: str) -> None:
    zone = "Europe/Berlin"
    assert add_business_seconds(built("office_berlin"), at(start, zone), seconds) == at(due, zone)


@pytest.mark.slow
def test_a_promise_that_never_falls_due_is_refused() -> None:
    closed = Schedule("closed", "UTC", (Version(None, None, ()),))
    with pytest.raises(BadCall, match="never open"):
        add_business_seconds(closed, at("2026-01-01"), 1)
    with pytest.raises(BadCall, match="-1 seconds"):
        add_business_seconds(ALWAYS_OPEN, at("2026-01-01"), -1)


def test_promises_fall_due_by_the_version_of_the_day_they_began() -> None:
    week = tuple(Hours(weekday, 540, 1020) for weekday in range(5))
    schedule = Schedule(
        "s",
        "Europe/Berlin",
        (
            Version(None, date(2026, 1, 6), week, targets={"first_response": {"high": 3600, "*": 28_800}}),
            Version(date(2026, 1, 6), None, week, targets={"resolution": {"high": 60}}),
        ),
    )
    monday = at("2026-01-05T16:30", "Europe/Berlin")
    assert due_at(schedule, monday, "first_response", "high") == at("2026-01-06T09:30", "Europe/Berlin")
    assert due_at(schedule, monday, "first_response", "low") == at("2026-01-06T16:30", "Europe/Berlin")
    assert due_at(schedule, monday, "first_response", None) == at("2026-01-06T16:30", "Europe/Berlin")
    assert due_at(schedule, monday, "resolution", "high") is None
    night = at("2026-01-06T00:30", "Europe/Berlin")  # in UTC it is still the 5th, when the first version held
    assert due_at(schedule, night, "resolution", "high") == at("2026-01-06T09:01", "Europe/Berlin")
    assert due_at(schedule, night, "resolution", "low") is None
    assert due_at(ALWAYS_OPEN, night, "resolution", "high") is None
    assert due_at(None, night, "resolution", "high") is None


def test_holidays_of_a_region_and_those_observed_on_another_day() -> None:
    assert {d for d in GERMANY if d.year == 2026} == holidays_of("DE", 2026)
    assert holidays_of("DE-BY", 2026) - holidays_of("DE", 2026) == {
        date(2026, 1, 6),
        date(2026, 6, 4),
        date(2026, 11, 1),
    }
    assert date(2026, 7, 3) in holidays_of("US", 2026)  # the 4th is a Saturday
    assert date(2021, 12, 31) in holidays_of("US", 2021)  # for the New Year's Day of 2022, a Saturday


def row(**changed: object) -> dict[str, object]:
    usual = {"schedule_id": "s", "zone": "Europe/Berlin", "weekday": 0, "opens": "09:00", "closes": "17:00"}
    return {**usual, "holidays": None, "valid_from": None, "valid_to": None, "targets": None, **changed}


PROMISED = {"first_response": {"high": 3600.0}, "resolution": {"*": 9.0}}


def test_schedules_from_rows() -> None:
    found = schedule_from_rows(
        [
            row(
                valid_to="2026-02-01",
                targets=json.dumps(PROMISED),
                holidays="DE, 2026-01-02",
            ),
            row(valid_to="2026-02-01", weekday="Tuesday", opens=time(8, 30), closes="24:00"),
            row(valid_from=date(2026, 2, 1), weekday="4", opens="22:00:00", closes="06:00", targets={"high": 60}),
            row(schedule_id="t", zone="UTC", weekday=None, opens=None, closes=None),
        ]
    )
    old, new = found["s"].versions
    assert old.hours == (Hours(0, 540, 1020), Hours(1, 510, 1440))
    assert (old.valid_from, old.valid_to, old.targets) == (None, date(2026, 2, 1), PROMISED)
    assert new.hours == (Hours(4, 1320, 1440), Hours(5, 0, 360))
    assert (new.valid_from, new.valid_to, new.targets) == (date(2026, 2, 1), None, {"first_response": {"high": 60}})
    assert found["s"].on(date(2026, 1, 31)) == old
    assert found["s"].on(date(2026, 2, 1)) == new
    assert found["t"].versions[0].hours == ()
    # 2026-01-02 is no working day by the text, 2026-01-06 is a Tuesday.
    assert business_seconds(found["s"], at("2026-01-02"), at("2026-01-07")) == 8 * 3600 + 15.5 * 3600
    assert schedule_from_rows([]) == {}


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"schedule_id": " "}, "schedule_id"),
        ({"zone": None}, "zone"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"zone": "Europe"}, "zone"),
        ({"zone": "UTC"}, "zone"),  # the row before it says Berlin
        ({"weekday": 7}, "weekday"),
        ({"weekday": "someday"}, "weekday"),
        ({"opens": "9 am"}, "opens"),
        ({"opens": None}, "opens"),
        ({"opens": "09:60"}, "opens"),
        ({"closes": "24:01"}, "closes"),
        ({"closes": "23:59:59"}, "closes"),
        ({"opens": "09:00", "closes": "09:00"}, "closes"),
        ({"holidays": "Atlantis"}, "holidays"),
        ({"holidays": "XQ"}, "holidays"),
        ({"holidays": "DE-XX"}, "holidays"),
        ({"holidays": "24.12.2026"}, "holidays"),
        ({"holidays": "FR"}, "holidays"),  # the row before it says DE
        ({"valid_from": "soon"}, "valid_from"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-02-01"}, "valid_to"),
        ({"targets": "high"}, "targets"),
        ({"targets": "[1]"}, "targets"),
        ({"targets": '{"lunch": {"high": 60}}'}, "targets"),
        ({"targets": '{"resolution": {"high": 60}, "low": 60}'}, "targets"),
        ({"targets": '{"high": "soon"}'}, "targets"),
        ({"targets": '{"high": 0}'}, "targets"),
        ({"targets": '{"high": NaN}'}, "targets"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(changed: dict[str, object], column: str) -> None:
    with pytest.raises(BadInput) as caught:
        schedule_from_rows([row(holidays="DE"), row(**changed)])
    assert (caught.value.place.file, caught.value.place.row, caught.value.place.column) == ("schedules", 2, column)
    assert caught.value.hint


def test_values_made_by_hand_are_held_to_the_same_rules() -> None:
    for wrong in (lambda: Hours(7, 0, 1), lambda: Hours(0, 60, 60), lambda: Version(None, None, (), "DE-XX")):
        with pytest.raises(BadInput):
            wrong()
    with pytest.raises(BadInput, match="unknown"):
        Schedule("s", "Mars/Olympus", ())
