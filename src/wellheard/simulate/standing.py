"""Orders that contacts have agreed to once and that come again and again, beside those of the shop."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.accounts import Accounts
from wellheard.simulate.company import COUNTRIES, CURRENCIES, PRICE_RATIO, Array, Company
from wellheard.simulate.customers import Customers
from wellheard.simulate.orders import KINDS, Orders, write_orders
from wellheard.simulate.rhythm import moments
from wellheard.simulate.shop import ADD_ON_CENTS, ADD_ONS, GOODS_SHARE
from wellheard.simulate.writer import Writer

CURRENCY_OF_COUNTRY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])


def write_standing_orders(
    writer: Writer, company: Company, accounts: Accounts, customers: Customers, month: int, block: int, who: Array
) -> None:
    """The standing orders of a month, where the company's volume has any."""
    if not company.volume.standing_orders:
        return
    rng = company.rng("standing orders", month, block)
    customer = np.repeat(who, rng.poisson(company.volume.standing_orders, len(who)))
    at = moments(company, rng, month, customers.zone[customer], "work")
    here = customers.here(customer, at)
    customer, at = customer[here], at[here]
    rows = len(at)
    account = customers.account[customer]
    currency = CURRENCY_OF_COUNTRY[accounts.country[account]]
    item = rng.integers(0, len(ADD_ONS), rows)
    cents = np.rint(ADD_ON_CENTS[item] * PRICE_RATIO[currency] * rng.integers(1, 4, rows)).astype(np.int64)
    orders = Orders(
        writer.number("orders", rows) + np.arange(rows),
        customer,
        account,
        at,
        updated=at,
        kind=np.full(rows, KINDS.index("renewal")),
        product=[*ADD_ONS],
        item=item,
        revenue=cents,
        refunded=np.zeros(rows, np.int64),
        goods=np.rint(cents * GOODS_SHARE[item]).astype(np.int64),
        currency=currency,
        channel="standing order",
    )
    write_orders(writer, orders)
