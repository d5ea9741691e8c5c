"""When a survey asks: what sets it off, how soon, whom of many, how many at the most, and at which hours."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo

import pytz  # type: ignore[import-untyped]
from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from wellheard.base.errors import WellheardError
from wellheard.store.ledger import Quota
from wellheard.surveys.channel import channel_called
from wellheard.surveys.part import Part
from wellheard.surveys.trigger import trigger_called

Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Trait = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=200)]
OPENS, CLOSES = 9, 17  # the hours of a person's day over which a wave is spread
LONGEST_WAIT = timedelta(days=7)


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            channel_called(name)
        except WellheardError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
    return names


class Most(Part):
    """A quota: how many of those with the traits may be asked in so many days."""

    days: int = Field(ge=1, le=366)
    most: int = Field(ge=0, le=10_000_000)
    traits: Mapping[Trait, Value] = Field(default_factory=dict)

    @property
    def quota(self) -> Quota:
        """As the ledger takes it."""
        return Quota(self.days, self.most, dict(self.traits))


class Asking(Part):
    """When a survey asks by itself. `trigger` is what sets it off, `channels` the ways, the first that reaches counts.

    `after_hours` is how long after it; before an appointment it is negative. `every_days` repeats: after a subscription
    began, or wave after wave from `begins` on, each spread over `spread_days`. `sample` is the share, in percent, that
    is drawn. `only` names traits and the values of which a person must have one. Of surveys that compete, the higher
    `priority` is asked. Nobody is written to from `quiet_from` to `quiet_to` by the clock where they live. Whoever does
    not answer is reminded `reminders` times, each `remind_days` after the last.
    """

    trigger: str
    channels: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(("email",), min_length=1, max_length=6)
    after_hours: float = Field(0, ge=-24 * 60, le=24 * 366)
    every_days: int | None = Field(None, ge=1, le=1830)
    begins: date | None = None
    spread_days: int = Field(1, ge=1, le=366)
    sample: float = Field(100, ge=0, le=100)
    only: Mapping[Trait, tuple[Value, ...]] = Field(default_factory=dict)
    priority: int = Field(5, ge=1, le=9)
    quotas: tuple[Most, ...] = Field((), max_length=20)
    quiet_from: Clock = "20:00"
    quiet_to: Clock = "08:00"
    reminders: int = Field(0, ge=0, le=3)
    remind_days: int = Field(5, ge=1, le=60)
    expire_days: int = Field(30, ge=1, le=366)

    @field_validator("trigger")
    @classmethod
    def _there(cls, name: str) -> str:
        try:
            trigger_called(name)
        except WellheardError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
        return name

    @model_validator(mode="after")
    def _fits(self) -> Asking:
        trigger = trigger_called(self.trigger)
        if trigger.calendar and self.begins is None:
            raise ValueError(f"begins is missing: {self.trigger} needs the day on which it begins")
        if trigger.calendar and self.every_days is not None and self.spread_days > self.every_days:
            raise ValueError("spread_days is longer than every_days, so waves would run into each other")
        if self.after_hours < 0 and not trigger.ahead:
            raise ValueError(f"after_hours is below 0, but {self.trigger} is not known before it happens")
        known = {*trigger.traits, *PERSON_TRAITS}
        for name in {*self.only, *(name for most in self.quotas for name in most.traits)}:
            if name not in known:
                raise ValueError(f"{name} is no trait of it; there are {', '.join(sorted(known))}")
        return self

    def fits(self, traits: Mapping[str, str]) -> bool:
        """Whether somebody with these traits is meant."""
        return all(traits.get(name) in values for name, values in self.only.items())

    def draws(self, survey_id: str, occasion: str) -> bool:
        """Whether an occasion is drawn: by a hash, so that it is the same however often it is asked."""
        return 100 * share_of(survey_id, occasion) < self.sample


PERSON_TRAITS = ("segment", "tier", "region", "country", "persona", "language")


def share_of(*words: str) -> float:
    """A number from 0 up to 1 that belongs to the words, spread evenly over different words."""
    mark = hashlib.sha256("\n".join(words).encode()).digest()
    return int.from_bytes(mark[:8], "big") / 2**64


def wave_moment(asking: Asking, survey_id: str, person: str, wave: int, zone: str) -> datetime:
    """When a person is asked in a wave, by a hash: on one of its days, between nine and five where they live."""
    assert asking.begins is not None
    first = asking.begins + timedelta(days=wave * (asking.every_days or 0))
    slot = share_of(survey_id, person, str(wave)) * asking.spread_days
    hour = OPENS + (slot % 1) * (CLOSES - OPENS)
    local = datetime.combine(first + timedelta(days=int(slot)), time(), ZoneInfo(zone))
    return (local + timedelta(hours=hour)).astimezone(UTC)


def waves_at(asking: Asking, after: datetime, until: datetime) -> range:
    """The numbers of the waves that may have moments between two instants, from 0 on."""
    assert asking.begins is not None
    begins = datetime.combine(asking.begins, time(), UTC)
    if not asking.every_days:
        return range(1 if until >= begins - timedelta(days=1) else 0)
    every = timedelta(days=asking.every_days)
    first = (after - begins - timedelta(days=asking.spread_days + 1)) // every
    last = (until - begins + timedelta(days=1)) // every
    return range(max(0, first), max(0, last + 1))


def next_open(moment: datetime, zones: Sequence[str], quiet_from: str, quiet_to: str) -> datetime:
    """The first instant from `moment` on at which it is quiet in none of the zones; else in the first of them.

    People whose country has several zones are written to when it is day in all of these.
    """
    for some in (zones, zones[:1]):
        found = moment
        while found - moment < LONGEST_WAIT:
            later = max(_ends(found, zone, quiet_from, quiet_to) for zone in some)
            if later == found:
                return found
            found = later
    return moment


@cache
def zones_of(country: str | None, given: str | None, otherwise: str) -> tuple[str, ...]:
    """The zones in which a person may live: the one given, else those of the country, else the workspace's."""
    if given and given in pytz.all_timezones_set:
        return (given,)
    named = pytz.country_timezones.get((country or "").strip().upper())
    return tuple(named) if named else (otherwise,)


def _ends(moment: datetime, zone: str, quiet_from: str, quiet_to: str) -> datetime:
    """The moment itself, or the end of the quiet hours in which it lies."""
    local = moment.astimezone(ZoneInfo(zone))
    begin, end = time.fromisoformat(quiet_from), time.fromisoformat(quiet_to)
    now = local.time()
    quiet = begin <= now < end if begin <= end else now >= begin or now < end
    if not quiet:
        return moment
    day = local.date() + timedelta(days=1 if begin > end and now >= begin else 0)
    return max(moment, datetime.combine(day, end, ZoneInfo(zone)).astimezone(UTC))
