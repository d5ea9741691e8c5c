"""Calendar periods in the workspace's time zone, and the offsets that turn instants into local days.

Periods are half-open `[start, end)`. Weeks start on Monday unless `week_start` (0 = Monday) says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wellheard.base.errors import BadCall

MONTHS = {"month": 1, "quarter": 3, "year": 12}


class Grain(Enum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, order=True)
class Period:
    """Local days `[start, end)`."""

    start: date
    end: date


def grain_of(text: str) -> Grain:
    """The grain called `text`; raises BadCall naming the five."""
    try:
        return Grain(text)
    except ValueError:
        names = ", ".join(g.value for g in Grain)
        raise BadCall(f"{text!r} is not a grain", hint=f"choose one of {names}", field="grain") from None


def zone_of(name: str, field: str = "tz") -> ZoneInfo:
    """The IANA time zone called `name`; raises BadCall with an example."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadCall(
            f"{name!r} is not a time zone", hint="use an IANA name such as Europe/Berlin or UTC", field=field
        ) from None


def add_months(day: date, months: int) -> date:
    """`day` moved by whole months; a day that the month lacks becomes its last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def floor(day: date, grain: Grain, week_start: int = 0) -> date:
    """The first day of the period that holds `day`."""
    if grain is Grain.DAY:
        return day
    if grain is Grain.WEEK:
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    length = MONTHS[grain.value]
    return date(day.year, (day.month - 1) // length * length + 1, 1)


def step(start: date, grain: Grain, count: int = 1) -> date:
    """The start of the period `count` periods after the one that starts at `start`."""
    if grain is Grain.DAY:
        return start + timedelta(days=count)
    if grain is Grain.WEEK:
        return start + timedelta(weeks=count)
    return add_months(start, MONTHS[grain.value] * count)


def covering(first: date, after: date, grain: Grain, week_start: int = 0) -> Iterator[Period]:
    """The whole periods that cover the days `[first, after)`, in order."""
    start = floor(first, grain, week_start)
    while start < after:
        end = step(start, grain)
        yield Period(start, end)
        start = end


def midnight(day: date, zone: str) -> datetime:
    """The UTC instant at which the local day `day` begins.

    Where a clock change skips midnight, the day begins at the change.
    """
    tz = ZoneInfo(zone)
    naive = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall clock, placed in its zone below
    begin = naive.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if begin.astimezone(tz).replace(tzinfo=None) == naive:
        return begin
    # A skipped midnight: the first instant after the gap is the earliest one whose local date is `day`.
    low, high = int((begin - timedelta(hours=3)).timestamp()), int((begin + timedelta(hours=3)).timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, tz).date() >= day:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def local_day(instant: datetime, zone: str) -> date:
    """The day on the wall at `instant` in `zone`."""
    return instant.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True)
class Offsets:
    """Seconds to add to UTC in a zone: `first` up to the first move, then each move's seconds from its instant on."""

    first: int
    moves: tuple[tuple[datetime, int], ...]


@lru_cache(maxsize=256)
def offsets(zone: str, low: date, high: date) -> Offsets:
    """The UTC offsets of `zone` over `[low, high]`, found by bisection on the zone database."""
    tz = ZoneInfo(zone)

    def seconds(stamp: int) -> int:
        shift = datetime.fromtimestamp(stamp, UTC).astimezone(tz).utcoffset()
        return int(shift.total_seconds()) if shift is not None else 0

    stamp = int(datetime(low.year, low.month, low.day, tzinfo=UTC).timestamp())
    last = int(datetime(high.year, high.month, high.day, tzinfo=UTC).timestamp())
    first = current = seconds(stamp)
    moves: list[tuple[datetime, int]] = []
    stride = 7 * 86400  # no zone has moved twice within a week and back
    while stamp < last:
        following = stamp + stride
        if seconds(following) != current:
            before, after = stamp, following
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (middle, after) if seconds(middle) == current else (before, middle)
            current = seconds(following)
            moves.append((datetime.fromtimestamp(after, UTC), current))
        stamp = following
    return Offsets(first, tuple(moves))
