"""Customers who recommend us: those whose friends signed up, and those whose friends did not."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.accounts import CHANNELS, Accounts
from wellheard.simulate.columns import idents, instants, words
from wellheard.simulate.company import DAY, NEVER, Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.rhythm import moments, skewed
from wellheard.simulate.writer import Writer

STATUSES = ("converted", "pending", "declined")
UNHEARD = 0.005  # recommendations without effect, a contact and month
TRIES = 12  # candidates looked at for each referrer


def referrers(company: Company, accounts: Accounts, customers: Customers) -> tuple[Array, Array]:
    """By contact who recommended us to them, or -1, and when. Only main contacts of accounts won that way have one."""
    rng = company.rng("referrers")
    by, at = np.full(len(customers), -1), np.full(len(customers), NEVER)
    open_ = np.flatnonzero(accounts.channel == CHANNELS.index("referral"))
    for _ in range(TRIES):
        older = customers.main[(rng.random(len(open_)) * open_).astype(np.int64)]
        said = accounts.created[open_] - skewed(rng, 9 * DAY, 1.0, len(open_))
        glad = rng.random(len(open_)) < 1 / (1 + np.exp(-customers.mood[older]))
        fits = glad & customers.here(older, said)
        who = customers.main[open_[fits]]
        by[who], at[who] = older[fits], said[fits]
        open_ = open_[~fits]
    return by, at


def write_referrals(writer: Writer, company: Company, customers: Customers, by: Array, at: Array) -> None:
    """The recommendations of the history that brought us an account."""
    who = np.flatnonzero((by >= 0) & (at >= company.first))
    who = who[np.argsort(at[who], kind="stable")]
    _write(writer, by[who], at[who], who, customers.created[who], np.zeros(len(who), int))


def write_unheard(writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array) -> None:
    """The recommendations of a month that brought nobody."""
    rng = company.rng("referrals", month, block)
    by = np.repeat(who, rng.poisson(UNHEARD * np.exp(0.6 * customers.mood[who])))
    at = moments(company, rng, month, customers.zone[by], "leisure")
    kept = customers.here(by, at)
    by, at = by[kept], at[kept]
    recent = company.last - at < 60 * DAY
    status = np.where(recent | (rng.random(len(by)) < 0.3), 1, 2)
    _write(writer, by, at, np.full(len(by), -1), np.full(len(by), NEVER), status)


def _write(writer: Writer, by: Array, at: Array, referred: Array, converted: Array, status: Array) -> None:
    rows = len(by)
    writer.append(
        "referrals",
        idents("P", writer.number("referrals", rows) + np.arange(rows)),
        np.where(converted < NEVER, converted, at),
        {
            "referrer_id": writer.contacts(by),
            "referred_id": writer.contacts(referred, referred >= 0),
            "referred_at": instants(at),
            "converted_at": instants(converted, NEVER),
            "status": words(STATUSES, status),
        },
    )
