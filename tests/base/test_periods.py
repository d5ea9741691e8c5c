"""Periods and offsets against the zone database, the calendars of the standard library, and clocks read one by one."""

from __future__ import annotations

import calendar
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellheard.base.errors import BadCall
from wellheard.base.periods import (
    Grain,
    Period,
    add_months,
    covering,
    floor,
    grain_of,
    local_day,
    midnight,
    offsets,
    step,
    zone_of,
)

# Half hours, quarter hours, both hemispheres, a day left out (Apia), midnights skipped (Sao Paulo, Beirut, Cairo),
# a zone that moved for Ramadan (Casablanca), one with half an hour of summer (Lord Howe), and none at all.
ZONES = (
    "UTC", "Europe/Berlin", "Europe/Dublin",
    "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia",
    "Pacific/Chatham", "America/Havana", "Asia/Tehran",
)  # fmt: skip
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 31))
GRAINS = st.sampled_from(list(Grain))
HOUR = timedelta(hours=1)


def _first_moment(day: date, zone: str) -> datetime:
    """The first minute that the zone's wall shows `day`, by reading the wall minute after minute."""
    tz = ZoneInfo(zone)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - 15 * HOUR
    while at.astimezone(tz).date() < day:
        at += timedelta(minutes=15)  # no zone of these years moves or begins its day off the quarter hour
    return at


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2010, 2011, 2018, 2023, 2026])
def test_a_day_begins_when_the_wall_first_shows_it(zone: str, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(0, 365, 3)]
    days += [local_day(at, zone) for at, _ in offsets(zone, date(year, 1, 1), date(year + 1, 1, 1)).moves]
    for day in days:
        assert midnight(day, zone) == _first_moment(day, zone), (day, zone)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00"),  # a day of 23 hours
        ("Europe/Berlin", date(2026, 3, 30), "2026-03-29T22:00"),
        ("Europe/Berlin", date(2026, 10, 26), "2026-10-25T23:00"),  # after a day of 25 hours
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),  # clocks went from 00:00 to 01:00
        ("Asia/Beirut", date(2022, 3, 27), "2022-03-26T22:00"),
        ("Africa/Cairo", date(2023, 4, 28), "2023-04-27T22:00"),
        ("America/Havana", date(2024, 11, 3), "2024-11-03T04:00"),  # 00:30 happens twice: the day begins at the first
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),  # the day before was left out
    ],
)
def test_known_days_begin_where_the_almanac_says(zone: str, day: date, begins: str) -> None:
    assert midnight(day, zone) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@given(DAYS, st.sampled_from(ZONES))
def test_midnight_is_the_first_second_of_its_day(day: date, zone: str) -> None:
    begin = midnight(day, zone)
    if (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):  # a day that Samoa never had
        assert local_day(begin, zone) == day
        assert local_day(begin - timedelta(seconds=1), zone) < day


@pytest.mark.parametrize("zone", ZONES)
def test_offsets_are_those_of_the_zone_database_at_every_hour(zone: str) -> None:
    low, high = date(2009, 6, 1), date(2012, 3, 1)
    found = offsets(zone, low, high)
    starts = [at for at, _ in found.moves]
    shifts = [found.first, *(seconds for _, seconds in found.moves)]
    tz = ZoneInfo(zone)
    at = datetime(low.year, low.month, low.day, tzinfo=UTC)
    while at.date() < high:
        for moment in (at, at + timedelta(minutes=29, seconds=59)):
            told = shifts[bisect_right(starts, moment)]
            assert moment.astimezone(tz).utcoffset() == timedelta(seconds=told), (moment, zone)
        at += HOUR


@pytest.mark.parametrize("zone", ZONES)
def test_each_move_is_at_its_very_second_and_changes_the_offset(zone: str) -> None:
    tz = ZoneInfo(zone)
    found = offsets(zone, date(1995, 1, 1), date(2037, 1, 1))
    assert list(found.moves) == sorted(found.moves)
    for before, (at, after) in zip([found.first, *(s for _, s in found.moves)], found.moves, strict=False):
        assert before != after
        assert at.astimezone(tz).utcoffset() == timedelta(seconds=after)
        assert (at - timedelta(seconds=1)).astimezone(tz).utcoffset() == timedelta(seconds=before)


