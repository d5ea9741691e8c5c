"""Larkfield, a company that does not exist: its segments, regions, seasons, one bad release and one improvement.

Everything here is a parameter that `truth.json` repeats; no file draws a rate from anywhere else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellheard.base.errors import BadCall
from wellheard.base.periods import add_months, offsets
from wellheard.simulate.volume import USUAL, Volume

Array = NDArray[Any]

NAME = "Larkfield (simulated)"
DAY = 86_400
NEVER = 2**61  # seconds; an instant that does not come
HOME_CURRENCY = "EUR"


@dataclass(frozen=True)
class Segment:
    """How accounts of one size behave. Rates are per month; `reply` is a median in business seconds."""

    name: str
    share: float
    contacts: float
    seats: float
    annual: float
    converts: float
    churn: float
    nps: float
    csat: float
    asks: float
    reply: float
    buys: float
    answers: float
    acquisition: float


@dataclass(frozen=True)
class Region:
    """How a part of the world differs: ratios to the segment's rates, and how far the bad release reached it."""

    name: str
    schedule: str
    zone: str
    churn: float
    nps: float
    reply: float
    exposure: float


@dataclass(frozen=True)
class Country:
    """Where an account sits."""

    code: str
    region: int
    share: float
    zone: str
    currency: str
    language: str


@dataclass(frozen=True)
class Shock:
    """What the incident and the improvement do to one rate.

    `incident` are the sizes in the months from the bad release on, `lag` months late; `improvement` holds from its
    month on; `trend` is added every month. Ratios multiply a rate, the others are added on the log-odds scale.
    """

    ratio: bool
    incident: tuple[float, ...]
    improvement: float
    trend: float = 0.0
    lag: int = 0


SEGMENTS = (
    Segment("SMB", 0.72, 2.8, 6, 0.35, 0.62, 0.024, 0.25, 1.15, 0.34, 7200, 0.44, 0.26, 240),
    Segment("Mid-market", 0.22, 8.0, 38, 0.65, 0.74, 0.012, 0.55, 1.45, 0.38, 4300, 0.52, 0.31, 1900),
    Segment("Enterprise", 0.06, 27.0, 210, 0.92, 0.88, 0.006, 0.05, 1.75, 0.46, 2100, 0.61, 0.22, 14500),
)
REGIONS = (
    Region("Europe", "europe", "Europe/Berlin", 0.90, 0.10, 0.90, 1.0),
    Region("North America", "north-america", "America/New_York", 1.00, 0.25, 1.00, 0.5),
    Region("Asia-Pacific", "asia-pacific", "Asia/Singapore", 1.30, -0.25, 1.45, 0.2),
)
COUNTRIES = (
    Country("DE", 0, 0.22, "Europe/Berlin", "EUR", "de"),
    Country("FR", 0, 0.10, "Europe/Paris", "EUR", "fr"),
    Country("ES", 0, 0.07, "Europe/Madrid", "EUR", "es"),
    Country("GB", 0, 0.14, "Europe/London", "GBP", "en"),
    Country("IE", 0, 0.03, "Europe/Dublin", "EUR", "en"),
    Country("US", 1, 0.24, "America/New_York", "USD", "en"),
    Country("CA", 1, 0.06, "America/Toronto", "USD", "en"),
    Country("AU", 2, 0.07, "Australia/Sydney", "USD", "en"),
    Country("SG", 2, 0.04, "Asia/Singapore", "USD", "en"),
    Country("IN", 2, 0.03, "Asia/Kolkata", "USD", "en"),
)
PLANS = ("Starter", "Team", "Business", "Enterprise")
PRICES = np.array([1200, 1900, 3200, 4900])  # cents a seat and month, in the home currency
PRICE_RATIO = np.array([1.0, 1.1, 0.87])  # by CURRENCIES
TIERS = ("Standard", "Priority", "Premier")
TIER_OF_PLAN = np.array([0, 0, 1, 2])
LANGUAGES = ("en", "de", "fr", "es")
CURRENCIES = ("EUR", "USD", "GBP")
ZONES = tuple(dict.fromkeys(country.zone for country in COUNTRIES))
SHOCKS = {
    "reply": Shock(True, (2.8, 1.8, 1.2), 0.62),
    "volume": Shock(True, (1.7, 1.35, 1.1), 0.92),
    "reopen": Shock(True, (1.9, 1.4), 0.85),
    "churn": Shock(True, (2.6, 1.9, 1.3), 0.88, lag=2),
    "nps": Shock(False, (-1.0, -0.7, -0.35, -0.15), 0.30, trend=0.008),
    "csat": Shock(False, (-0.9, -0.5, -0.2), 0.35, trend=0.004),
}
# Share of a year's shop visits by calendar month: quiet in summer and at the turn of the year, loud in November.
SEASON = np.array([1.05, 1.0, 1.05, 1.0, 1.0, 0.95, 0.85, 0.8, 1.1, 1.1, 1.3, 0.8])
MOOD_ON_CHURN, MOOD_ON_NPS, MOOD_ON_USAGE, MOOD_ON_ANSWERING = -0.45, 0.65, 0.30, 0.20
WAIT_ON_CSAT, REOPEN_ON_CSAT = -0.40, -0.9
EARLY_CHURN = 1.5  # ratio in the first 90 days
BLOCK = 25_000  # contacts worked on at a time
PART = 200_000  # contacts founded at a time; with BLOCK what bounds the memory


