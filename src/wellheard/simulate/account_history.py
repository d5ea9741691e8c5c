"""What the table `accounts` says: a row for every version of a company, under a made-up name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.simulate.accounts import CHANNELS, INDUSTRIES, Accounts
from wellheard.simulate.columns import idents, instants, words
from wellheard.simulate.company import NEVER, REGIONS, SEGMENTS, TIER_OF_PLAN, TIERS, Array, Company, column
from wellheard.simulate.lives import Lives
from wellheard.simulate.writer import Writer

_FIRST_WORDS = (
    "Amber", "Birch", "Cobalt", "Dune", "Ember", "Fern", "Garnet", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen",
    "Maple", "North", "Opal", "Pine", "Quartz", "River", "Slate", "Timber", "Umber", "Vale", "Willow", "Zephyr",
)  # fmt: skip
_LAST_WORDS = (
    "Works", "Foods", "Clinics", "Freight", "Studio", "Labs", "Textiles", "Energy", "Hotels", "Systems", "Motors",
    "Press", "Gardens", "Bank", "Schools", "Optics",
)  # fmt: skip


def account_names(number: Array) -> pa.Array:
    """Made-up company names; the number keeps them apart."""
    first = words(_FIRST_WORDS, number % len(_FIRST_WORDS))
    last = words(_LAST_WORDS, number // len(_FIRST_WORDS) % len(_LAST_WORDS))
    return pc.binary_join_element_wise(first, last, idents("", number, width=1), " ")


def account_domains(number: Array) -> pa.Array:
    """Domains under the top level `example`, which is reserved and belongs to nobody."""
    first = pc.utf8_lower(words(_FIRST_WORDS, number % len(_FIRST_WORDS)))
    return pc.binary_join_element_wise(first, idents("-", number, width=1), ".example", "")


@dataclass(frozen=True)
class Versions:
    """What was known of an account from an instant on; sorted by account and instant."""

    account: Array
    since: Array
    tier: Array
    ended: Array
    renewal: Array


def versions_of(company: Company, accounts: Accounts, lives: Lives) -> Versions:
    """A version at sign-up, at every change of tier, at the end and at a return."""
    number = np.arange(len(accounts))
    left = lives.first_end < company.last
    back = lives.second_start < company.last
    gone = back & (lives.second_end < company.last)
    moved, at, tier = lives.moved
    account = np.concatenate([number, number[left], number[back], number[gone], moved])
    since = np.concatenate(
        [accounts.created, lives.first_end[left], lives.second_start[back], lives.second_end[gone], at]
    )
    known = np.concatenate([TIER_OF_PLAN[accounts.plan], *[np.full(n.sum(), -1) for n in (left, back, gone)], tier])
    none = np.full(len(account), NEVER)
    ended = none.copy()
    ends = np.concatenate([np.zeros(len(number)), np.ones(left.sum()), np.zeros(back.sum()), np.ones(gone.sum())])
    ended[: len(ends)] = np.where(ends == 1, since[: len(ends)], NEVER)
    order = np.lexsort((since, account))
    account, since, known, ended = account[order], since[order], known[order], ended[order]
    # A version that says nothing of the tier keeps the one before it; each account's first version has one.
    carried = np.maximum.accumulate(np.where(known >= 0, np.arange(len(known)), 0))
    kept = since < company.last
    renewal = lives.next_renewal(company, account, since)
    renewal[ended < NEVER] = NEVER
    return Versions(account[kept], since[kept], known[carried][kept], ended[kept], renewal[kept])


def write_accounts(writer: Writer, accounts: Accounts, versions: Versions) -> None:
    """The table `accounts`, a row a version."""
    number, rows = versions.account, len(versions.account)
    writer.number("accounts", rows)
    writer.append(
        "accounts",
        writer.accounts(number),
        versions.since,
        {
            "name": account_names(writer.first_account + number),
            "domain": account_domains(writer.first_account + number),
            "segment": words(column(SEGMENTS, "name").tolist(), accounts.segment[number]),
            "tier": words(TIERS, versions.tier),
            "region": words(column(REGIONS, "name").tolist(), accounts.region[number]),
            "industry": words(INDUSTRIES, accounts.industry[number]),
            "owner": idents("csm-", accounts.region[number] * 4 + number % 4, width=2),
            "parent_id": writer.accounts(np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=bool)),
            "created_at": instants(accounts.created[number]),
            "renewal_at": instants(versions.renewal, NEVER),
            "ended_at": instants(versions.ended, NEVER),
            "attributes.acquisition_channel": words(CHANNELS, accounts.channel[number]),
        },
    )