def test_a_zone_that_never_moves_has_one_offset() -> None:
    assert offsets("Asia/Kathmandu", date(2000, 1, 1), date(2030, 1, 1)) == offsets(
        "Asia/Kathmandu", date(2010, 1, 1), date(2011, 1, 1)
    )
    assert offsets("Asia/Kathmandu", date(2000, 1, 1), date(2030, 1, 1)).first == 5 * 3600 + 45 * 60


def test_berlin_moves_on_the_last_sundays_of_march_and_october() -> None:
    def last_sunday(year: int, month: int) -> datetime:
        day = max(w[calendar.SUNDAY] for w in calendar.monthcalendar(year, month))
        return datetime(year, month, day, 1, tzinfo=UTC)

    wanted = [(last_sunday(y, m), 7200 if m == 3 else 3600) for y in range(2001, 2030) for m in (3, 10)]
    assert list(offsets("Europe/Berlin", date(2001, 1, 1), date(2030, 1, 1)).moves) == wanted


@given(DAYS, GRAINS, st.integers(0, 6))
def test_a_period_begins_where_its_grain_says_and_holds_its_day(day: date, grain: Grain, week_start: int) -> None:
    start = floor(day, grain, week_start)
    assert start <= day < step(start, grain)
    assert floor(start, grain, week_start) == start
    if grain is Grain.WEEK:
        assert (start.weekday(), step(start, grain) - start) == (week_start, timedelta(days=7))
    if grain is Grain.MONTH:
        assert (start.day, (step(start, grain) - start).days) == (1, calendar.monthrange(day.year, day.month)[1])
    if grain is Grain.QUARTER:
        assert (start.day, start.month) == (1, {1: 1, 2: 4, 3: 7, 4: 10}[(day.month + 2) // 3])
    if grain is Grain.YEAR:
        assert start == date(day.year, 1, 1)


@given(DAYS, st.integers(1, 800), GRAINS, st.integers(0, 6))
def test_periods_cover_a_range_without_a_gap_and_none_beyond(
    first: date, days: int, grain: Grain, week_start: int
) -> None:
    after = first + timedelta(days=days)
    periods = list(covering(first, after, grain, week_start))
    assert all(a.end == b.start for a, b in pairwise(periods))
    assert periods[0].start <= first < periods[0].end
    assert periods[-1].start < after <= periods[-1].end


def test_an_empty_range_has_no_period() -> None:
    assert list(covering(date(2026, 3, 1), date(2026, 3, 1), Grain.MONTH)) == []
    assert list(covering(date(2026, 3, 2), date(2026, 3, 2), Grain.DAY)) == []


def test_weeks_over_new_year_are_iso_weeks_unless_set() -> None:
    weeks = list(covering(date(2025, 12, 31), date(2026, 1, 6), Grain.WEEK))
    assert weeks == [Period(date(2025, 12, 29), date(2026, 1, 5)), Period(date(2026, 1, 5), date(2026, 1, 12))]
    assert [w.start.isocalendar().week for w in weeks] == [1, 2]
    assert floor(date(2026, 1, 4), Grain.WEEK, week_start=6) == date(2026, 1, 4)  # a Sunday


@pytest.mark.parametrize(
    ("day", "months", "moved"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 5, 5), 0, date(2026, 5, 5)),
    ],
)
def test_months_are_added_with_the_last_day_in_place_of_one_that_is_missing(
    day: date, months: int, moved: date
) -> None:
    assert add_months(day, months) == moved


@given(DAYS, st.integers(-240, 240))
def test_added_months_land_in_the_month_counted_on_the_fingers(day: date, months: int) -> None:
    year, month = day.year, day.month
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        year, month = (year + 1, 1) if month > 12 else (year - 1, 12) if month < 1 else (year, month)
    last = calendar.monthrange(year, month)[1]
    assert add_months(day, months) == date(year, month, min(day.day, last))


@given(DAYS, GRAINS, st.integers(-30, 30))
def test_steps_go_back_as_they_went(day: date, grain: Grain, count: int) -> None:
    start = floor(day, grain)
    assert step(step(start, grain, count), grain, -count) == start


def test_names_that_are_none_are_told_with_the_right_ones() -> None:
    assert [grain_of(g.value) for g in Grain] == list(Grain)
    with pytest.raises(BadCall, match="day, week, month, quarter, year"):
        grain_of("fortnight")
    for wrong in ("Mars/Base", "", "../../etc/passwd", "Europe/Berlin\x00"):
        with pytest.raises(BadCall, match="not a time zone") as caught:
            zone_of(wrong)
        assert caught.value.field == "tz"
