"""The calendars of the world: which days are holidays, and when a zone's clock jumps.

Instants are whole microseconds since 1970 in UTC, so that no sum of them is ever rounded.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from wellheard.base.errors import BadCall, BadInput

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 1440 * MINUTE
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,5})?")


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970 of an instant in any zone; a BadCall without one."""
    if instant.tzinfo is None:
        raise BadCall(f"the instant {instant} has no time zone", hint="Give it in UTC.")
    passed = instant - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds


def instant_of(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def year_start(year: int) -> int:
    return (date(year, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY


@lru_cache(maxsize=4096)
def steady_offsets(zone: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The stretches `(begin, until, offset from UTC)` of a UTC year in which a zone's clock does not jump."""
    clock = ZoneInfo(zone)

    def offset(micros: int) -> int:
        gap = instant_of(micros).astimezone(clock).utcoffset()
        return 0 if gap is None else (gap.days * 86_400 + gap.seconds) * SECOND

    begin, end = year_start(year), year_start(year + 1)
    found, since = [], begin
    for left, right in pairwise([*range(begin, end, 180 * MINUTE), end - SECOND]):
        if offset(left) == offset(right):
            continue
        while right - left > SECOND:  # the jump lies between; no zone jumps twice within three hours
            middle = (left + right) // 2 // SECOND * SECOND
            left, right = (middle, right) if offset(middle) == offset(left) else (left, middle)
        found.append((since, right, offset(left)))
        since = right
    return (*found, (since, end, offset(end - SECOND)))


@lru_cache(maxsize=256)
def read_holidays(spec: str) -> tuple[frozenset[date], tuple[str, ...]]:
    """The dates and the codes that a text of holidays names."""
    dates, codes = set(), []
    for item in filter(None, (part.strip() for part in spec.split(","))):
        if _CODE.fullmatch(item.upper()):
            holidays_of(item.upper(), 2024)  # fails here when the code is unknown, and not in the middle of a sum
            codes.append(item.upper())
            continue
        try:
            dates.add(date.fromisoformat(item))
        except ValueError as error:
            raise _bad_holiday(item) from error
    return frozenset(dates), tuple(codes)


def _bad_holiday(item: str) -> BadInput:
    return BadInput(
        f"{item!r} is neither a date nor a holiday calendar",
        field="holidays",
        hint="Write dates as 2026-12-24, or a code such as DE or US-CA, with commas between.",
    )


@lru_cache(maxsize=4096)
def holidays_of(code: str, year: int) -> frozenset[date]:
    """A country's or region's holidays in a year, with days observed instead of a holiday of a year beside it."""
    import holidays as national_holidays  # every country's rules: loaded where an office has holidays

    country, _, region = code.partition("-")
    try:
        found = national_holidays.country_holidays(country, subdiv=region or None, years=(year - 1, year, year + 1))
    except NotImplementedError as error:
        raise _bad_holiday(code) from error
    return frozenset(day for day in found if day.year == year)
