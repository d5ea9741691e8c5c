"""Forecasts what rules of asking lead to: whom they ask, how many answers to expect, and how sure a KPI will be.

Occasions are asked about one after the other under the same budgets as the ledger keeps. The number of answers has
three sources of chance: how often occasions come, how large the rate of response is, and who answers. The interval is
that of a negative binomial distribution with the mean and variance of their sum; occasions that come by chance are
counted twice, for those of the past that the forecast leans on came by chance as well.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from scipy import stats

from wellheard.store.budgets import Asking, Budgets
from wellheard.surveys.cadence import share_of
from wellheard.surveys.playing import Chances, Moments, Numbers, Played, Rule, play

LEVEL = 0.95
ASSUMED = (2.0, 8.0)  # answers and silences taken for known before there are any: a fifth, and very unsure
NORMAL = 1.959964


@dataclass(frozen=True)
class Responses:
    """How a survey was answered so far, by person: how many times asked, how many times answered."""

    by_person: Sequence[tuple[int, int]] = ()

    def rate(self) -> tuple[float, float, float]:
        """The rate of response, its variance, and the variance that each asking adds to the number of answers.

        Both variances regard a person's answers as of one piece (the linearised variance of a ratio; W. Cochran,
        Sampling Techniques, 1977, section 6.5), and the first is never less than that of a beta distribution.
        """
        asked = sum(n for n, _ in self.by_person) + sum(ASSUMED)
        rate = (sum(k for _, k in self.by_person) + ASSUMED[0]) / asked
        single = rate * (1 - rate)
        squares = sum((k - rate * n) ** 2 for n, k in self.by_person)
        each = max(single, squares / asked)
        return rate, max(single / (asked + 1), squares / asked**2), each


@dataclass
class Tally:
    """What happens to a survey in a month. `clusters` is the sum of squares of how many times each person is asked."""

    occasions: int = 0
    asked: int = 0
    reminded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    clusters: int = 0


@dataclass(frozen=True)
class Month:
    """The forecast of a survey and month; of all months together where `month` is empty, so also of all surveys.

    `answers_low` to `answers_high` holds the number of answers with 95 % confidence. `interval_width` is how wide the
    interval of the month's KPI will be, in its units; None where no answer is expected.
    """

    survey_id: str
    month: str
    occasions: int
    asked: int
    reminded: int
    answers: float
    answers_low: int
    answers_high: int
    interval_width: float | None
    reasons: Mapping[str, int]


def forecast(
    rules: Sequence[Rule],
    chances: Chances,
    budgets: Budgets,
    responses: Mapping[str, Responses],
    before: Sequence[Asking] = (),
) -> list[Month]:
    """The forecast of each survey, month by month and in all. `before` is whom the ledger has as asked already."""
    by_id = {rule.survey_id: rule for rule in rules}
    rates = {id: responses.get(id, Responses()).rate() for id in by_id}
    played = play(rules, chances, budgets, {id: rate[0] for id, rate in rates.items()}, before)
    months, month = np.unique(played.at.astype("datetime64[s]").astype("datetime64[M]"), return_inverse=True)
    tallies = _tallies(rules, played, month, [str(each) for each in months])
    whole = _tallies(rules, played, np.zeros(len(month), np.int64), [""])
    found = [_month(by_id[id], month, tally, rates[id]) for (id, month), tally in sorted(tallies.items())]
    all_ = [_month(by_id[id], "", whole[id, ""], rates[id]) for id in sorted(by_id)]
    variance = sum(_variance(by_id[id], whole[id, ""], rates[id]) for id in by_id)
    return [*found, *all_, _together(all_, variance)]


def turning(person: str) -> float:
    """The angle by which a person's occasions are turned, as a share of the whole."""
    return share_of("again", person)


When = TypeVar("When", float, Moments)


def come_again(at: When, turned: When, now: float, span: float) -> When:
    """When something that happened in the last `span` seconds is expected again in the next.

    A person's occasions keep their distances and are turned around together, by an angle of the person's own
    (`turning`). Moved ahead as they are, they would fit the budgets as neatly as those did that were asked about.
    """
    return now + (at - (now - span) + turned * span) % span


def _tallies(
    rules: Sequence[Rule], played: Played, month: Numbers, months: Sequence[str]
) -> dict[tuple[str, str], Tally]:
    """What was played, counted by survey and month; `month` are places in `months`."""
    found: dict[tuple[str, str], Tally] = defaultdict(Tally)
    cell, cells = played.rule * len(months) + month, len(rules) * len(months)
    first = played.number == 0
    anew = first & played.asked
    occasions, asked, reminded = (
        np.bincount(cell[some], minlength=cells) for some in (first, anew, ~first & played.asked)
    )
    kinds = len(played.reasons)
    refused = first & ~played.asked
    reasons = np.bincount(cell[refused] * kinds + played.reason[refused], minlength=cells * kinds)
    people = int(played.person.max(initial=0)) + 1
    each, times = np.unique(cell[anew] * people + played.person[anew], return_counts=True)
    clusters = np.bincount(each // people, weights=times.astype(float) ** 2, minlength=cells)
    for place in np.unique(cell).tolist():
        rule, number = divmod(place, len(months))
        counted = reasons[place * kinds : (place + 1) * kinds].tolist()
        found[rules[rule].survey_id, months[number]] = Tally(
            int(occasions[place]),
            int(asked[place]),
            int(reminded[place]),
            Counter({why: n for why, n in zip(played.reasons, counted, strict=True) if n}),
            int(clusters[place]),
        )
    return found


def _month(rule: Rule, month: str, tally: Tally, rate: tuple[float, float, float]) -> Month:
    expected = rate[0] * tally.asked
    low, high = _bounds(expected, _variance(rule, tally, rate))
    width = 2 * NORMAL * rule.spread / math.sqrt(expected) if expected >= 1 else None
    return Month(
        survey_id=rule.survey_id,
        month=month,
        occasions=tally.occasions,
        asked=tally.asked,
        reminded=tally.reminded,
        answers=expected,
        answers_low=low,
        answers_high=high,
        interval_width=width,
        reasons={reason: n for reason, n in tally.reasons.most_common() if n},
    )


def _variance(rule: Rule, tally: Tally, rate: tuple[float, float, float]) -> float:
    """The variance of the number of answers: by how often, at which rate and who."""
    share, unsure, each = rate
    clusters = 0 if rule.planned else tally.clusters
    return share**2 * 2 * clusters + tally.asked**2 * unsure + tally.asked * each


def _together(all_: Sequence[Month], variance: float) -> Month:
    expected = sum(month.answers for month in all_)
    low, high = _bounds(expected, variance)
    reasons: Counter[str] = Counter()
    for month in all_:
        reasons.update(month.reasons)
    occasions, asked, reminded = (
        sum(getattr(month, name) for month in all_) for name in ("occasions", "asked", "reminded")
    )
    return Month("", "", occasions, asked, reminded, expected, low, high, None, dict(reasons.most_common()))


def _bounds(mean: float, variance: float) -> tuple[int, int]:
    """Between which numbers a count lies with 95 % confidence, by its mean and variance."""
    if mean <= 0:
        return 0, 0
    tail = (1 - LEVEL) / 2
    if variance <= mean * 1.001:
        law = stats.poisson(mean)
    else:
        law = stats.nbinom(mean**2 / (variance - mean), mean / variance)
    return int(law.ppf(tail)), int(law.ppf(1 - tail))
