"""Orders of the shop and of contracts, and the invoices and costs that go with contracts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.simulate.accounts import CHANNELS, Accounts
from wellheard.simulate.columns import constant, flags, idents, instants, money, words
from wellheard.simulate.company import (
    CURRENCIES,
    DAY,
    HOME_CURRENCY,
    NEVER,
    PLANS,
    SEGMENTS,
    Array,
    Company,
    column,
)
from wellheard.simulate.customers import Customers
from wellheard.simulate.lives import BILLED, MOVEMENTS
from wellheard.simulate.rhythm import moments, skewed
from wellheard.simulate.writer import Writer

KINDS = ("new", "upsell", "cross_sell", "renewal")
SUBSCRIPTION = "Larkfield subscription"
STATUSES = ("trialing", "active", "trial expired", "trial converted", "cancelled", "changed")
CHANGED = 5
HOSTING = 0.14  # of contract revenue: what the goods cost
UNPAID = 0.012  # of invoices
TOOLING_CENTS = 410_000  # a month
CARE_CENTS = np.array([0, 9_000, 52_000])  # account management an account and quarter, by segment


@dataclass(frozen=True)
class Orders:
    """A batch of orders; money in cents of `currency`, `item` a place in `product`, `kind` one in KINDS."""

    number: Array
    customer: Array
    account: Array
    at: Array
    updated: Array
    kind: Array
    product: list[str]
    item: Array
    revenue: Array
    refunded: Array
    goods: Array
    currency: Array
    channel: str

    def __len__(self) -> int:
        return len(self.number)


def write_orders(writer: Writer, orders: Orders) -> None:
    """The table `orders`."""
    whole = (orders.refunded > 0) & (orders.refunded == orders.revenue)
    status = np.where(whole, 1, np.where(orders.refunded > 0, 2, 0))
    writer.append(
        "orders",
        idents("O", orders.number, width=8),
        orders.updated,
        {
            "customer_id": writer.contacts(orders.customer),
            "account_id": writer.accounts(orders.account),
            "ordered_at": instants(orders.at),
            "kind": words(KINDS, orders.kind),
            "status": words(("completed", "refunded", "partly refunded"), status),
            "product": words(orders.product, orders.item),
            "revenue": money(orders.revenue),
            "refunded": money(orders.refunded),
            "goods_cost": money(orders.goods),
            "currency": words(CURRENCIES, orders.currency),
            "channel": constant(orders.channel, len(orders)),
        },
    )


def bill(writer: Writer, company: Company, customers: Customers, month: int) -> None:
    """The orders and invoices of the contracts billed in a month."""
    lives, ledger = customers.lives, customers.lives.bills[month]
    if not ledger.rows:
        return
    account, at, cents = (ledger.column(name) for name in ("account", "at", "cents"))
    order = np.argsort(at, kind="stable")
    account, at, cents, kind = account[order], at[order], cents[order], ledger.column("kind")[order]
    rows, currency = len(account), lives.currency[account]
    number = writer.number("orders", rows) + np.arange(rows)
    kinds = np.array([KINDS.index(name) for name in BILLED])
    orders = Orders(
        number,
        customers.main[account],
        account,
        at,
        updated=at,
        kind=kinds[kind],
        product=[SUBSCRIPTION],
        item=np.zeros(rows, int),
        revenue=cents,
        refunded=np.zeros(rows, np.int64),
        goods=np.rint(cents * HOSTING).astype(np.int64),
        currency=currency,
        channel="contract",
    )
    write_orders(writer, orders)
    _invoice(writer, company, customers, month, orders)


def _invoice(writer: Writer, company: Company, customers: Customers, month: int, orders: Orders) -> None:
    rng, rows = company.rng("invoices", month), len(orders)
    due = orders.at + np.where(customers.segment[orders.customer] == 0, 14, 30) * DAY
    delay = skewed(rng, 0.6 * (due - orders.at), 0.7, rows)
    paid = np.where(rng.random(rows) < UNPAID, NEVER, orders.at + delay)
    end = company.last
    status = np.where(paid < end, 0, np.where(due < end, 2, 1))
    writer.append(
        "invoices",
        idents("N", writer.number("invoices", rows) + np.arange(rows)),
        np.where(paid < end, paid, orders.at),
        {
            "customer_id": writer.contacts(orders.customer),
            "account_id": writer.accounts(orders.account),
            "issued_at": instants(orders.at),
            "due_at": instants(due),
            "paid_at": instants(paid, end),
            "amount": money(orders.revenue),
            "currency": words(CURRENCIES, orders.currency),
            "status": words(("paid", "open", "overdue"), status),
            "attributes.order_id": idents("O", orders.number, width=8),
        },
    )


def write_subscriptions(writer: Writer, company: Company, customers: Customers, accounts: Accounts) -> None:
    """The table `subscriptions`: a row a dated period; a change of plan or seats begins a new one."""
    lives, periods = customers.lives, customers.lives.periods
    order = np.lexsort((periods["start"], periods["account"]))
    p = {name: values[order] for name, values in periods.items()}
    account, rows = p["account"], len(order)
    last = np.append(account[1:] != account[:-1], True)
    trial, runs = p["movement"] == 0, p["end"] == NEVER
    returned = np.append(p["movement"][1:] == MOVEMENTS.index("reactivation"), False)
    gone = ~runs & (last | returned)
    status = np.select([runs & trial, runs, gone & trial, trial, gone], [0, 1, 2, 3, 4], CHANGED)
    p |= {"status": status, "trial": trial}
    terms = _terms(company, p)
    p, account, rows = terms, terms["account"], len(terms["account"])
    writer.append(
        "subscriptions",
        idents("S", writer.number("subscriptions", rows) + np.arange(rows)),
        np.where(p["end"] == NEVER, p["start"], p["end"]),
        {
            "customer_id": writer.contacts(customers.main[account]),
            "account_id": writer.accounts(account),
            "product": constant(SUBSCRIPTION, rows),
            "plan": words(PLANS, p["plan"]),
            "status": words(STATUSES, p["status"]),
            "mrr": money(p["mrr"]),
            "currency": words(CURRENCIES, lives.currency[account]),
            "interval": words(("month", "year"), accounts.annual[account].astype(int)),
            "trial": flags(p["trial"]),
            "started_at": instants(p["start"]),
            "ended_at": instants(p["end"], NEVER),
            "attributes.movement": words(MOVEMENTS, p["movement"]),
            "attributes.seats": idents("", p["seats"], width=1),
        },
    )


def _terms(company: Company, periods: dict[str, Array]) -> dict[str, Array]:
    """The periods, cut into terms where the company's volume wants a row a term; the last piece ends as the whole."""
    if not company.volume.term_months:
        return periods
    term = company.volume.term_months * 30 * DAY
    start, end = periods["start"], periods["end"]
    pieces = np.maximum(-(-(np.minimum(end, company.last) - start) // term), 1)
    place = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    final = place == np.repeat(pieces, pieces) - 1
    cut = {name: np.repeat(values, pieces) for name, values in periods.items()}
    cut["start"] = cut["start"] + place * term
    cut["end"] = np.where(final, cut["end"], cut["start"] + term)
    cut["status"] = np.where(final, cut["status"], CHANGED)
    return cut


def spend(writer: Writer, company: Company, accounts: Accounts, customers: Customers, month: int) -> None:
    """The costs of a month: winning new accounts, looking after large ones, and tools."""
    rng = company.rng("costs", month)
    low, high = company.start(month), company.start(month + 1)
    new = np.flatnonzero((accounts.created >= low) & (accounts.created < high))
    cents = 100 * column(SEGMENTS, "acquisition")[accounts.segment[new]] * np.exp(rng.normal(-0.2, 0.65, len(new)))
    _write_costs(writer, 0, accounts.created[new], np.rint(cents), customers, new, accounts.channel[new])
    if month % 3 == 0:
        every = np.arange(len(accounts))
        kept = every[(CARE_CENTS[accounts.segment] > 0) & customers.lives.alive(every, np.full(len(every), low))]
        at = moments(company, rng, month, accounts.zone[kept], "work")
        cents = CARE_CENTS[accounts.segment[kept]] * np.exp(rng.normal(-0.1, 0.4, len(kept)))
        _write_costs(writer, 1, at, np.rint(cents), customers, kept, None)
    if company.part:
        return  # the tools are paid for once
    tools = np.array([TOOLING_CENTS * (1 + 0.01 * month)])
    _write_costs(writer, 3, np.array([low + 9 * 3600]), np.rint(tools), customers, None, None)


def _write_costs(
    writer: Writer,
    kind: int,
    at: Array,
    cents: Array,
    customers: Customers,
    account: Array | None,
    channel: Array | None,
) -> None:
    rows = len(at)
    whose = np.full(rows, -1) if account is None else account
    known = whose >= 0
    place = np.zeros(rows, int) if channel is None else channel
    writer.append(
        "costs",
        idents("K", writer.number("costs", rows) + np.arange(rows)),
        at,
        {
            "incurred_at": instants(at),
            "kind": words(("acquisition", "service", "goods", "tooling"), np.full(rows, kind)),
            "amount": money(cents.astype(np.int64)),
            "currency": constant(HOME_CURRENCY, rows),
            "customer_id": writer.contacts(customers.main[whose], known),
            "account_id": writer.accounts(whose, known),
            "channel": words(CHANNELS, place, np.full(rows, channel is not None)),
        },
    )
