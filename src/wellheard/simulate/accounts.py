"""The companies that buy: how large they are, where they sit, and when they came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.simulate.company import COUNTRIES, REGIONS, SEGMENTS, ZONES, Array, Company, column
from wellheard.simulate.rhythm import moments

INDUSTRIES = ("Logistics", "Healthcare", "Education", "Retail", "Manufacturing", "Agencies", "Hospitality", "Finance")
CHANNELS = ("search", "advertisement", "referral", "partner", "event", "content")
CHANNEL_SHARES = (0.30, 0.22, 0.14, 0.13, 0.09, 0.12)
_ZONE_OF_COUNTRY = np.array([ZONES.index(country.zone) for country in COUNTRIES])


@dataclass(frozen=True)
class Accounts:
    """One value an account, in order of creation. Instants are UTC seconds; `mood` is a latent satisfaction."""

    segment: Array
    country: Array
    region: Array
    zone: Array
    industry: Array
    channel: Array
    created: Array
    contacts: Array
    seats: Array
    plan: Array
    annual: Array
    converts: Array
    mood: Array
    exposure: Array

    def __len__(self) -> int:
        return len(self.segment)


def found_accounts(company: Company) -> Accounts:
    """Draws as many accounts as hold the wished number of contacts."""
    rng = company.rng("accounts")
    contacts, segment = _sizes(company, rng)
    rows = len(segment)
    country = rng.choice(len(COUNTRIES), rows, p=column(COUNTRIES, "share"))
    created, order = _created(company, rng, _ZONE_OF_COUNTRY[country])
    country = country[order]
    region = column(COUNTRIES, "region")[country]
    seats = np.maximum(contacts, column(SEGMENTS, "seats")[segment] * np.exp(rng.normal(0, 0.7, rows)))
    plan = np.clip(segment + rng.choice(3, rows, p=(0.4, 0.45, 0.15)), 0, 3)
    converts = rng.random(rows) < column(SEGMENTS, "converts")[segment]
    return Accounts(
        segment,
        country,
        region,
        zone=_ZONE_OF_COUNTRY[country],
        industry=rng.integers(0, len(INDUSTRIES), rows),
        channel=rng.choice(len(CHANNELS), rows, p=CHANNEL_SHARES),
        created=created,
        contacts=contacts,
        seats=seats.astype(np.int64),
        plan=plan,
        annual=rng.random(rows) < column(SEGMENTS, "annual")[segment],
        converts=converts | (created < company.first),  # who left before the history began is not told of
        mood=rng.normal(0, 1, rows),
        exposure=column(REGIONS, "exposure")[region],
    )


def _sizes(company: Company, rng: np.random.Generator) -> tuple[Array, Array]:
    """Contacts and segment of each account; the contacts add up to the wished number."""
    mean = float((column(SEGMENTS, "share") * column(SEGMENTS, "contacts")).sum())
    rows = int(company.customers / mean * 1.5) + 20
    segment = rng.choice(len(SEGMENTS), rows, p=column(SEGMENTS, "share"))
    wished = column(SEGMENTS, "contacts")[segment]
    contacts = np.maximum(rng.gamma(2.0, wished / 2.0), 1.0).astype(np.int64)
    total = np.cumsum(contacts)
    last = int(np.searchsorted(total, company.customers))
    contacts = contacts[: last + 1]
    contacts[-1] -= total[last] - company.customers
    return contacts, segment[: last + 1]


def _created(company: Company, rng: np.random.Generator, zone: Array) -> tuple[Array, Array]:
    """When each account signed up, sorted, and the order in which the rows of `zone` then stand."""
    rows = len(zone)
    old = rng.random(rows) < 0.5
    growth = np.linspace(1.0, 1.6, company.months) * [company.season(month) for month in range(company.months)]
    month = np.where(old, rng.integers(-42, 0, rows), rng.choice(company.months, rows, p=growth / growth.sum()))
    created = np.empty(rows, dtype=np.int64)
    for each in np.unique(month):
        mine = month == each
        created[mine] = moments(company, rng, int(each), zone[mine], "work")
    order = np.argsort(created, kind="stable")
    return created[order], order
