"""Plays out whom rules of asking would ask about the occasions that are expected, under the ledger's budgets.

People and companies that share nobody have nothing to do with each other. So the first occasions of all of them are
decided in one step over arrays, then the second ones, and so on. What cannot be parted that way, since a quota counts
everybody or a company is much larger than the others, is decided one by one by the ledger's own diary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wellheard.store.budgets import DAY, Asking, Budgets, Clocks, Diary
from wellheard.store.ledger import Quota
from wellheard.surveys.cadence import share_of

TOGETHER = 20  # groups from which on a step over arrays is less work than one by one
PAST = 200  # times that somebody was asked before, above which they are looked at one by one

Numbers: TypeAlias = npt.NDArray[np.int64]
Moments: TypeAlias = npt.NDArray[np.float64]
Marks: TypeAlias = npt.NDArray[np.bool_]


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
class Chances:
    """Occasions as columns: `survey`, `person` and `company` are places in lists of names; -1 is no company.

    `refused` names by their places those that are refused for a reason known already; `traits` may be left empty.
    """

    surveys: Sequence[str]
    people: Sequence[str]
    companies: Sequence[str]
    survey: Numbers
    at: Moments
    person: Numbers
    company: Numbers
    refused: Mapping[int, str] = field(default_factory=dict)
    traits: Sequence[Mapping[str, str]] = ()

    @classmethod
    def of(cls, chances: Iterable[Chance]) -> Chances:
        """The columns of some occasions."""
        listed = list(chances)
        survey, surveys = _placed(c.survey_id for c in listed)
        person, people = _placed(c.person for c in listed)
        company, companies = _placed(c.company for c in listed)
        return cls(
            surveys, people, companies, survey, np.array([c.at for c in listed], float), person, company,
            {place: c.refused for place, c in enumerate(listed) if c.refused}, [c.traits for c in listed],
        )  # fmt: skip


@dataclass(frozen=True)
class Played:
    """What became of each occasion, and of the reminders that followed it (`number` is 0, or that of the reminder).

    `rule` is a place in the rules, `person` in the people; `reason` in `reasons`, where the first is none. Where a
    reminder was not due, since the time before nobody was asked or somebody answered, it has no line.
    """

    rule: Numbers
    at: Moments
    person: Numbers
    number: Numbers
    asked: Marks
    reason: Numbers
    reasons: Sequence[str]


def play(
    rules: Sequence[Rule],
    chances: Chances,
    budgets: Budgets,
    rates: Mapping[str, float],
    before: Sequence[Asking] = (),
) -> Played:
    """Asks about occasions day by day, within a day the most important first. What was asked `before` stands."""
    stage = _Stage(rules, chances, budgets, rates, before)
    stage.play()
    kept = stage.due
    return Played(
        stage.rule[kept], stage.at[kept], stage.person[kept], stage.number[kept], stage.asked[kept],
        stage.reason[kept], stage.reasons,
    )  # fmt: skip


class _Stage:
    """Occasions with the reminders that may follow them, each behind its `parent`, and what becomes of them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        chances: Chances,
        budgets: Budgets,
        rates: Mapping[str, float],
        before: Sequence[Asking],
    ) -> None:
        self.rules, self.chances, self.budgets = rules, chances, budgets
        places = {rule.survey_id: place for place, rule in enumerate(rules)}
        self.rule = np.array([places[id] for id in chances.surveys], np.int64)[chances.survey]
        self.at, self.person, self.company = chances.at, chances.person, chances.company
        self.first = np.arange(len(self.at))  # the occasion that it is about
        self.number = np.zeros(len(self.at), np.int64)
        self.parent = np.full(len(self.at), -1)
        self._remind(rates)
        self.asked = np.zeros(len(self.at), bool)
        self.due = self.parent < 0
        self._reasons = {"": 0}
        self.reason = np.zeros(len(self.at), np.int64)
        self.reason[list(chances.refused)] = [self._place(reason) for reason in chances.refused.values()]
        self.past = _Past(chances, before)

    @property
    def reasons(self) -> Sequence[str]:
        """The reasons why somebody was not asked, at their places; the first is none."""
        return list(self._reasons)

    def play(self) -> None:
        """Decides on everything."""
        priority = np.array([rule.priority for rule in self.rules] or [0])
        order = np.lexsort((self.at, -priority[self.rule], self.at // DAY))
        groups = self.past.groups(self.person, self.company)
        group = groups[self.person]
        sizes = np.bincount(group, minlength=int(groups.max(initial=0)) + 1)
        longest = int(np.sort(sizes)[-TOGETHER]) if len(sizes) >= TOGETHER else 0
        apart = (sizes > longest) | self.past.crowded(group, self.person, self.company, len(sizes))
        if any(rule.quotas for rule in self.rules):
            apart[:] = True
        alone = apart[group[order]]
        self._one_by_one(order[alone].tolist(), np.flatnonzero(apart[groups[self.past.person]]).tolist())
        self._together(order[~alone], group)

    def _remind(self, rates: Mapping[str, float]) -> None:
        """Adds the reminders of those who would stay silent, drawn by a hash: asked twice, a forecast says the same."""
        latest = np.arange(len(self.at))
        for number in range(1, 1 + max((rule.reminders for rule in self.rules), default=0)):
            follows = []
            for place in latest.tolist():
                rule = self.rules[self.rule[place]]
                if number > rule.reminders:
                    continue
                who, at = self.chances.people[self.person[place]], str(float(self.at[place]))
                if share_of(who, at, str(number - 1)) >= rates[rule.survey_id]:
                    follows.append(place)
            parents = np.array(follows, np.int64)
            rest = np.array([rule.remind_days * DAY for rule in self.rules] or [0.0])[self.rule[parents]]
            latest = len(self.at) + np.arange(len(parents))
            self.at = np.concatenate([self.at, self.at[parents] + rest])
            self.number = np.concatenate([self.number, np.full(len(parents), number)])
            self.parent = np.concatenate([self.parent, parents])
            self.rule, self.person, self.company, self.first = (
                np.concatenate([column, column[parents]])
                for column in (self.rule, self.person, self.company, self.first)
            )

    def _together(self, order: Numbers, group: Numbers) -> None:
        """Decides on the first of every group, then on the second of each, and so on."""
        order = order[np.argsort(group[order], kind="stable")]
        own = group[order]
        starts = np.flatnonzero(np.diff(own, prepend=-1))
        place = np.arange(len(own)) - np.repeat(starts, np.diff(starts, append=len(own)))
        steps = np.argsort(place, kind="stable")
        bounds = np.searchsorted(place[steps], np.arange(place.max(initial=-1) + 2))
        people, companies = self.past.calendars(self.budgets, float(self.at.min(initial=np.inf)))
        reasons = np.array([self._place(w) for w in (*people.words("person"), *companies.words("company"), "")])
        for begin, end in pairwise(bounds):
            some = order[steps[begin:end]]
            parents = self.parent[some]
            some = some[(parents < 0) | self.asked[parents]]
            self.due[some] = True
            some = some[self.reason[some] == 0]
            who, firm, at = self.person[some], self.company[some], self.at[some]
            full = people.full(who, at)
            of_firm = np.where(firm >= 0, companies.full(firm, at), -1)
            full = np.where(full >= 0, full, np.where(of_firm >= 0, of_firm + len(people.clocks), -1))
            self.reason[some] = reasons[full]
            free = full < 0
            self.asked[some[free]] = True
            people.add(who[free], at[free])
            companies.add(firm[free & (firm >= 0)], at[free & (firm >= 0)])

    def _one_by_one(self, order: Sequence[int], past: Sequence[int]) -> None:
        diary = Diary(self.budgets)
        for asking in (self.past.askings[place] for place in past):
            diary.add(Asking(asking.at, asking.person, asking.company, asking.priority, True))
        quotas = _Quotas(self.rules)
        for place in order:
            if self.parent[place] >= 0 and not self.asked[self.parent[place]]:
                continue
            self.due[place] = True
            if self.reason[place]:
                continue
            asking = self._asking(place)
            traits = self.chances.traits[self.first[place]] if self.chances.traits else {}
            first = self.number[place] == 0
            rule = self.rules[self.rule[place]]
            reason = quotas.full(rule, traits, asking.at) if first else None
            reason = reason or diary.ask(asking).reason
            if reason is None:
                self.asked[place] = True
                if first:
                    quotas.take(rule, traits, asking.at)
            else:
                self.reason[place] = self._place(reason)

    def _place(self, reason: str) -> int:
        return self._reasons.setdefault(reason, len(self._reasons))

    def _asking(self, place: int) -> Asking:
        firm = int(self.company[place])
        company = self.chances.companies[firm] if firm >= 0 else None
        person, priority = self.chances.people[self.person[place]], self.rules[self.rule[place]].priority
        return Asking(float(self.at[place]), person, company, priority, True)


class _Past:
    """Who was asked before, by the places of people and companies; those of whom nothing is expected come behind."""

    def __init__(self, chances: Chances, askings: Sequence[Asking]) -> None:
        self.askings = askings
        people = {name: place for place, name in enumerate(chances.people)}
        companies = {name: place for place, name in enumerate(chances.companies)}
        self.at = np.array([a.at for a in askings], float)
        self.person = np.array([people.setdefault(a.person, len(people)) for a in askings], np.int64)
        self.company = np.array(
            [-1 if a.company is None else companies.setdefault(a.company, len(companies)) for a in askings], np.int64
        )
        self.people, self.companies = len(people), len(companies)

    def groups(self, person: Numbers, company: Numbers) -> Numbers:
        """By person, the group of people and companies that have to do with each other."""
        one = np.concatenate([person, self.person])
        other = np.concatenate([company, self.company])
        linked = other >= 0
        ends = one[linked], other[linked] + self.people
        size = self.people + self.companies
        graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(size, size))
        _, group = connected_components(graph, directed=False)
        found: Numbers = group.astype(np.int64)[: self.people]
        return found

    def crowded(self, group: Numbers, person: Numbers, company: Numbers, groups: int) -> Marks:
        """By group, whether somebody in it was asked so often before that arrays of all would grow too wide."""
        many = np.zeros(groups, bool)
        for whom, before, count in (
            (person, self.person, self.people), (company, self.company[self.company >= 0], self.companies)
        ):  # fmt: skip
            often = np.bincount(before, minlength=max(count, 1)) > PAST
            many[group[(whom >= 0) & often[whom]]] = True
        return many

    def calendars(self, budgets: Budgets, begins: float) -> tuple[_Calendars, _Calendars]:
        """The calendars of people and of companies, with what they were asked before, for who is asked from then on."""
        clocks = budgets.clocks()
        found = []
        for clock, number, whom in (
            (clocks[0], self.people, self.person), (clocks[1], self.companies, self.company)
        ):  # fmt: skip
            made = _Calendars(clock, max(number, 1))
            near = (whom >= 0) & (self.at > begins - made.longest)
            made.fill(whom[near], self.at[near])
            found.append(made)
        return found[0], found[1]


class _Calendars:
    """When each of many was asked: a row of moments each, in order; what is too old to matter gives way."""

    def __init__(self, clocks: Clocks, number: int) -> None:
        self.clocks = clocks
        self.longest = max((seconds for seconds, _ in clocks), default=0.0)
        self.times = np.full((number, 1 + max((most for _, most in clocks), default=0)), -np.inf)

    def words(self, kind: str) -> list[str]:
        """The reasons that its clocks give, in their order."""
        return [f"{kind}_budget:{round(seconds / DAY)}" for seconds, _ in self.clocks]

    def full(self, who: Numbers, at: Moments) -> Numbers:
        """For each, the place of the first clock that allows no further asking at a moment; -1 where all do.

        A clock is full where a row of `most` neighbouring moments and the new one lie within its stretch.
        """
        rows, moment = self.times[who], at[:, None]
        found = np.full(len(who), -1)
        for place in reversed(range(len(self.clocks))):
            seconds, most = self.clocks[place]
            if most == 0:
                found[:] = place
                continue
            begin = np.minimum(rows[:, : rows.shape[1] - most + 1], moment)
            end = np.maximum(rows[:, most - 1 :], moment)
            found[(end - begin < seconds).any(axis=1)] = place
        return found

    def add(self, who: Numbers, at: Moments) -> None:
        """Notes a moment for each of some, none of whom may be there twice; days must come in order."""
        if len(who) == 0:
            return
        # Occasions come day by day, so those that are still to come lie no further back than a day.
        if (self.times[who, 0] > at - self.longest - DAY).any():
            more = np.full(self.times.shape, -np.inf)
            self.times = np.concatenate([more, self.times], axis=1)
        rows = self.times[who]
        rows[:, 0] = at
        rows.sort(axis=1)
        self.times[who] = rows

    def fill(self, who: Numbers, at: Moments) -> None:
        """Notes what was before, as much of it as there is."""
        order = np.lexsort((at, who))
        who, at = who[order], at[order]
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        counts = np.diff(starts, append=len(who))
        kept = np.arange(len(who)) - np.repeat(starts, counts)  # the place among one's own, the first is 0
        wanted = self.times.shape[1] + min(int(counts.max(initial=0)), PAST)
        self.times = np.full((len(self.times), wanted), -np.inf)
        # Of those with more than fit nothing is decided here.
        back = np.repeat(counts, counts) - kept
        fits = back <= wanted
        self.times[who[fits], wanted - back[fits]] = at[fits]


class _Quotas:
    """When those were asked whom quotas count."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._asked: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._any = any(rule.quotas for rule in rules)

    def full(self, rule: Rule, traits: Mapping[str, str], at: float) -> str | None:
        """The first quota that is full."""
        for quota in rule.quotas:
            if quota.counts(traits):
                listed = self._asked[rule.survey_id, quota.name]
                while listed and listed[0] <= at - quota.days * DAY:
                    listed.pop(0)
                if len(listed) >= quota.most:
                    return quota.name
        return None

    def take(self, rule: Rule, traits: Mapping[str, str], at: float) -> None:
        """Notes that somebody was asked."""
        for quota in rule.quotas:
            if quota.counts(traits):
                self._asked[rule.survey_id, quota.name].append(at)


def _placed(names: Iterable[Any]) -> tuple[Numbers, list[str]]:
    """Names as places in the list of different ones; None is -1."""
    places: dict[str, int] = {}
    found = [-1 if name is None else places.setdefault(name, len(places)) for name in names]
    return np.array(found, np.int64), list(places)
