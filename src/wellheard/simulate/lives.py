"""How long accounts stay and how their contracts move: the dated periods behind churn, retention and revenue."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from wellheard.simulate.accounts import Accounts
from wellheard.simulate.company import (
    COUNTRIES,
    CURRENCIES,
    DAY,
    EARLY_CHURN,
    MOOD_ON_CHURN,
    NEVER,
    PRICE_RATIO,
    PRICES,
    REGIONS,
    SEGMENTS,
    TIER_OF_PLAN,
    Array,
    Company,
    column,
)

TRIAL = 14 * DAY
MOVEMENTS = ("trial", "new", "upgrade", "downgrade", "expansion", "contraction", "reactivation")
BILLED = ("new", "renewal", "upsell")
RETURNS_WITHIN, RETURNS = 9, 0.02  # months after leaving, and the chance in each
_BEFORE, _AFTER = 60, 30  # months known before and after the history
_MONEY_OFF_A_YEAR = 0.85
_CURRENCY_OF_COUNTRY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])


@dataclass
class Ledger:
    """Rows that gather month by month, as lists of arrays by column."""

    parts: dict[str, list[Array]] = field(default_factory=dict)
    rows: int = 0

    def add(self, **columns: Array) -> Array:
        """Adds rows and returns their numbers."""
        for name, values in columns.items():
            # A copy, because callers go on working on their arrays.
            self.parts.setdefault(name, []).append(values.copy())
        size = len(next(iter(columns.values())))
        self.rows += size
        return np.arange(self.rows - size, self.rows)

    def column(self, name: str) -> Array:
        return np.concatenate(self.parts[name])


@dataclass(frozen=True)
class Lives:
    """What became of each account. A life is one stretch, or two for those who came back; instants are UTC seconds.

    `periods` has account, plan, seats, mrr (cents), movement, start and end; `bills` a ledger a month with account, at,
    cents and kind; `at_risk`, `lost` and `expected` count accounts by month, segment and region: paying as the
    month began, gone in it, and how many would have gone on average.
    """

    created: Array
    first_end: Array
    second_start: Array
    second_end: Array
    paid: Array
    currency: Array
    periods: dict[str, Array]
    bills: tuple[Ledger, ...]
    moved: tuple[Array, Array, Array]
    renewals: tuple[Array, ...]
    at_risk: Array
    lost: Array
    expected: Array

    def alive(self, account: Array, instant: Array) -> Array:
        """Whether each account was ours, on trial or paying, at each instant."""
        first: Array = (instant >= self.created[account]) & (instant < self.first_end[account])
        return first | ((instant >= self.second_start[account]) & (instant < self.second_end[account]))

    def final_end(self) -> Array:
        """When each account left for good; NEVER for those that are still here."""
        return np.where(self.second_start < NEVER, self.second_end, self.first_end)

    def leaves_at(self, account: Array, instant: Array) -> Array:
        """The end of the stretch that holds each instant, or that is the last one before it."""
        return np.where(instant >= self.second_start[account], self.second_end[account], self.first_end[account])

    def next_renewal(self, company: Company, account: Array, since: Array) -> Array:
        """When the yearly contract comes up next after each instant; NEVER where it is monthly."""
        annual, renews, anchor, renews_again, anchor_again = (values[account] for values in self.renewals)
        back = since >= self.second_start[account]
        renews, anchor = np.where(back, renews_again, renews), np.where(back, anchor_again, anchor)
        starts = month_starts(company)
        month = month_of(starts, since)
        month = month + (renews - month) % 12
        month += np.where(starts[month + _BEFORE] + anchor <= since, 12, 0)
        return np.where(annual, starts[month + _BEFORE] + anchor, NEVER)


def month_starts(company: Company) -> Array:
    """The seconds at which months begin, from well before the history to well after it."""
    return np.array([company.start(month) for month in range(-_BEFORE, company.months + _AFTER)], dtype=np.int64)


def month_of(starts: Array, instant: Array) -> Array:
    """The month of the history in which each instant lies, given `month_starts`."""
    return np.searchsorted(starts, instant, side="right") - 1 - _BEFORE


class _Course:
    """The state of all accounts while the months go by."""

    def __init__(self, company: Company, accounts: Accounts) -> None:
        rows = len(accounts)
        self.company, self.accounts = company, accounts
        self.plan, self.seats = accounts.plan.copy(), accounts.seats.copy()
        self.currency = _CURRENCY_OF_COUNTRY[accounts.country]
        self.paid = accounts.created + TRIAL
        self.spell = self.paid.copy()  # when the present stretch of paying began
        self.starts = month_starts(company)
        self.renews, self.anchor = self._anchor(self.paid)
        self.renews_again, self.anchor_again = self.renews.copy(), self.anchor.copy()
        self.paying = np.zeros(rows, dtype=bool)
        self.period = np.full(rows, -1)
        self.first_end = np.where(accounts.converts, NEVER, self.paid)
        self.second_start, self.second_end = np.full(rows, NEVER), np.full(rows, NEVER)
        self.periods, self.closings = Ledger(), Ledger()
        self.tiers = Ledger()
        self.bills = [Ledger() for _ in range(company.months)]
        shape = (company.months, len(SEGMENTS), len(REGIONS))
        self.at_risk, self.lost, self.expected = np.zeros(shape, int), np.zeros(shape, int), np.zeros(shape)

    def _anchor(self, instant: Array) -> tuple[Array, Array]:
        """The month and the second within it at which a contract that starts then is billed."""
        month = month_of(self.starts, instant)
        since = instant - self.starts[month + _BEFORE]
        return month, np.minimum(since, 27 * DAY + since % DAY)  # every month has 28 days

    def mrr(self, who: Array) -> Array:
        """Cents a month at the present plan and seats."""
        price = PRICES[self.plan[who]] * PRICE_RATIO[self.currency[who]]
        discount = np.where(self.accounts.annual[who], _MONEY_OFF_A_YEAR, 1.0)
        return np.asarray(np.rint(price * self.seats[who] * discount), dtype=np.int64)

    def open(self, who: Array, at: Array, movement: Array, mrr: Array | None = None) -> None:
        """Starts a period of each account, and ends the one before it at the same instant."""
        self.close(who, at)
        self.period[who] = self.periods.add(
            account=who,
            plan=self.plan[who],
            seats=self.seats[who],
            mrr=self.mrr(who) if mrr is None else mrr,
            movement=movement,
            start=at,
        )

    def close(self, who: Array, at: Array) -> None:
        running = self.period[who] >= 0
        self.closings.add(period=self.period[who][running], at=at[running])
        self.period[who] = -1

    def bill(self, month: int, who: Array, at: Array, cents: Array, kind: str) -> None:
        self.bills[month].add(account=who, at=at, cents=cents, kind=np.full(len(who), BILLED.index(kind)))

    def begin(self) -> None:
        """The trials of the history, and the contracts that are older than it."""
        accounts, company = self.accounts, self.company
        new = np.flatnonzero(accounts.created >= company.first)
        self.open(new, accounts.created[new], np.zeros(len(new), int), np.zeros(len(new), np.int64))
        out = new[~accounts.converts[new] & (self.paid[new] < company.last)]
        self.close(out, self.paid[out])
        old = np.flatnonzero(self.paid < company.first)
        self.open(old, self.paid[old], np.ones(len(old), int))
        self.paying[old] = True

    def live(self, month: int) -> None:
        """One month: who leaves, who changes the contract, who starts and who comes back."""
        rng = self.company.rng("lives", month)
        begins = self.starts[month + _BEFORE]
        at = begins + self.anchor_again
        on = self.paying & (self.spell < begins)
        due = on & (~self.accounts.annual | ((month - self.renews_again) % 12 == 0))
        gone = self._leave(rng, month, at, on, due)
        stay = due & ~gone
        who = np.flatnonzero(stay)
        self.bill(month, who, at[who], self.mrr(who) * np.where(self.accounts.annual[who], 12, 1), "renewal")
        self._change(rng, month, at, on & ~gone, stay)
        self._start(month)
        self._return(rng, month, begins)

    def _leave(self, rng: np.random.Generator, month: int, at: Array, on: Array, due: Array) -> Array:
        accounts = self.accounts
        rate = column(SEGMENTS, "churn")[accounts.segment] * column(REGIONS, "churn")[accounts.region]
        rate = rate * np.exp(MOOD_ON_CHURN * accounts.mood)
        rate = rate * self.company.effect("churn", month, accounts.exposure)
        rate = rate * np.where(at - self.spell < 90 * DAY, EARLY_CHURN, 1.0)
        chance = np.where(due, 1 - np.exp(-rate * np.where(accounts.annual, 12, 1)), 0.0)
        gone = rng.random(len(chance)) < chance
        where = (accounts.segment, accounts.region)
        np.add.at(self.at_risk[month], where, on.astype(int))
        np.add.at(self.lost[month], where, gone.astype(int))
        np.add.at(self.expected[month], where, chance)
        who = np.flatnonzero(gone)
        self.close(who, at[who])
        self.paying[who] = False
        again = self.second_start[who] < NEVER
        self.second_end[who[again]] = at[who[again]]
        self.first_end[who[~again]] = at[who[~again]]
        return gone

    def _change(self, rng: np.random.Generator, month: int, at: Array, on: Array, due: Array) -> None:
        """Upgrades and more seats at any time, the opposite only when the contract is due."""
        draw, size = rng.random(len(on)), rng.random(len(on))
        glad = np.exp(0.3 * self.accounts.mood)
        limits = np.cumsum([0.010 * glad, 0.032 * glad, 0.003 * due / glad, 0.010 * due / glad], axis=0)
        kind = (draw[None, :] >= limits).sum(axis=0)  # 0 upgrade, 1 expansion, 2 downgrade, 3 contraction, 4 none
        top, bottom, one = self.plan == len(PRICES) - 1, self.plan == 0, self.seats == 1
        void = ((kind == 0) & top) | ((kind == 2) & bottom) | ((kind == 3) & one)
        who = np.flatnonzero(on & (kind < 4) & ~void)
        kind, size, before = kind[who], size[who], self.mrr(who)
        tier = TIER_OF_PLAN[self.plan[who]]
        self.plan[who] += np.array([1, 0, -1, 0])[kind]
        more = 1 + np.select([kind == 1, kind == 3], [0.05 + 0.35 * size, -0.05 - 0.25 * size])
        seats = self.seats[who]
        grown = np.where(kind == 1, np.ceil(seats * more), np.floor(seats * more))
        self.seats[who] = np.where((kind == 1) | (kind == 3), np.maximum(grown, 1), seats).astype(np.int64)
        movement = np.array([MOVEMENTS.index(name) for name in ("upgrade", "expansion", "downgrade", "contraction")])
        self.open(who, at[who], movement[kind])
        moved = tier != TIER_OF_PLAN[self.plan[who]]
        self.tiers.add(account=who[moved], at=at[who[moved]], tier=TIER_OF_PLAN[self.plan[who[moved]]])
        gain = self.mrr(who) - before
        left = np.where(self.accounts.annual[who], 1 + (self.renews_again[who] - month - 1) % 12, 1)
        up = (kind <= 1) & (gain > 0)
        self.bill(month, who[up], at[who[up]], (gain * left)[up], "upsell")

    def _start(self, month: int) -> None:
        low, high = self.starts[month + _BEFORE], self.company.starts[month + 1]
        who = np.flatnonzero(self.accounts.converts & (self.paid >= low) & (self.paid < high))
        self._pay(month, who, self.paid[who], "new")

    def _return(self, rng: np.random.Generator, month: int, begins: int) -> None:
        left = self.accounts.converts & ~self.paying & (self.first_end < begins) & (self.second_start == NEVER)
        recent = left & (self.first_end > self.starts[month + _BEFORE - RETURNS_WITHIN])
        draw, day = rng.random(len(left)), rng.random(len(left))
        who = np.flatnonzero(recent & (draw < RETURNS))
        at = begins + (day[who] * 27 * DAY).astype(np.int64)
        self.second_start[who] = self.spell[who] = at
        self.renews_again[who], self.anchor_again[who] = self._anchor(at)
        self._pay(month, who, at, "reactivation")

    def _pay(self, month: int, who: Array, at: Array, movement: str) -> None:
        self.open(who, at, np.full(len(who), MOVEMENTS.index(movement)))
        self.paying[who] = True
        self.bill(month, who, at, self.mrr(who) * np.where(self.accounts.annual[who], 12, 1), "new")

    def lives(self) -> Lives:
        names = ("account", "plan", "seats", "mrr", "movement", "start")
        periods = {name: self.periods.column(name) for name in names}
        periods["end"] = np.full(self.periods.rows, NEVER)
        periods["end"][self.closings.column("period")] = self.closings.column("at")
        moved = (self.tiers.column("account"), self.tiers.column("at"), self.tiers.column("tier"))
        renewals = (self.accounts.annual, self.renews, self.anchor, self.renews_again, self.anchor_again)
        return Lives(
            self.accounts.created, self.first_end, self.second_start, self.second_end, self.paid, self.currency,
            periods, tuple(self.bills), moved, renewals, self.at_risk, self.lost, self.expected,
        )  # fmt: skip


def live(company: Company, accounts: Accounts) -> Lives:
    """Lets every account live through all months."""
    course = _Course(company, accounts)
    course.begin()
    for month in range(company.months):
        course.live(month)
    return course.lives()