def column(things: tuple[Any, ...], name: str) -> Array:
    """One attribute of every segment, region or country as an array."""
    return np.array([getattr(thing, name) for thing in things])


@dataclass(frozen=True)
class Company:
    """Which history is told: how many contacts, for how many months up to `end` (midnight UTC, exclusive).

    A large company is told in parts of at most PART contacts, each with accounts and chances of its own.
    """

    customers: int
    months: int
    seed: int
    end: date
    part: int = 0
    volume: Volume = USUAL
    incident: int = field(init=False)
    improvement: int = field(init=False)

    def __post_init__(self) -> None:
        for name, least in (("customers", 1), ("months", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise BadCall(f"{name} is {getattr(self, name)}", hint=f"Give {least} or more.", field=name)
        object.__setattr__(self, "incident", max(round(self.months * 14 / 24) - 1, 0))
        object.__setattr__(self, "improvement", max(round(self.months * 19 / 24) - 1, 0))

    def parts(self) -> Iterator[Company]:
        """The company in stretches of contacts that fit into memory; a small one is a single part."""
        for part, first in enumerate(range(0, self.customers, PART)):
            yield replace(self, customers=min(PART, self.customers - first), part=part)

    def day(self, month: int) -> date:
        """The first day of a month of the history; month 0 is the first one, negative ones lie before it."""
        # Clamped to the 28th so that every month has the same days to be billed on.
        return (
            self.end
            if month == self.months
            else add_months(self.end.replace(day=min(self.end.day, 28)), month - self.months)
        )

    def start(self, month: int) -> int:
        """The UTC second at which a month begins."""
        day = self.day(month)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    @cached_property
    def starts(self) -> Array:
        """The seconds at which months 0 to `months` begin; the last is the end of the history."""
        return np.array([self.start(month) for month in range(self.months + 1)], dtype=np.int64)

    @property
    def first(self) -> int:
        return int(self.starts[0])

    @property
    def last(self) -> int:
        """The second at which the history ends, exclusive."""
        return int(self.starts[-1])

    def season(self, month: int) -> float:
        return float(SEASON[self.day(month).month - 1])

    def rng(self, name: str, month: int = 0, block: int = 0) -> np.random.Generator:
        """A stream of its own for each table, month, block and part: adding one shifts no other."""
        place = [self.seed, zlib.crc32(name.encode()), month + 1000, block]
        return np.random.default_rng([*place, self.part] if self.part else place)

    def effect(self, name: str, month: int, exposure: Array) -> Array:
        """What incident, improvement and trend do to the rate `name` in a month, for accounts so exposed.

        A factor where the shock is a ratio, else a shift in log-odds.
        """
        shock = SHOCKS[name]
        since = month - self.incident - shock.lag
        hit = shock.incident[since] if 0 <= since < len(shock.incident) else float(shock.ratio)
        better = shock.improvement if month >= self.improvement else float(shock.ratio)
        size: Array = np.exp(exposure * np.log(hit)) * better if shock.ratio else exposure * hit + better
        return size + shock.trend * month

    @cached_property
    def _zones(self) -> tuple[tuple[Array, Array], ...]:
        """For each zone the seconds at which its clock moves, and the offsets before and after each move."""
        low, high = self.day(-60), date(self.end.year + 3, 1, 1)
        found = [offsets(zone, low, high) for zone in ZONES]
        return tuple(
            (
                np.array([int(at.timestamp()) for at, _ in each.moves], dtype=np.int64),
                np.array([each.first, *(seconds for _, seconds in each.moves)], dtype=np.int64),
            )
            for each in found
        )

    def to_utc(self, local: Array, zone: Array) -> Array:
        """Wall-clock seconds in each row's zone (an index into ZONES) as UTC seconds."""
        result = local.copy()
        for number, (moves, shift) in enumerate(self._zones):
            mine = zone == number
            result[mine] -= shift[np.searchsorted(moves, local[mine], side="right")]
        return result
