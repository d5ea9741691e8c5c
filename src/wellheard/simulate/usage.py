"""What people do in the product: features used, less of them before an account leaves."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.columns import idents, instants, numbers, words
from wellheard.simulate.company import DAY, MOOD_ON_USAGE, Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.rhythm import moments
from wellheard.simulate.writer import Writer

FEATURES = ("boards", "reports", "exports", "calendar", "mobile", "integrations", "comments", "automations")
SHARES = np.array([0.30, 0.14, 0.10, 0.13, 0.11, 0.08, 0.10, 0.04])
LAUNCH, LAUNCHED = FEATURES.index("automations"), 8 / 24  # of the history, when that feature appears
ADOPTION = 0.012  # share of uses gained by the new feature each month
RATE = np.array([3.6, 2.9, 1.0, 0.7])  # rows a month by persona
FADES_FROM, FADED = 75 * DAY, 0.45  # before the end of an account, and what is left of its use


def write_usage(writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array) -> None:
    """The table `usage`: a row counts one person's uses of one feature in one sitting."""
    rng = company.rng("usage", month, block)
    rate = RATE[customers.persona[who]] * np.exp(MOOD_ON_USAGE * customers.mood[who])
    customer = np.repeat(who, rng.poisson(rate * company.volume.usage))
    at = moments(company, rng, month, customers.zone[customer], "work")
    left = customers.lives.leaves_at(customers.account[customer], at) - at
    kept = customers.here(customer, at) & ((left > FADES_FROM) | (rng.random(len(at)) < FADED))
    customer, at = customer[kept], at[kept]
    order = np.argsort(at, kind="stable")
    customer, at, rows = customer[order], at[order], len(at)
    weights = _weights(company, month)
    quantity = np.ceil(np.exp(rng.normal(1.0, 1.1, rows)))
    writer.append(
        "usage",
        idents("G", writer.number("usage", rows) + np.arange(rows), width=9),
        at,
        {
            "customer_id": writer.contacts(customer),
            "account_id": writer.accounts(customers.account[customer]),
            "used_at": instants(at),
            "feature": words(FEATURES, rng.choice(len(FEATURES), rows, p=weights)),
            "quantity": numbers(quantity),
        },
    )


def _weights(company: Company, month: int) -> Array:
    """How uses spread over the features; the newest one does not exist before its launch."""
    since = month - round(company.months * LAUNCHED)
    weights = SHARES.copy()
    weights[LAUNCH] = 0.0 if since < 0 else SHARES[LAUNCH] + ADOPTION * since
    return np.asarray(weights / weights.sum())
