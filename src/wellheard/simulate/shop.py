"""The online shop for add-ons: visits by known and unknown people, carts, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.simulate.accounts import Accounts
from wellheard.simulate.columns import flags, idents, instants, integers, money, words
from wellheard.simulate.company import (
    COUNTRIES,
    CURRENCIES,
    DAY,
    NEVER,
    PRICE_RATIO,
    SEGMENTS,
    Array,
    Company,
    column,
)
from wellheard.simulate.customers import Customers
from wellheard.simulate.orders import Orders, write_orders
from wellheard.simulate.questions import INTENT
from wellheard.simulate.rhythm import moments, skewed
from wellheard.simulate.truth import Tally
from wellheard.simulate.writer import Writer

CHANNELS = ("search", "advertisement", "e-mail", "direct", "social", "partner")
CHANNEL_SHARES = (0.30, 0.18, 0.16, 0.22, 0.08, 0.06)
CAMPAIGNS = ("spring-offer", "autumn-offer", "starter-kit", "black-week", "newsletter")
DEVICES = ("desktop", "mobile", "tablet")
DEVICE_SHARES = (0.62, 0.32, 0.06)
LANDINGS = ("/", "/shop", "/shop/templates", "/shop/scanners", "/pricing", "/help", "/blog/planning")
INTENT_SHARES = (0.30, 0.34, 0.16, 0.14, 0.06)
ADD_ONS = ("Template pack", "Training seat", "Barcode scanner", "Display kit", "Data import", "Premium themes")
ADD_ON_CENTS = np.array([4900, 14900, 18900, 42900, 29000, 1900])
GOODS_SHARE = np.array([0.05, 0.45, 0.62, 0.58, 0.30, 0.04])
KNOWN_VISITS, UNKNOWN_VISITS = 0.42, 2.6  # a month: by contact, and by account for strangers
KNOWN_CARTS, UNKNOWN_CARTS = 0.30, 0.17  # of visits
MOBILE_BUYS = -0.5  # on the log-odds scale
SURVEYED = 0.022  # of visits
RETURNED = 0.05  # of orders
GROWTH, MOOD_ON_VISITS = 0.012, 0.2  # of visits, a month and on the logarithm
QUANTITY_TAIL = 2.2  # of the Pareto distribution of how many are bought: the variance exists, the skewness does not


@dataclass(frozen=True)
class Visits:
    """A batch of visits; `customer` is -1 for strangers, `visitor` a number of its own kind for each of the two."""

    customer: Array
    stranger: Array
    at: Array
    device: Array
    intent: Array
    bounced: Array
    converted: Array

    def __len__(self) -> int:
        return len(self.at)


class Shop:
    """The shop in one month, for one block of contacts and the strangers that belong to it."""

    def __init__(
        self,
        writer: Writer,
        company: Company,
        accounts: Accounts,
        customers: Customers,
        tally: Tally,
        month: int,
        block: int,
    ) -> None:
        self.writer, self.company, self.accounts, self.customers, self.tally = (
            writer,
            company,
            accounts,
            customers,
            tally,
        )
        self.month = month
        self.rng = company.rng("shop", month, block)

    def open(self, who: Array) -> tuple[Visits, Orders]:
        """Writes visits, carts and orders; returns the visits and the orders that came of them."""
        visits = self._visits(who)
        orders, converted = self._carts(visits)
        visits = Visits(**{**vars(visits), "converted": converted})
        visits, sign_ups = self._with_sign_ups(visits, who)
        self._write_visits(visits, sign_ups)
        write_orders(self.writer, orders)
        return visits, orders

    def _visits(self, who: Array) -> Visits:
        rng, customers, month = self.rng, self.customers, self.month
        growth = (1 + GROWTH * month) * self.company.volume.visits
        rate = KNOWN_VISITS * self.company.season(month) * growth * np.exp(MOOD_ON_VISITS * customers.mood[who])
        self._tally_orders(who, rate)
        known = np.repeat(who, rng.poisson(rate))
        strangers = rng.poisson(UNKNOWN_VISITS * self.company.season(month) * growth * len(who) / 5.5 * 0.5)
        first = self.writer.number("visitors", strangers)
        again = np.repeat(np.arange(strangers), rng.geometric(0.75, strangers))
        customer = np.concatenate([known, np.full(len(again), -1)])
        zone = np.concatenate([customers.zone[known], rng.choice(customers.zone[who], len(again))])
        at = moments(self.company, rng, month, zone, "leisure")
        kept = (customer < 0) | customers.here(np.maximum(customer, 0), at)
        stranger = np.concatenate([np.full(len(known), -1), first + again])[kept]
        customer, at = customer[kept], at[kept]
        rows = len(at)
        return Visits(
            customer,
            stranger,
            at,
            device=rng.choice(len(DEVICES), rows, p=DEVICE_SHARES),
            intent=rng.choice(len(INTENT.choices), rows, p=INTENT_SHARES),
            bounced=rng.random(rows) < np.where(customer >= 0, 0.15, 0.45),
            converted=np.full(rows, NEVER),
        )

    def _tally_orders(self, who: Array, rate: Array) -> None:
        """How many orders the contacts would make on average in their part of the month, and how long that is."""
        customers, segment = self.customers, self.customers.segment[who]
        base = column(SEGMENTS, "buys")[segment]
        mobile = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + MOBILE_BUYS)))
        buys = DEVICE_SHARES[0] * base + (1 - DEVICE_SHARES[0]) * mobile
        there = customers.share_here(who, self.company.start(self.month), self.company.start(self.month + 1))
        month, region = np.full(len(who), self.month), customers.region[who]
        self.tally.add("contact_months", month, segment, region, there)
        self.tally.add("orders", month, segment, region, rate * KNOWN_CARTS * buys * there)

    def _carts(self, visits: Visits) -> tuple[Orders, Array]:
        """Writes the carts; returns the orders and, by visit, when it led to one."""
        rng, end = self.rng, self.company.last
        share = np.where(visits.customer >= 0, KNOWN_CARTS / 0.85, UNKNOWN_CARTS / 0.55)
        visit = np.flatnonzero(~visits.bounced & (rng.random(len(visits)) < share))
        visit = visit[np.argsort(visits.at[visit], kind="stable")]
        rows, customer = len(visit), visits.customer[visit]
        opened = visits.at[visit] + rng.integers(20, 600, rows)
        bought, checkout = self._bought(visits, visit, opened)
        item = rng.choice(len(ADD_ONS), rows, p=(0.3, 0.15, 0.18, 0.07, 0.1, 0.2))
        amount = np.ceil(rng.pareto(QUANTITY_TAIL, rows) * 0.8 + 0.01).astype(np.int64)
        currency = self._currency(customer)
        value = np.rint(ADD_ON_CENTS[item] * np.minimum(amount, 200) * PRICE_RATIO[currency]).astype(np.int64)
        sold = bought < end
        order = np.where(sold, 0, -1)
        order[sold] = self.writer.number("orders", int(sold.sum())) + np.arange(sold.sum())
        seen = np.where(sold, bought, np.where(checkout < end, checkout, opened) + rng.integers(0, 300, rows))
        self._write_carts(visits, visit, opened, checkout, bought, seen, order, value, currency)
        converted = np.full(len(visits), NEVER)
        converted[visit[sold]] = bought[sold]
        return self._orders(
            customer[sold], bought[sold], order[sold], item[sold], value[sold], currency[sold]
        ), converted

    def _bought(self, visits: Visits, visit: Array, opened: Array) -> tuple[Array, Array]:
        """When each cart was bought and when the customer went to pay; strangers never get so far as to buy."""
        rng, rows = self.rng, len(visit)
        customer = visits.customer[visit]
        known, who = customer >= 0, np.maximum(customer, 0)
        base = column(SEGMENTS, "buys")[self.customers.segment[who]]
        odds = np.log(base / (1 - base)) + np.where(visits.device[visit] == 0, 0, MOBILE_BUYS)
        chance = np.where(known, 1 / (1 + np.exp(-odds)), 0.0)
        buys = rng.random(rows) < chance
        checkout = np.where(buys | (rng.random(rows) < 0.28), opened + skewed(rng, 240, 0.8, rows), NEVER)
        bought = np.where(buys, checkout + skewed(rng, 150, 0.8, rows), NEVER)
        month, segment = np.full(rows, self.month), self.customers.segment[who]
        # Carts opened in the history's last minutes may be bought after it.
        for name, values in (("carts_known", known * 1.0), ("carts_bought", chance)):
            self.tally.add(name, month[known], segment[known], self.customers.region[who[known]], values[known])
        return bought, checkout

    def _currency(self, customer: Array) -> Array:
        by_country = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])
        account = self.customers.account[np.maximum(customer, 0)]
        return np.where(customer >= 0, by_country[self.accounts.country[account]], 0)

    def _orders(self, customer: Array, at: Array, number: Array, item: Array, value: Array, currency: Array) -> Orders:
        rng, rows = self.rng, len(at)
        back = rng.random(rows) < RETURNED
        part = np.where(rng.random(rows) < 0.7, 1.0, rng.random(rows))
        refunded = np.where(back, np.rint(value * part), 0).astype(np.int64)
        return Orders(
            number,
            customer,
            self.customers.account[customer],
            at,
            updated=np.where(back, np.minimum(at + skewed(rng, 5 * DAY, 0.7, rows), self.company.last - 1), at),
            kind=np.where(rng.random(rows) < 0.3, 1, 2),
            product=[*ADD_ONS],
            item=item,
            revenue=value,
            refunded=refunded,
            goods=np.rint(value * GOODS_SHARE[item]).astype(np.int64),
            currency=currency,
            channel="shop",
        )

    def _with_sign_ups(self, visits: Visits, who: Array) -> tuple[Visits, int]:
        """Adds the visit with which each new account's main contact signed up."""
        customers = self.customers
        main = who[customers.main[customers.account[who]] == who]
        since = customers.created[main]
        new = (since >= self.company.start(self.month)) & (since < self.company.start(self.month + 1))
        main, since = main[new], since[new]
        at, rows = np.maximum(since - self.rng.integers(120, 2400, len(main)), self.company.first), len(main)
        more = Visits(main, np.full(rows, -1), at, np.zeros(rows, int), np.ones(rows, int), np.zeros(rows, bool), since)
        joined = Visits(
            *(np.concatenate([a, b]) for a, b in zip(vars(visits).values(), vars(more).values(), strict=True))
        )
        return joined, rows

    def _write_visits(self, visits: Visits, sign_ups: int) -> None:
        rng, rows = self.rng, len(visits)
        channel = rng.choice(len(CHANNELS), rows, p=CHANNEL_SHARES)
        campaign = (np.isin(channel, (1, 2))) & (rng.random(rows) < 0.8)
        landing = np.where(np.arange(rows) >= rows - sign_ups, 4, rng.integers(0, len(LANDINGS), rows))
        pages = np.where(visits.bounced, 1, 1 + np.minimum(rng.geometric(0.25, rows), 60))
        done = visits.converted < self.company.last
        self.writer.append(
            "visits",
            idents("V", self.writer.number("visits", rows) + np.arange(rows), width=9),
            np.where(done, visits.converted, visits.at),
            {
                "visitor_id": self._visitors(visits.customer, visits.stranger),
                "customer_id": self.writer.contacts(visits.customer, visits.customer >= 0),
                "started_at": instants(visits.at),
                "channel": words(CHANNELS, channel),
                "campaign": words(CAMPAIGNS, rng.integers(0, len(CAMPAIGNS), rows), campaign),
                "device": words(DEVICES, visits.device),
                "landing": words(LANDINGS, landing),
                "pages": integers(pages),
                "intent": words(INTENT.choices, visits.intent),
                "bounced": flags(visits.bounced),
                "converted_at": instants(visits.converted, self.company.last),
            },
        )

    def _write_carts(
        self, visits: Visits, visit: Array, opened: Array, checkout: Array, bought: Array, seen: Array, order: Array,
        value: Array, currency: Array,
    ) -> None:  # fmt: skip
        rows, customer, end = len(visit), visits.customer[visit], self.company.last
        seen = np.minimum(seen, end - 1)
        self.writer.append(
            "carts",
            idents("B", self.writer.number("carts", rows) + np.arange(rows), width=8),
            seen,
            {
                "visitor_id": self._visitors(customer, visits.stranger[visit]),
                "customer_id": self.writer.contacts(customer, customer >= 0),
                "opened_at": instants(opened),
                "checkout_at": instants(checkout, end),
                "bought_at": instants(bought, end),
                "last_event_at": instants(seen),
                "order_id": idents("O", order, order >= 0, width=8),
                "value": money(value),
                "currency": words(CURRENCIES, currency),
            },
        )

    def _visitors(self, customer: Array, stranger: Array) -> pa.Array:
        """A known contact's browser keeps its number; strangers get one of their own."""
        known = idents("v-k", self.writer.first_contact + customer)
        return pc.if_else(pa.array(customer >= 0), known, idents("v-s", stranger))


def surveyed(company: Company, month: int, block: int, visits: Visits) -> Array:
    """The visits that are asked why they came."""
    rng = company.rng("website", month, block)
    return np.flatnonzero(~visits.bounced & (rng.random(len(visits)) < SURVEYED))
