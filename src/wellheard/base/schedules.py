"""Opening hours: how much of a stretch of time fell into them, and when a promise made inside them is due.

An instant is open when its local wall clock stands inside the opening hours of its local date, under the version of
the schedule in force on that date, and the date is no holiday. Seconds are true elapsed seconds, so a Sunday of 23
hours that is open from 00:00 to 24:00 has 82,800 of them.

Openings are worked out once for each schedule and UTC year and kept with running totals: any interval, however long,
then costs two binary searches.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from wellheard.base.calendars import (
    DAY,
    EPOCH_ORDINAL,
    MINUTE,
    SECOND,
    holidays_of,
    instant_of,
    micros_of,
    read_holidays,
    steady_offsets,
)
from wellheard.base.errors import BadCall, BadInput, Place

_FIRST_YEAR, _LAST_YEAR = 1900, 2199  # outside of these a calendar means nothing, and everything is closed
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PROMISES = frozenset({"first_response", "resolution"})
T = TypeVar("T")
Targets = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Hours:
    """One stretch of opening hours: weekday 0 is Monday; `opens` and `closes` are minutes of the local day, 0 to 1440.

    Raises BadInput when the weekday does not exist or the stretch is empty.
    """

    weekday: int
    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise BadInput(
                f"weekday {self.weekday} does not exist", hint="0 is Monday and 6 is Sunday.", field="weekday"
            )
        if not 0 <= self.opens < self.closes <= 1440:
            raise BadInput(
                f"opening hours from minute {self.opens} to {self.closes} are not a stretch of one day",
                hint="A whole day is 00:00 to 24:00.",
                field="closes",
            )


@dataclass(frozen=True)
class Version:
    """What a schedule says from `valid_from` on, until before `valid_to`; None is without bound. Dates are local.

    `holidays` is a set of closed dates, or text of ISO dates and codes of the `holidays` package with commas between
    ("DE", "US-CA", "DE,2026-12-24"). `targets` gives, for the promises first_response and resolution, the seconds by
    priority, with "*" for every other priority.
    """

    valid_from: date | None
    valid_to: date | None
    hours: tuple[Hours, ...]
    holidays: frozenset[date] | str = frozenset()
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise BadInput(
                f"the version ends on {self.valid_to}, before it begins on {self.valid_from}",
                hint="`valid_to` is the first day on which it no longer holds.",
                field="valid_to",
            )
        if isinstance(self.holidays, str):
            read_holidays(self.holidays)

    def covers(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


class _Year(NamedTuple):
    """The openings that fall in one UTC year, merged and in order, with the open time that lies before each."""

    starts: list[int]
    ends: list[int]
    before: list[int]
    total: int

    def open_until(self, instant: int) -> int:
        """Open microseconds from the year's start to `instant`."""
        at = bisect_right(self.starts, instant) - 1
        return 0 if at < 0 else self.before[at] + min(instant, self.ends[at]) - self.starts[at]


@dataclass(frozen=True)
class Schedule:
    """Opening hours in one time zone, in versions. Where two cover a date the one that begins later holds.

    A date that no version covers is closed. Raises BadInput when the zone is unknown.
    """

    schedule_id: str
    zone: str
    versions: tuple[Version, ...]
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise BadInput(
                f"the time zone {self.zone!r} of schedule {self.schedule_id!r} is unknown",
                hint="Write a name of the IANA list, such as Europe/Berlin.",
                field="zone",
            ) from error

    def on(self, day: date) -> Version | None:
        """The version in force on a local date."""
        covering = [version for version in self.versions if version.covers(day)]
        return max(covering, key=lambda version: version.valid_from or date.min, default=None)


ALWAYS_OPEN = Schedule("always", "UTC", (Version(None, None, tuple(Hours(weekday, 0, 1440) for weekday in range(7))),))


def business_seconds(schedule: Schedule, start: datetime, end: datetime) -> float:
    """Seconds of `[start, end)` that fall into opening hours; 0 when `end` is not after `start`.

    Both instants carry a zone; without one it is a BadCall.
    """
    first, last = micros_of(start), micros_of(end)
    if last <= first:
        return 0.0
    begin, until = _year_of(first), _year_of(last)
    if begin == until:
        year = _openings(schedule, begin)
        return (year.open_until(last) - year.open_until(first)) / SECOND
    years = [_openings(schedule, number) for number in range(begin, until + 1)]
    whole = sum(year.total for year in years[:-1])
    return (whole - years[0].open_until(first) + years[-1].open_until(last)) / SECOND


