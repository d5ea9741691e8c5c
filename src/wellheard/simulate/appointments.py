"""Appointments with customers: the reviews and trainings of the main contacts."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.columns import idents, instants, words
from wellheard.simulate.company import Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.rhythm import moments
from wellheard.simulate.writer import Writer

KINDS = ("review", "training", "renewal talk")
SHARES = np.array([0.5, 0.3, 0.2])
RATE = 0.05  # appointments a contact and month
MISSED = 0.08
HOUR = 3600


def write_appointments(
    writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array
) -> None:
    """The table `appointments`: each lasts an hour, and some are not kept."""
    rng = company.rng("appointments", month, block)
    customer = np.repeat(who, rng.poisson(RATE, len(who)))
    at = moments(company, rng, month, customers.zone[customer], "work")
    kept = customers.here(customer, at) & (at + HOUR < company.last)
    customer, at = customer[kept], at[kept]
    order = np.argsort(at, kind="stable")
    customer, at, rows = customer[order], at[order], int(kept.sum())
    writer.append(
        "appointments",
        idents("T", writer.number("appointments", rows) + np.arange(rows)),
        at + HOUR,
        {
            "customer_id": writer.contacts(customer),
            "account_id": writer.accounts(customers.account[customer]),
            "starts_at": instants(at),
            "ends_at": instants(at + HOUR),
            "kind": words(KINDS, rng.choice(len(KINDS), rows, p=SHARES)),
            "status": words(("held", "missed"), (rng.random(rows) < MISSED).astype(int)),
        },
    )
