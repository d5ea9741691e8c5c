"""The clock's business time against a count of every single minute, by the wall clock that hangs in the office.

Nothing of the schedules' own arithmetic is used: every minute of 16 months is looked up on the wall and in the rules.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wellheard.base.schedules import Hours, Schedule, Version
from wellheard.enrich.clock import Conversation, Message, times

FIRST, LAST = datetime(2025, 9, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
EPOCH = FIRST.timestamp()

Rule = tuple[str | None, str | None, tuple[tuple[int, int, int], ...], tuple[str, ...]]  # from, to, hours, days off
OFFICE = tuple((day, 540, 1020) for day in range(5))
LUNCH = tuple((day, *span) for day in range(6) for span in ((480, 725), (790, 1115)))
NIGHT = tuple((day, *span) for day in range(7) for span in ((0, 185), (1290, 1440)))
WHOLE = tuple((day, 0, 1440) for day in range(7))
JUMP = tuple((day, 95, 170) for day in range(7))  # inside the hours that clocks skip and repeat
ODD = ((0, 480, 720), (0, 660, 901), (2, 0, 1), (3, 1439, 1440), (5, 0, 1440), (6, 31, 1409))
XMAS = ("2025-12-25", "2025-12-26", "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25")


def always(hours: tuple[tuple[int, int, int], ...], *off: str) -> tuple[Rule, ...]:
    return ((None, None, hours, off),)


RULES: dict[str, tuple[str, tuple[Rule, ...]]] = {
    "always": ("UTC", always(WHOLE)),
    "office": ("UTC", always(OFFICE, *XMAS)),
    "berlin": ("Europe/Berlin", always(OFFICE, *XMAS)),
    "berlin nights": ("Europe/Berlin", always(NIGHT, *XMAS)),
    "berlin jumps": ("Europe/Berlin", always(JUMP)),
    "london": ("Europe/London", always(LUNCH, *XMAS)),
    "london whole": ("Europe/London", always(WHOLE, *XMAS)),
    "new york": ("America/New_York", always(OFFICE, "2025-11-27", "2026-07-03")),
    "new york jumps": ("America/New_York", always(JUMP)),
    "los angeles": ("America/Los_Angeles", always(NIGHT)),
    "st john's": ("America/St_Johns", always(LUNCH)),
    "kolkata": ("Asia/Kolkata", always(OFFICE)),
    "kathmandu": ("Asia/Kathmandu", always(ODD)),
    "tokyo": ("Asia/Tokyo", always(NIGHT, *XMAS)),
    "sydney": ("Australia/Sydney", always(JUMP, *XMAS)),
    "lord howe": ("Australia/Lord_Howe", always(ODD)),
    "auckland": ("Pacific/Auckland", always(LUNCH, *XMAS)),
    "longer from spring": (
        "Europe/Berlin",
        ((None, "2026-03-29", OFFICE, XMAS), ("2026-03-29", None, LUNCH, XMAS)),
    ),
    "closed in between": (
        "America/New_York",
        (
            ("2025-10-01", "2025-11-02", WHOLE, ()),
            ("2025-11-02", "2026-03-08", NIGHT, XMAS),
            ("2026-04-01", None, ODD, ()),
        ),
    ),
    "overtaken": ("Europe/Paris", ((None, None, OFFICE, ()), ("2025-10-26", None, JUMP, XMAS))),
}  # fmt: skip


def day_of(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def schedule(name: str) -> Schedule:
    zone, rules = RULES[name]
    versions = []
    for since, until, hours, off in rules:
        days_off = frozenset(map(date.fromisoformat, off))
        versions.append(Version(day_of(since), day_of(until), tuple(Hours(*h) for h in hours), days_off))
    return Schedule(name, zone, tuple(versions))


@cache
def open_before(name: str) -> NDArray[np.int64]:
    """How many minutes were open before each minute since FIRST, each looked up by itself."""
    zone, rules = RULES[name]
    wall = pd.date_range(FIRST, LAST, freq="min", inclusive="left").tz_convert(zone)
    minute, weekday = wall.hour.to_numpy() * 60 + wall.minute.to_numpy(), wall.day_of_week.to_numpy()
    today = wall.tz_localize(None).normalize()
    opened = np.zeros(len(wall), dtype=bool)
    for since, until, hours, off in rules:  # a later rule overtakes an earlier one
        holds = np.ones(len(wall), dtype=bool)
        if since is not None:
            holds &= today >= pd.Timestamp(since)
        if until is not None:
            holds &= today < pd.Timestamp(until)
        inside = np.zeros(len(wall), dtype=bool)
        for day, opens, closes in hours:
            inside |= (weekday == day) & (minute >= opens) & (minute < closes)
        inside &= ~today.isin(pd.to_datetime(list(off)))
        opened = np.where(holds, inside, opened)
    return np.concatenate([[0], np.cumsum(opened)])


def counted(name: str, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Open seconds from FIRST to each instant, given in seconds since FIRST."""
    before = open_before(name)
    whole, rest = seconds // 60, seconds % 60
    return before[whole] * 60 + (before[np.minimum(whole + 1, len(before) - 1)] - before[whole]) * rest


