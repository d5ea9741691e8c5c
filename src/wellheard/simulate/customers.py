"""The people in the accounts: who they are, when they were there, and the table `customers`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.simulate.account_history import Versions, account_domains
from wellheard.simulate.accounts import CHANNELS, Accounts
from wellheard.simulate.columns import flags, idents, instants, words
from wellheard.simulate.company import (
    BLOCK,
    COUNTRIES,
    DAY,
    LANGUAGES,
    NEVER,
    REGIONS,
    SEGMENTS,
    TIERS,
    Array,
    Company,
    column,
)
from wellheard.simulate.lives import Lives
from wellheard.simulate.writer import Writer

PERSONAS = ("admin", "user", "buyer", "executive")
INVITED = "colleague"  # how every contact but the first one came
_LANGUAGE_OF_COUNTRY = np.array([LANGUAGES.index(country.language) for country in COUNTRIES])
_GIVEN = (
    "Ada", "Ben", "Clara", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lena", "Mateo",
    "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tilda", "Umar", "Vera", "Wanda", "Yusuf", "Zoe",
)  # fmt: skip
_FAMILY = (
    "Abel", "Brandt", "Costa", "Dubois", "Ekström", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Khan", "Lopez",
    "Moreau", "Novak", "Okafor", "Patel", "Quiroga", "Rossi", "Singh", "Tanaka", "Ueda", "Varga", "Weber", "Young",
)  # fmt: skip


@dataclass(frozen=True)
class Customers:
    """One value a contact, account by account; the first contact of each account is its main one.

    `mood` adds the person's to the account's, `talk` is how much more than others a person writes (mean 1), `end` is
    when the person left, at the latest with the account for good. `main` is by account: its first contact's number.
    """

    account: Array
    segment: Array
    region: Array
    zone: Array
    language: Array
    created: Array
    end: Array
    persona: Array
    mood: Array
    talk: Array
    exposure: Array
    main: Array
    lives: Lives

    def __len__(self) -> int:
        return len(self.account)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """The numbers of the contacts in stretches that fit into memory."""
        for block, first in enumerate(range(0, len(self), BLOCK)):
            yield block, np.arange(first, min(first + BLOCK, len(self)))

    def here(self, who: Array, instant: Array) -> Array:
        """Whether each contact was with us, in an account of ours, at each instant."""
        mine = (instant >= self.created[who]) & (instant < self.end[who])
        return mine & self.lives.alive(self.account[who], instant)

    def share_here(self, who: Array, low: int, high: int) -> Array:
        """Which share of the seconds from `low` to `high` each contact was with us."""
        first, last = np.maximum(self.created[who], low), np.minimum(self.end[who], high)
        lives, account = self.lives, self.account[who]
        seconds = np.zeros(len(who))
        for begins, ends in ((lives.created, lives.first_end), (lives.second_start, lives.second_end)):
            stretch = np.minimum(last, ends[account]) - np.maximum(first, begins[account])
            seconds += np.maximum(stretch, 0)
        return seconds / (high - low)


def found_customers(company: Company, accounts: Accounts, lives: Lives) -> Customers:
    """Draws the contacts of every account."""
    rng = company.rng("customers")
    account = np.repeat(np.arange(len(accounts)), accounts.contacts)
    rows = len(account)
    main = np.concatenate([[0], np.cumsum(accounts.contacts)[:-1]])
    first = np.zeros(rows, dtype=bool)
    first[main] = True
    start, stop = accounts.created[account], np.minimum(lives.first_end[account], company.last)
    delay = rng.exponential(150 * DAY, rows)
    # A newcomer who would come too late for the account came at some time of its stay instead.
    fits = start + delay < stop
    delay = np.where(fits, delay, rng.random(rows) * (stop - start))
    created = np.where(first, start, start + delay.astype(np.int64))
    leaves = np.where(first, NEVER, created + DAY + rng.exponential(80 * 30 * DAY, rows).astype(np.int64))
    # Nobody leaves before the history begins: such contacts would have no row in any table but this one.
    leaves = np.where(leaves < company.first, NEVER, leaves)
    return Customers(
        account,
        accounts.segment[account],
        accounts.region[account],
        accounts.zone[account],
        language=_LANGUAGE_OF_COUNTRY[accounts.country[account]],
        created=created,
        end=np.minimum(leaves, lives.final_end()[account]),
        persona=np.where(first, 0, rng.choice(len(PERSONAS), rows, p=(0.1, 0.68, 0.13, 0.09))),
        mood=(accounts.mood[account] + 0.8 * rng.normal(0, 1, rows)),
        talk=rng.gamma(0.7, 1 / 0.7, rows),
        exposure=accounts.exposure[account],
        main=main,
        lives=lives,
    )


def write_customers(
    writer: Writer, company: Company, accounts: Accounts, customers: Customers, versions: Versions, referred_by: Array
) -> None:
    """The table `customers`, a row a version: the first, one for each change of the account's tier, and the last.

    `referred_by` is the number of the contact who recommended us, or -1.
    """
    bounds = np.searchsorted(versions.account, np.arange(len(accounts) + 1))
    for _, who in customers.blocks():
        who, since, tier, ended = _versions(company, customers, versions, bounds, who)
        account = customers.account[who]
        country = column(COUNTRIES, "code")[accounts.country[account]].tolist()
        main = customers.main[account] == who
        channel = np.where(main, accounts.channel[account], len(CHANNELS))
        writer.number("customers", len(who))
        writer.append(
            "customers",
            writer.contacts(who),
            since,
            {
                "account_id": writer.accounts(account),
                "name": _names(writer.first_contact + who),
                "email": _emails(writer.first_contact + who, writer.first_account + account),
                "phone": _phones(writer.first_contact + who, accounts.country[account]),
                "created_at": instants(customers.created[who]),
                "ended_at": instants(ended, NEVER),
                "segment": words(column(SEGMENTS, "name").tolist(), customers.segment[who]),
                "tier": words(TIERS, tier),
                "region": words(column(REGIONS, "name").tolist(), customers.region[who]),
                "country": pa.array(country, pa.string()),
                "language": words(LANGUAGES, customers.language[who]),
                "persona": words(PERSONAS, customers.persona[who]),
                "acquisition_channel": words((*CHANNELS, INVITED), channel),
                "referred_by": writer.contacts(referred_by[who], referred_by[who] >= 0),
                "email_confirmed": flags(who % 9 != 4),
            },
        )


def _versions(
    company: Company, customers: Customers, versions: Versions, bounds: Array, who: Array
) -> tuple[Array, Array, Array, Array]:
    """Contact, instant, tier and end of every version of these contacts, sorted by contact and instant."""
    account = customers.account[who]
    many = bounds[account + 1] - bounds[account]
    contact = np.repeat(who, many)
    place = np.repeat(bounds[account], many) + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    since, tier = np.maximum(versions.since[place], customers.created[contact]), versions.tier[place]
    # Of the account's versions older than the contact only the last one tells the tier on the first day.
    newest = np.append((contact[1:] != contact[:-1]) | (since[1:] != since[:-1]), True)
    contact, since, tier = contact[newest], since[newest], tier[newest]
    start = np.append(True, contact[1:] != contact[:-1])
    changed = start | np.append(True, tier[1:] != tier[:-1])
    still = changed & (since < customers.end[contact])
    contact, since, tier = contact[still], since[still], tier[still]
    left = who[customers.end[who] < company.last]
    last_tier = tier[np.searchsorted(contact, left, side="right") - 1]
    contact = np.concatenate([contact, left])
    ended = np.concatenate([np.full(len(since), NEVER), customers.end[left]])
    since, tier = np.concatenate([since, customers.end[left]]), np.concatenate([tier, last_tier])
    order = np.lexsort((since, contact))
    return contact[order], since[order], tier[order], ended[order]


def _names(number: Array) -> pa.Array:
    given = words(_GIVEN, number % len(_GIVEN))
    family = words(_FAMILY, number // len(_GIVEN) % len(_FAMILY))
    return pc.binary_join_element_wise(given, family, " ")


def _emails(number: Array, account: Array) -> pa.Array:
    given = pc.utf8_lower(words(_GIVEN, number % len(_GIVEN)))
    local = pc.binary_join_element_wise(given, idents("", number, width=1), ".")
    return pc.binary_join_element_wise(local, account_domains(account), "@")


def _phones(number: Array, country: Array) -> pa.Array:
    """Numbers that telephone authorities set aside for fiction, each given once; null where they run out.

    North America reserves 555-0100 to 555-0199 in every area, the United Kingdom 07700 900000 to 900999.
    """
    code = column(COUNTRIES, "code")[country]
    american = np.isin(code, ("US", "CA")) & (number < 80_000)
    british = (code == "GB") & (number < 1_000)
    area = pc.cast(pa.array(200 + number // 100), pa.string())
    tail = idents("555 01", number % 100, width=2)
    full = pc.binary_join_element_wise("+1", area, tail, " ")
    uk = idents("+44 7700 900", number, width=3)
    return pc.if_else(pa.array(american), full, pc.if_else(pa.array(british), uk, pa.scalar(None, pa.string())))
