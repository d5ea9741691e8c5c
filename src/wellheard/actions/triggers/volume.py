"""A day with far fewer, or far more, rows in a table than its weekday usually has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import Field

from wellheard.actions.counting import lower_p, upper_p
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When

WEEKS = 8  # of the same weekday that a day is compared with
DAY = timedelta(days=1)


class VolumeWhen(When):
    """Which table, in which direction, and how unlikely a day has to be."""

    trigger: Literal["volume"] = "volume"
    table: str
    side: Literal["fewer", "more", "both"] = "fewer"
    p: float = Field(0.001, gt=0, lt=0.2)
    least: int = Field(20, ge=1)


def find(when: VolumeWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The days, in UTC, that ended in that time and were out of line."""
    first, last = _day(since), _day(until)
    rows = look.by_hour(
        when.table, where=when.where, since=_midnight(first - (WEEKS * 7 + 1) * DAY), until=_midnight(last)
    )
    counts: dict[date, int] = {}
    for row in rows:
        day = _day(row["hour"])
        counts[day] = counts.get(day, 0) + int(row["n"])
    if not counts:
        return []
    began, found = min(counts), []
    for number in range((last - first).days + 1):
        day = first + (number - 1) * DAY
        if not since <= _midnight(day + DAY) < until:
            continue
        before = [counts.get(day - 7 * w * DAY, 0) for w in range(1, WEEKS + 1) if day - 7 * w * DAY >= began]
        if words := _why(when, counts.get(day, 0), before):
            found.append(_happening(when, day, counts.get(day, 0), before, words))
    return found


def _why(when: VolumeWhen, count: int, before: list[int]) -> str:
    if not before or max(count, sum(before) / len(before)) < when.least:
        return ""
    if when.side != "more" and lower_p(count, before) < when.p:
        return "far fewer"
    if when.side != "fewer" and upper_p(count, before) < when.p:
        return "far more"
    return ""


def _happening(when: VolumeWhen, day: date, count: int, before: list[int], words: str) -> Happening:
    usual = sum(before) / len(before)
    name = when.table.replace("_", " ")
    return Happening(
        subject=f"volume:{when.table}:{when.where}:{day}",
        at=_midnight(day + DAY),
        kind="alert",
        title=f"{words.capitalize()} {name} than usual on {day}",
        text=f"{count} on that day, {usual:.0f} on the {len(before)} same weekdays before.",
        facts=(("count", str(count)), ("usual", f"{usual:.0f}")),
        person=f"table:{when.table}:{when.where}",
        link="/import",
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


TRIGGER = Trigger("Volume", "A table had far fewer or far more rows than usual.", VolumeWhen, find, slow=True)
