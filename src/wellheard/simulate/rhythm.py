"""When things happen: days of the week, hours of the day, holidays, and the opening hours of the support teams."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from wellheard.base.schedules import open_intervals, schedule_from_rows
from wellheard.simulate.company import DAY, REGIONS, Array, Company

# Weights by weekday from Monday, and by hour of the local day.
WEEK = {"work": (1.2, 1.15, 1.1, 1.05, 0.9, 0.2, 0.15), "leisure": (1.0, 1.0, 1.05, 1.05, 0.95, 0.7, 0.8)}
HOURS = {
    "work": (1, 1, 1, 1, 1, 2, 6, 20, 60, 95, 100, 90, 60, 75, 90, 85, 70, 45, 22, 14, 10, 7, 4, 2),
    "leisure": (4, 2, 1, 1, 1, 2, 8, 20, 40, 60, 70, 70, 65, 65, 60, 60, 58, 55, 60, 75, 85, 70, 40, 15),
}
QUIET = {(12, 24), (12, 25), (12, 26), (12, 27), (12, 28), (12, 29), (12, 30), (12, 31), (1, 1)}
TARGETS = {
    "first_response": {"urgent": 3600, "high": 4 * 3600, "normal": 8 * 3600, "low": 16 * 3600},
    "resolution": {"urgent": 8 * 3600, "high": 20 * 3600, "normal": 40 * 3600, "low": 80 * 3600},
}
HOLIDAYS = ("DE", "US", "SG")
OPENS, CLOSES, CLOSES_LATER = "08:00", "18:00", "20:00"


@lru_cache(maxsize=256)
def _days(company: Company, month: int, kind: str) -> tuple[Array, Array]:
    """The local midnights of a month (as if they were UTC) and how likely each day is."""
    first, last = company.start(month) // DAY, company.start(month + 1) // DAY
    days = np.arange(first, last)
    weights = np.array(WEEK[kind])[(days + 3) % 7]  # day 0 of the epoch was a Thursday
    calendar = [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]
    quiet = np.array([(day.month, day.day) in QUIET for day in calendar])
    weights = weights * np.where(quiet, 0.25, 1.0)
    return days * DAY, weights / weights.sum()


def moments(company: Company, rng: np.random.Generator, month: int, zone: Array, kind: str) -> Array:
    """One UTC second in the month for each row of `zone`, on the weekdays and at the local hours of `kind`."""
    days, weights = _days(company, month, kind)
    hours = np.array(HOURS[kind], dtype=float)
    local = days[rng.choice(len(days), len(zone), p=weights)]
    local = local + rng.choice(24, len(zone), p=hours / hours.sum()) * 3600 + rng.integers(0, 3600, len(zone))
    utc = company.to_utc(local, zone)
    low, high = company.start(month), company.start(month + 1)
    return utc + np.where(utc < low, DAY, 0) - np.where(utc >= high, DAY, 0)


def skewed(rng: np.random.Generator, median: Array | float, sigma: float, rows: int) -> Array:
    """Seconds with a heavy right tail: log-normal around `median`, at least one."""
    return np.maximum(np.exp(rng.normal(0.0, sigma, rows)) * median, 1.0).astype(np.int64)


def schedule_rows(company: Company) -> list[dict[str, Any]]:
    """Rows of the table `schedules`; from the improvement on, Europe stays open longer."""
    later = company.day(company.improvement)
    targets = json.dumps(TARGETS)
    rows: list[dict[str, Any]] = []
    for number, region in enumerate(REGIONS):
        versions = [(None, later, CLOSES), (later, None, CLOSES_LATER)] if number == 0 else [(None, None, CLOSES)]
        for valid_from, valid_to, closes in versions:
            for weekday in range(5):
                rows.append(
                    {
                        "schedule_id": region.schedule,
                        "zone": region.zone,
                        "weekday": weekday,
                        "opens": OPENS,
                        "closes": closes,
                        "holidays": HOLIDAYS[number],
                        "valid_from": valid_from,
                        "valid_to": valid_to,
                        "targets": targets,
                    }
                )
    return rows


@dataclass(frozen=True)
class Opening:
    """The opening hours of one region as sorted stretches, with the open seconds that lie before each."""

    starts: Array
    ends: Array
    before: Array

    def elapsed(self, instant: Array) -> Array:
        """Open seconds from the first stretch to each instant."""
        at = np.maximum(np.searchsorted(self.starts, instant, side="right") - 1, 0)
        inside = np.clip(instant - self.starts[at], 0, self.ends[at] - self.starts[at])
        return np.asarray(self.before[at] + inside)

    def add(self, instant: Array, seconds: Array) -> Array:
        """The instants by which so many open seconds have passed; at least one second later."""
        wanted = self.elapsed(instant) + np.maximum(seconds, 1)
        at = np.searchsorted(self.before, wanted, side="left") - 1
        return np.asarray(np.maximum(self.starts[at] + wanted - self.before[at], instant + 1))


@lru_cache(maxsize=4)
def openings(company: Company) -> tuple[Opening, ...]:
    """The opening hours of each region, from before the history to two years after it."""
    schedules = schedule_from_rows(schedule_rows(company))
    low = datetime.fromtimestamp(company.first - 60 * DAY, UTC)
    high = datetime.fromtimestamp(company.last + 730 * DAY, UTC)
    found = []
    for region in REGIONS:
        stretches = open_intervals(schedules[region.schedule], low, high)
        starts = np.array([int(opens.timestamp()) for opens, _ in stretches], dtype=np.int64)
        ends = np.array([int(closes.timestamp()) for _, closes in stretches], dtype=np.int64)
        found.append(Opening(starts, ends, np.concatenate([[0], np.cumsum(ends - starts)[:-1]])))
    return tuple(found)


def work_on(company: Company, region: Array, instant: Array, seconds: Array) -> Array:
    """When a team that begins at `instant` and needs `seconds` of its region's opening hours is done."""
    result = instant + 1
    for number, opening in enumerate(openings(company)):
        mine = region == number
        result[mine] = opening.add(instant[mine], seconds[mine])
    return result