def open_intervals(schedule: Schedule, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The open stretches of `[start, end)` in order, as UTC instants; those that touch are one."""
    first, last = micros_of(start), micros_of(end)
    found: list[list[int]] = []
    for number in range(_year_of(first), _year_of(last) + 1):
        year = _openings(schedule, number)
        for opens, closes in zip(year.starts, year.ends, strict=True):
            if opens < last and closes > first:
                _append(found, max(opens, first), min(closes, last))
    return [(instant_of(opens), instant_of(closes)) for opens, closes in found]


def add_business_seconds(schedule: Schedule, start: datetime, seconds: float) -> datetime:
    """The first instant by which `seconds` of opening hours have passed since `start`; `start` itself for 0.

    Raises BadCall when `seconds` is negative, or when the schedule never opens for so long.
    """
    first = micros_of(start)
    left = round(seconds * SECOND)
    if left < 0:
        raise BadCall(f"{seconds} seconds cannot be added", hint="Give 0 or more.", field="seconds")
    if left == 0:
        return instant_of(first)
    for number in range(_year_of(first), _LAST_YEAR + 1):
        year = _openings(schedule, number)
        wanted = left + year.open_until(first)  # nothing in the years after the first one
        if wanted <= year.total:
            at = bisect_left(year.before, wanted) - 1
            return instant_of(year.starts[at] + wanted - year.before[at])
        left = wanted - year.total
    raise BadCall(
        f"schedule {schedule.schedule_id!r} is never open for another {seconds} seconds",
        hint="Look at its hours and at the end of its last version.",
        field="schedule_id",
    )


def due_at(schedule: Schedule | None, start: datetime | None, promise: str, priority: str | None) -> datetime | None:
    """When a promise (first_response or resolution) that began at `start` falls due, by opening hours.

    The version in force at `start` promises. None where nothing is promised, or where we never open long enough.
    """
    if schedule is None or start is None or not any(version.targets for version in schedule.versions):
        return None
    version = schedule.on(start.astimezone(ZoneInfo(schedule.zone)).date())
    promised = version.targets.get(promise, {}) if version else {}
    seconds = promised.get(priority or "*", promised.get("*"))
    if seconds is None:
        return None
    try:
        return add_business_seconds(schedule, start, seconds)
    except BadCall:
        return None


def schedule_from_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, Schedule]:
    """Schedules by id from rows of the canonical table `schedules`: one row a stretch of opening hours.

    Rows of the same `valid_from` and `valid_to` make one version; `holidays` and `targets` (JSON) may stand in any of
    its rows but must agree. Hours that close at or before they open run past midnight. A row without a weekday adds
    no hours. Raises BadInput with the row, counted from 1, and the column.
    """
    zones: dict[str, str] = {}
    parts: dict[str, dict[tuple[date | None, date | None], _Parts]] = {}
    for number, row in enumerate(rows, start=1):
        try:
            key = _text(row, "schedule_id")
            zone = _text(row, "zone")
            if zones.setdefault(key, zone) != zone:
                raise BadInput(
                    f"schedule {key!r} has two time zones, {zones[key]} and {zone}",
                    hint="Give each zone a schedule of its own.",
                    field="zone",
                )
            Schedule(key, zone, ())
            period = _date(row, "valid_from"), _date(row, "valid_to")
            Version(*period, ())
            parts.setdefault(key, {}).setdefault(period, _Parts()).add(row)
        except BadInput as error:
            raise _placed(error, number) from error
    return {
        key: Schedule(key, zones[key], tuple(part.version(*period) for period, part in periods.items()))
        for key, periods in parts.items()
    }


class _Parts:
    """What the rows of one version have said so far."""

    def __init__(self) -> None:
        self.hours: list[Hours] = []
        self.holidays: str | None = None
        self.targets: Targets | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        self.hours.extend(_read_hours(row))
        spec = row.get("holidays")
        if spec:
            read_holidays(str(spec))
            self.holidays = _agreed("holidays", self.holidays, str(spec))
        targets = _read_targets(row.get("targets"))
        if targets is not None:
            self.targets = _agreed("targets", self.targets, targets)

    def version(self, valid_from: date | None, valid_to: date | None) -> Version:
        return Version(valid_from, valid_to, tuple(self.hours), self.holidays or frozenset(), self.targets or {})


def _agreed(column: str, had: T | None, given: T) -> T:
    if had is not None and had != given:
        raise BadInput(
            f"two rows of one version say different {column}",
            hint="Write them once, or the same in every row.",
            field=column,
        )
    return given


def _placed(error: BadInput, row: int) -> BadInput:
    place = Place(file="schedules", row=row, column=error.field)
    return BadInput(error.message, hint=error.hint, field=error.field, place=place)


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None or not str(value).strip():
        raise BadInput(f"{column} is missing", hint="Every row of a schedule needs it.", field=column)
    return str(value).strip()


def _date(row: Mapping[str, Any], column: str) -> date | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise BadInput(f"{value!r} is not a date", hint="Write it as 2026-01-31.", field=column) from error


def _read_hours(row: Mapping[str, Any]) -> Iterator[Hours]:
    if row.get("weekday") in (None, ""):
        return
    weekday = _read_weekday(row["weekday"])
    opens, closes = _read_minute(row, "opens"), _read_minute(row, "closes")
    if opens < closes:
        yield Hours(weekday, opens, closes)
        return
    if opens == closes or opens == 1440:
        raise BadInput(
            f"it opens and closes at {row['opens']}",
            hint="A whole day is 00:00 to 24:00; leave the row out for a closed day.",
            field="closes",
        )
    yield Hours(weekday, opens, 1440)
    if closes:
        yield Hours((weekday + 1) % 7, 0, closes)


def _read_weekday(value: object) -> int:
    word = str(value).strip().lower()
    if word in {"0", "1", "2", "3", "4", "5", "6"}:
        return int(word)
    if len(word) >= 3 and word[:3] in _WEEKDAYS:
        return _WEEKDAYS.index(word[:3])
    raise BadInput(f"{value!r} is not a weekday", hint="Write 0 for Monday to 6 for Sunday.", field="weekday")


def _read_minute(row: Mapping[str, Any], column: str) -> int:
    """Minutes of the day from "HH:MM", "HH:MM:00" or a time; "24:00" is the day's end."""
    value = row.get(column)
    text = value.isoformat() if isinstance(value, time) else str(value if value is not None else "").strip()
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(:00)?", text)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else 9999
    if minute > 1440:
        raise BadInput(
            f"{value!r} is not a time of day", hint="Write 09:00, and 24:00 for the end of a day.", field=column
        )
    return minute


def _read_targets(value: object) -> Targets | None:
    """Seconds by promise and priority; without promises they are those of the first response."""
    if value is None or value == "":
        return None
    try:
        given = value if isinstance(value, Mapping) else json.loads(str(value))
        if not any(isinstance(part, Mapping) for part in given.values()):
            given = {"first_response": given}
        targets = {name: {str(k): float(v) for k, v in part.items()} for name, part in given.items()}
    except (ValueError, TypeError, AttributeError) as error:
        hint = 'Write seconds by promise and priority, such as {"first_response": {"high": 3600, "*": 28800}}.'
        raise BadInput(f"targets {value!r} cannot be read", hint=hint, field="targets") from error
    if not set(targets) <= _PROMISES:
        hint = f"The promises are {' and '.join(sorted(_PROMISES))}."
        raise BadInput(f"targets {value!r} promise something unknown", hint=hint, field="targets")
    if not all(0 < seconds < float("inf") for part in targets.values() for seconds in part.values()):
        raise BadInput(f"targets {value!r} hold a time that is not above 0", hint="Write seconds.", field="targets")
    return targets


def _day(number: int) -> date:
    return date.fromordinal(number + EPOCH_ORDINAL)


def _year_of(micros: int) -> int:
    number = micros // DAY + EPOCH_ORDINAL
    if number < 1:
        return _FIRST_YEAR
    return min(max(date.fromordinal(number).year, _FIRST_YEAR), _LAST_YEAR)


def _openings(schedule: Schedule, year: int) -> _Year:
    known = schedule._years.get(year)
    if known is None:
        known = schedule._years[year] = _open_year(schedule, year)
    return known


def _open_year(schedule: Schedule, year: int) -> _Year:
    found: list[list[int]] = []
    weeks = {id(version): _week(version) for version in schedule.versions}
    for begin, until, offset in steady_offsets(schedule.zone, year):
        # Within a stretch of one offset the wall clock never jumps, so an opening is a plain shift cut to the stretch.
        for number in range((begin + offset) // DAY, (until - 1 + offset) // DAY + 1):
            day = _day(number)
            version = schedule.on(day)
            if version is None or _closed(version, day):
                continue
            midnight = number * DAY - offset
            for opens, closes in weeks[id(version)][day.weekday()]:
                _append(found, max(midnight + opens, begin), min(midnight + closes, until))
    before, total = [], 0
    for opens, closes in found:
        before.append(total)
        total += closes - opens
    return _Year([opens for opens, _ in found], [closes for _, closes in found], before, total)


def _append(found: list[list[int]], opens: int, closes: int) -> None:
    """Adds a stretch that begins no earlier than the last one, and joins the two when they touch."""
    if opens >= closes:
        return
    if found and opens <= found[-1][1]:
        found[-1][1] = max(found[-1][1], closes)
    else:
        found.append([opens, closes])


def _week(version: Version) -> list[list[list[int]]]:
    """Opening hours by weekday in microseconds of the day, overlapping ones joined."""
    week: list[list[list[int]]] = [[] for _ in range(7)]
    for hours in sorted(version.hours, key=lambda hours: (hours.weekday, hours.opens)):
        _append(week[hours.weekday], hours.opens * MINUTE, hours.closes * MINUTE)
    return week


def _closed(version: Version, day: date) -> bool:
    if not isinstance(version.holidays, str):
        return day in version.holidays
    dates, codes = read_holidays(version.holidays)
    return day in dates or any(day in holidays_of(code, day.year) for code in codes)
