"""Makes of an occasion and a person a candidate for the ledger: who, when, by which channel; or why not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from wellheard.base.settings import Settings
from wellheard.store.dispatches import TOO_LATE
from wellheard.store.ledger import Candidate, Quota
from wellheard.surveys.cadence import Asking, next_open, zones_of
from wellheard.surveys.channel import Channel, channel_called
from wellheard.surveys.survey import Survey

LATE = timedelta(days=3)  # after which it is not asked any more: nobody remembers
LOOK_BACK = timedelta(days=7)  # how far back occasions are read
TRIALS = Quota(1, 10)  # how many letters a day the tester of a survey in test mode gets
NOT_MEANT, NOT_DRAWN, NO_ADDRESS, NO_CHANNEL, NO_TESTER = (
    "not_meant",
    "not_drawn",
    "no_address",
    "no_channel",
    "no_tester",
)


BY_HAND = Asking.model_validate({"trigger": "churned"})  # the hours and the like of a survey that names none


class Reachable(Protocol):
    """A person, as far as asking goes."""

    @property
    def rows(self) -> tuple[str, ...]: ...
    @property
    def companies(self) -> tuple[str, ...]: ...
    @property
    def customer_id(self) -> str: ...
    @property
    def account_id(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def zone(self) -> str | None: ...
    @property
    def traits(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Moment:
    """What somebody is asked about: `key` names it for ever, `due` is when, and by `ends` it must be asked."""

    key: str
    due: datetime
    about: Mapping[str, str]
    traits: Mapping[str, str]
    ends: datetime | None = None


def candidate(survey: Survey, who: Reachable, moment: Moment, settings: Settings, now: datetime) -> Candidate:
    """The candidate for an occasion of a survey; one that does not ask by itself does so as `BY_HAND` says."""
    asking = survey.asking or BY_HAND
    traits = {**who.traits, **moment.traits}
    zones = zones_of(who.traits.get("country"), who.zone, settings.time_zone)
    at = next_open(max(moment.due, now), zones, asking.quiet_from, asking.quiet_to)
    name, address, lacking = _way(asking.channels, who, moment.about, settings, test=survey.test)
    refused = lacking
    if moment.due < now - LATE or (moment.ends is not None and at >= moment.ends):
        refused = TOO_LATE
    if not asking.draws(survey.id, moment.key):
        refused = NOT_DRAWN
    if not asking.fits(traits):
        refused = NOT_MEANT
    return Candidate(
        survey_key=survey.key,
        occasion=moment.key,
        at=at,
        person_rows=who.rows,
        company_rows=who.companies,
        about=_about(survey, who, moment),
        channel=name,
        address=address,
        carried=name is None or channel_called(name).carried,
        language=survey.spoken(who.traits.get("language")),
        priority=asking.priority,
        traits={n: traits[n] for n in sorted(_counted(asking)) if n in traits},
        quotas=(*(most.quota for most in asking.quotas), *([TRIALS] if survey.test else [])),
        refused=refused,
        anonymous=survey.anonymous,
        test=survey.test,
        expires_after=timedelta(days=asking.expire_days),
    )


def address_by(
    channel: Channel, who: Reachable, about: Mapping[str, str], settings: Settings, *, test: bool
) -> str | None:
    """Where a channel reaches somebody; in test mode the tester."""
    found = {
        "email": settings.tester_email if test else who.email,
        "phone": settings.tester_phone if test else who.phone,
        "conversation": None if test else about.get("conversation_id"),
        "anybody": "",
    }
    return found[channel.reaches]


def _way(
    names: Sequence[str], who: Reachable, about: Mapping[str, str], settings: Settings, *, test: bool
) -> tuple[str | None, str | None, str | None]:
    """The first channel by which somebody can be reached, the address there, and why there is none."""
    lacking = NO_CHANNEL
    for name in names:
        channel = channel_called(name)
        if not channel.carried or channel.lacks(settings):
            continue
        if address := address_by(channel, who, about, settings, test=test):
            return name, address, None
        lacking = NO_TESTER if test else NO_ADDRESS
    return None, None, lacking


def _about(survey: Survey, who: Reachable, moment: Moment) -> dict[str, str | None]:
    return {
        "customer_id": who.customer_id,
        "account_id": who.account_id,
        "touchpoint": survey.touchpoint,
        "language": survey.spoken(who.traits.get("language")),
        **moment.about,
    }


def _counted(asking: Asking) -> set[str]:
    """The traits by which quotas count, which are kept in the ledger."""
    return {name for most in asking.quotas for name in most.traits}
