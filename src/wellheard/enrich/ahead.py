"""The money that customers can be expected to bring in the months ahead, with the range in which it will lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from wellheard.enrich.buying import Buying, Histories
from wellheard.enrich.fitting import Floats
from wellheard.enrich.renewing import Renewing
from wellheard.enrich.spending import Spending

MONTHS = 24  # that are looked ahead
DISCOUNT = 0.10  # a year
LEVEL = 0.95  # of the range
DAYS_A_MONTH = 30.436875


@dataclass(frozen=True)
class Ahead:
    """Money by customer, discounted to today: its mean and the range of LEVEL. Of one customer, not of their mean."""

    mean: Floats
    low: Floats
    high: Floats


def discounts(months: int = MONTHS, rate: float = DISCOUNT) -> Floats:
    """What money of the middle of each month ahead is worth today."""
    return np.asarray((1 + rate) ** (-(np.arange(months) + 0.5) / 12))


def from_purchases(buying: Buying, spending: Spending, seen: Histories, purchases: ArrayLike, mean: ArrayLike) -> Ahead:
    """What customers who buy freely will spend; histories in days, `purchases` and their `mean` a customer each.

    The range is that of a sum of a random number of purchases: its two moments are exact under the models, and a gamma
    distribution of those who buy at all stands for its shape.
    """
    days: Floats = np.asarray(np.arange(1, MONTHS + 1) * DAYS_A_MONTH, dtype=np.float64)
    by_month = buying.expected_by(seen, days)
    worth_now = np.diff(by_month, axis=1, prepend=0.0) @ discounts()
    count, end = by_month[:, -1], float(days[-1])
    ratio = np.divide(worth_now, count, out=np.ones_like(count), where=count > 0)
    alive = buying.alive(seen)
    again = buying.at_least(seen, end, np.ones(len(alive)))
    square = buying.square_if_alive(seen, end)
    place = seen.place
    value = spending.expected(purchases, mean)
    within, own = spending.variance(purchases, mean)
    some = np.maximum((alive * again)[place], 1e-300)
    first = count[place] * value / some
    second = (alive[place] * square[place] * (own + value**2) + count[place] * within) / some
    low, high = _range(some, first, np.maximum(second - first**2, 1e-12 * first**2))
    scale = ratio[place]
    expected = worth_now[place] * value
    # Of somebody who most likely never comes back the mean lies above nearly all that can happen; it is in the range.
    return Ahead(expected, np.minimum(low * scale, expected), np.maximum(high * scale, expected))


def _range(some: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The ends of the range of what is 0 but with a chance of `some`, and then gamma with that mean and variance."""
    shape, size = mean**2 / variance, variance / mean
    ends = []
    for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        inside = np.clip((share - (1 - some)) / some, 0.0, 1 - 1e-12)
        ends.append(np.where(inside > 0, gammaincinv(shape, inside) * size, 0.0))
    return ends[0], ends[1]


def from_contracts(renewing: Renewing, renewed: ArrayLike, months_left: ArrayLike, term: int, mrr: ArrayLike) -> Ahead:
    """What running contracts of a `term` in months will bring, each renewed so many times and paid for `months_left`.

    Money that is paid already is none of what is ahead. The range is that of how long the contract lasts.
    """
    n, left, pay = (np.asarray(v, dtype=np.float64) for v in (renewed, months_left, mrr))
    keys, place = np.unique(np.stack([n, np.floor(left)]), axis=1, return_inverse=True)
    month = np.arange(MONTHS)[None, :]
    renewals = np.maximum(np.floor((month - keys[1][:, None]) / term) + 1, 0.0)  # passed before each month ahead
    money = discounts()[None, :] * (renewals > 0)
    chance = renewing.survival(keys[0][:, None], renewals)
    most = int(MONTHS / term) + 2
    ends = []
    for share in ((1 + LEVEL) / 2, (1 - LEVEL) / 2):
        lasts = renewing.lasting(keys[0], share, most)[:, None]
        ends.append((money * (renewals <= lasts)).sum(axis=1))
    mean = (money * chance).sum(axis=1)
    return Ahead(mean[place] * pay, ends[0][place] * pay, ends[1][place] * pay)