def drawn(number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends in seconds since FIRST, half of them about a day on which a clock, rule or calendar changes."""
    rng = np.random.default_rng(11)
    whole = int((LAST - FIRST).total_seconds())
    length = rng.choice([3600, 86_400, 5 * 86_400, 40 * 86_400], number) * rng.random(number)
    days = [
        "2025-10-26",
        "2025-11-02",
        "2025-12-25",
        "2026-01-01",
        "2026-03-08",
        "2026-03-29",
        "2026-04-05",
        "2026-10-04",
    ]
    edges = np.array([datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() - EPOCH for day in days])
    near = rng.choice(edges, number) + rng.integers(-130_000, 130_000, number)
    start = np.where(rng.random(number) < 0.5, near, rng.integers(0, whole - 86_400, number)).astype(np.int64)
    return start, np.minimum(start + length.astype(np.int64), whole - 1)


def check(number: int) -> None:
    starts, ends = drawn(number)
    wrong, positive = [], 0
    for name in RULES:
        truth = counted(name, ends) - counted(name, starts)
        ours, hours = [], schedule(name)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            said = [
                Message(FIRST + timedelta(seconds=start), "customer"),
                Message(FIRST + timedelta(seconds=end), "human"),
            ]
            found = times(Conversation(), said, (), hours)
            assert found.first_response_seconds == end - start
            ours.append(found.first_response_business_seconds)
        away = np.flatnonzero(np.array(ours, dtype=np.float64) != truth)
        wrong += [(name, int(starts[i]), int(ends[i]), ours[i], int(truth[i])) for i in away]
        positive += int((truth > 0).sum())
    assert wrong == []
    assert positive > number * len(RULES) / 4


def test_twenty_schedules_are_counted() -> None:
    """The oracle itself, on days that a person can count: the nights of Berlin on which the clocks change."""
    assert len(RULES) == 20
    minutes = (datetime(2026, 3, 28, 23, tzinfo=UTC) - FIRST) // timedelta(minutes=1)
    before = open_before("berlin jumps")
    assert before[minutes + 1440] - before[minutes] == 25  # 1:35 to 2:50 of a night on which 2:00 is 3:00
    minutes = (datetime(2026, 10, 24, 22, tzinfo=UTC) - FIRST) // timedelta(minutes=1)
    assert before[minutes + 1440] - before[minutes] == 75 + 50  # 2:00 to 2:50 comes twice


@pytest.mark.slow
def test_business_seconds_equal_a_count_of_every_minute() -> None:
    check(500)


@pytest.mark.long
def test_business_seconds_equal_a_count_of_every_minute_ten_thousand_times() -> None:
    check(10_000)
