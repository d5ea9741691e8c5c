"""Forecasts what rules of asking lead to: whom they ask, how many answers to expect, and how sure a KPI will be.

Occasions are asked about one after the other under the same budgets as the ledger keeps. The number of answers has
three sources of chance: how often occasions come, how large the rate of response is, and who answers. The interval is
that of a negative binomial distribution with the mean and variance of their sum; occasions that come by chance are
counted twice, for those of the past that the forecast leans on came by chance as well.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scipy import stats

from wellheard.store.budgets import DAY, Asking, Budgets, Diary
from wellheard.store.ledger import Quota
from wellheard.surveys.cadence import share_of

LEVEL = 0.95
ASSUMED = (2.0, 8.0)  # answers and silences taken for known before there are any: a fifth, and very unsure
NORMAL = 1.959964


@dataclass(frozen=True)
class Rule:
    """What of a survey bears on a forecast. `planned` says that its occasions are known and not left to chance.

    `spread` is the standard deviation of one answer in the units of its KPI.
    """

    survey_id: str
    priority: int
    quotas: Sequence[Quota] = ()
    reminders: int = 0
    remind_days: int = 5
    planned: bool = False
    spread: float = 50.0


@dataclass(frozen=True)
class Chance:
    """One occasion that is expected: for which survey, when in seconds since 1970, and whom it would ask."""

    survey_id: str
    at: float
    person: str
    company: str | None = None
    refused: str | None = None
    traits: Mapping[str, str] = field(default_factory=dict)


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
    """What happens to a survey in a month. `by_person` is how many times each is asked."""

    occasions: int = 0
    asked: int = 0
    reminded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    by_person: Counter[str] = field(default_factory=Counter)


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
    chances: Iterable[Chance],
    budgets: Budgets,
    responses: Mapping[str, Responses],
    before: Iterable[Asking] = (),
) -> list[Month]:
    """The forecast of each survey, month by month and in all. `before` is whom the ledger has as asked already."""
    by_id = {rule.survey_id: rule for rule in rules}
    rates = {id: responses.get(id, Responses()).rate() for id in by_id}
    tallies = play(rules, chances, budgets, {id: rate[0] for id, rate in rates.items()}, before)
    whole: dict[str, Tally] = defaultdict(Tally)
    for (id, _), tally in tallies.items():
        _add(whole[id], tally)
    found = [_month(by_id[id], month, tally, rates[id]) for (id, month), tally in sorted(tallies.items())]
    all_ = [_month(by_id[id], "", whole[id], rates[id]) for id in sorted(by_id)]
    variance = sum(_variance(by_id[id], whole[id], rates[id]) for id in by_id)
    return [*found, *all_, _together(all_, variance)]


def come_again(at: float, person: str, now: float, span: float) -> float:
    """When something that happened in the last `span` seconds is expected again in the next.

    A person's occasions keep their distances and are turned around together, by an angle of the person's own. Moved
    ahead as they are, they would fit the budgets as neatly as those did that were asked about.
    """
    turned = (at - (now - span) + share_of("again", person) * span) % span
    return now + turned


def play(
    rules: Sequence[Rule],
    chances: Iterable[Chance],
    budgets: Budgets,
    rates: Mapping[str, float],
    before: Iterable[Asking] = (),
) -> dict[tuple[str, str], Tally]:
    """Asks about occasions day by day, within a day the most important first; by survey and month."""
    by_id = {rule.survey_id: rule for rule in rules}
    days: dict[int, list[tuple[Chance, int]]] = defaultdict(list)
    for chance in chances:
        days[int(chance.at // DAY)].append((chance, 0))
    stage = _Stage(by_id, budgets, before)
    while days:
        day = min(days)
        todays = days.pop(day)
        todays.sort(key=lambda one: (-by_id[one[0].survey_id].priority, one[0].at))
        for chance, number in todays:
            if not stage.ask(chance, number):
                continue
            rule = by_id[chance.survey_id]
            # Who stays silent is drawn by a hash, so that a forecast asked twice says the same.
            silent = share_of(chance.person, str(chance.at), str(number)) >= rates[chance.survey_id]
            if number < rule.reminders and silent:
                later = chance.at + rule.remind_days * DAY
                again = Chance(chance.survey_id, later, chance.person, chance.company, None, chance.traits)
                days[int(later // DAY)].append((again, number + 1))
        stage.end_day()
    return stage.tallies


class _Stage:
    """Where occasions are asked about: the diary, the quotas and the tallies."""

    def __init__(self, rules: Mapping[str, Rule], budgets: Budgets, before: Iterable[Asking]) -> None:
        self.rules = rules
        self.tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._diary = Diary(budgets)
        self._today: dict[str, tuple[Asking, Tally, str, int]] = {}
        self._asked: dict[tuple[str, str], list[float]] = defaultdict(list)
        for asking in before:
            self._diary.add(asking)

    def ask(self, chance: Chance, number: int) -> bool:
        """Whether an occasion leads to asking; `number` counts the reminders."""
        rule = self.rules[chance.survey_id]
        tally = self.tallies[chance.survey_id, _month_of(chance.at)]
        tally.occasions += number == 0
        full = [q.name for q in rule.quotas if q.counts(chance.traits) and self._full(rule, q, chance.at)]
        reason = chance.refused or (full[0] if full and number == 0 else None)
        if reason is None:
            id = f"{len(self._today)}"
            asking = Asking(chance.at, chance.person, chance.company, rule.priority, False, id)
            verdict = self._diary.ask(asking)
            reason = verdict.reason
            if reason is None:
                self._today[id] = (asking, tally, chance.person, number)
                for other in verdict.gives_way:
                    self._take_back(other)
        if reason is not None:
            tally.reasons[reason] += number == 0
            return False
        tally.reminded += number > 0
        if number == 0:
            tally.asked += 1
            tally.by_person[chance.person] += 1
            for quota in rule.quotas:
                if quota.counts(chance.traits):
                    self._asked[rule.survey_id, quota.name].append(chance.at)
        return True

    def end_day(self) -> None:
        """What was asked today cannot be taken back."""
        for asking, *_ in self._today.values():
            asking.settled = True
        self._today.clear()

    def _take_back(self, other: Asking) -> None:
        _, tally, person, number = self._today.pop(other.id, (other, Tally(), "", 0))
        tally.asked -= number == 0
        tally.reminded -= number > 0
        tally.by_person[person] -= number == 0
        tally.reasons["gave_way"] += number == 0

    def _full(self, rule: Rule, quota: Quota, at: float) -> bool:
        listed = self._asked[rule.survey_id, quota.name]
        while listed and listed[0] <= at - quota.days * DAY:
            listed.pop(0)
        return len(listed) >= quota.most


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
    clusters = 0 if rule.planned else sum(n * n for n in tally.by_person.values())
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


def _add(whole: Tally, part: Tally) -> None:
    whole.occasions += part.occasions
    whole.asked += part.asked
    whole.reminded += part.reminded
    whole.reasons.update(part.reasons)
    whole.by_person.update(part.by_person)


def _month_of(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m}"
