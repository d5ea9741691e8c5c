"""The forecast holds what then happens in a company that is made up by another way, and no budget is ever broken."""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from wellheard.base.settings import Settings
from wellheard.store.budgets import Asking, Budgets
from wellheard.store.layout import ASKS
from wellheard.store.ledger import Candidate, decide
from wellheard.store.store import open_store
from wellheard.store.surveys import save_survey
from wellheard.store.vault import open_vault
from wellheard.surveys import playing
from wellheard.surveys.forecast import Month, Responses, come_again, forecast, turning
from wellheard.surveys.playing import Chances, Rule

DAY = 86_400.0
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
BUDGETS = Budgets({7: 1, 30: 2, 365: 6}, {7: 4, 90: 20})
# Six surveys: how important, how many occasions a person has in a year, and how many of those asked answer.
SURVEYS: Mapping[str, tuple[int, float, float]] = {
    "after-support": (4, 1.6, 0.30),
    "after-order": (3, 2.5, 0.12),
    "onboarding": (7, 0.4, 0.25),
    "churned": (9, 0.1, 0.08),
    "feature": (2, 1.2, 0.18),
    "relationship": (8, 1.0, 0.22),
}
RULES = [Rule(name, priority) for name, (priority, _, _) in SURVEYS.items()]


NAMES = list(SURVEYS)
PRIORITY = np.array([priority for priority, _, _ in SURVEYS.values()])
RATE = np.array([rate for _, _, rate in SURVEYS.values()])


class Company:
    """People with companies, each of their own liveliness and readiness to answer."""

    def __init__(self, people: int, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.company = self.chance.integers(0, max(2, people // 8), people)
        self.lively = self.chance.gamma(2.0, 0.5, people)
        self.ready = self.chance.gamma(3.0, 1 / 3, people)
        self.people = [f"p{n}" for n in range(people)]
        self.companies = [f"c{n}" for n in range(max(2, people // 8))]

    def year(self, begins: float) -> Chances:
        """The occasions of a year, in order."""
        survey, who, at = [], [], []
        for place, (_, often, _) in enumerate(SURVEYS.values()):
            numbers = self.chance.poisson(often * self.lively)
            who.append(np.repeat(np.arange(len(self.people)), numbers))
            at.append(begins + self.chance.uniform(0, 365, len(who[-1])) * DAY)
            survey.append(np.full(len(who[-1]), place))
        order = np.argsort(np.concatenate(at), kind="stable")
        person = np.concatenate(who)[order]
        moments, surveys = np.concatenate(at)[order], np.concatenate(survey)[order]
        return Chances(NAMES, self.people, self.companies, surveys, moments, person, self.company[person])

    def answers(self, asked: Chances) -> np.ndarray:
        """Who answers."""
        rates = RATE[asked.survey] * self.ready[asked.person]
        return np.asarray(self.chance.random(len(rates)) < np.minimum(rates, 0.95))


def some_of(chances: Chances, which: np.ndarray) -> Chances:
    columns = {name: getattr(chances, name)[which] for name in ("survey", "at", "person", "company")}
    return replace(chances, **columns)


def asked_plainly(chances: Chances, before: Chances | None = None) -> Chances:
    """Who is asked, written down once more and as plainly as can be: day by day, the most important first."""
    order = np.lexsort((chances.at, -PRIORITY[chances.survey], chances.at // DAY))
    past: dict[tuple[str, int], list[float]] = defaultdict(list)
    for kind in ("person", "company") if before is not None else ():
        for name, at in zip(getattr(before, kind).tolist(), before.at.tolist(), strict=True):
            insort(past[kind, name], at)
    asked = []
    rows = (chances.at[order].tolist(), chances.person[order].tolist(), chances.company[order].tolist())
    for place, at, person, company in zip(order.tolist(), *rows, strict=True):
        of_person, of_company = past["person", person], past["company", company]
        if not _too_many(of_person, at, PERSON_CLOCKS) and not _too_many(of_company, at, COMPANY_CLOCKS):
            asked.append(place)
            insort(of_person, at)
            insort(of_company, at)
    return some_of(chances, np.array(asked, int))


PERSON_CLOCKS, COMPANY_CLOCKS = list(BUDGETS.person.items()), list(BUDGETS.company.items())


def _too_many(times: list[float], at: float, clocks: list[tuple[int, int]]) -> bool:
    """Whether a stretch of days that holds `at` would hold more than its clock allows; `times` are in order."""
    for days, most in clocks:
        span = days * DAY
        if len(times) >= most and at - times[-most] < span:  # else too few are late enough to matter
            near = sorted([at, *(t for t in times[bisect(times, at - span) :] if t - at < span)])
            if any(b - a < span for a, b in zip(near, near[most:], strict=False)):
                return True
    return False


def foretold_and_true(people: int, seed: int) -> tuple[list[Month], dict[tuple[str, str], int]]:
    """The forecast of a second year from what happened in the first, and what then happened."""
    company = Company(people, seed)
    first = company.year(NEW_YEAR - 365 * DAY)
    asked = asked_plainly(first)
    told = forecast(RULES, again(company, first), BUDGETS, known(asked, company.answers(asked)), before(asked))
    second = asked_plainly(company.year(NEW_YEAR), asked)
    answered = company.answers(second)
    true: dict[tuple[str, str], int] = defaultdict(int)
    months = second.at.astype("datetime64[s]").astype("datetime64[M]")
    for survey, month in zip(second.survey[answered].tolist(), months[answered].astype(str).tolist(), strict=True):
        for cell in ((NAMES[survey], month), (NAMES[survey], ""), ("", "")):
            true[cell] += 1
    return told, true


def again(company: Company, first: Chances) -> Chances:
    """What is expected after a first year."""
    turned = np.array([turning(name) for name in company.people])
    return replace(first, at=come_again(first.at, turned[first.person], NEW_YEAR, 365 * DAY))


def before(asked: Chances) -> list[Asking]:
    people = ([asked.people[n] for n in asked.person], [asked.companies[n] for n in asked.company])
    return [Asking(at, who, firm, 5, True) for at, who, firm in zip(asked.at.tolist(), *people, strict=True)]


def known(asked: Chances, answered: np.ndarray) -> dict[str, Responses]:
    """How each survey was answered, by person."""
    found = {}
    for survey, name in enumerate(NAMES):
        own = asked.survey == survey
        times = np.bincount(asked.person[own], minlength=len(asked.people))
        said = np.bincount(asked.person[own & answered], minlength=len(asked.people))
        found[name] = Responses([(n, k) for n, k in zip(times.tolist(), said.tolist(), strict=True) if n])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_many_companies_at_once_are_asked_as_they_are_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrays against the ledger's own diary, with reminders, people of several companies and of none."""
    company, chance = Company(300, seed), np.random.default_rng(seed)
    year = company.year(NEW_YEAR)
    firm = np.where(chance.random(len(year.at)) < 0.05, -1, year.company)
    firm = np.where(chance.random(len(year.at)) < 0.002, chance.integers(0, 30, len(year.at)), firm)
    refused = dict.fromkeys(np.flatnonzero(chance.random(len(year.at)) < 0.03).tolist(), "no_address")
    year = replace(year, company=firm, refused=refused)
    past = before(asked_plainly(company.year(NEW_YEAR - 200 * DAY)))
    rules = [replace(rule, reminders=n % 3, remind_days=2 + n) for n, rule in enumerate(RULES)]
    rates = dict(zip(NAMES, RATE.tolist(), strict=True))
    found = []
    for together in (5, 10**9):  # all but the four largest groups at once; and none
        monkeypatch.setattr(playing, "TOGETHER", together)
        played = playing.play(rules, year, BUDGETS, rates, past)
        reasons = [played.reasons[n] for n in played.reason.tolist()]
        columns = (played.rule, played.at, played.person, played.number, played.asked)
        found.append(list(zip(*(column.tolist() for column in columns), reasons, strict=True)))
    assert found[0] == found[1]
    assert len({reason for *_, reason in found[0]}) == 7  # none, refused, and each of the five clocks
    assert sum(number > 0 and asked for _, _, _, number, asked, _ in found[0]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("people", [pytest.param(50_000, marks=pytest.mark.long), 400])
def test_nobody_is_asked_beyond_the_budgets_in_a_year_of_six_surveys(people: int, tmp_path: Path) -> None:
    """Through the ledger of the store, each day's occasions in one transaction; counted again from its table."""
    company = Company(people, 7)
    store, vault = open_store(tmp_path, Settings()), open_vault(tmp_path, Settings())
    with store.writing() as con:
        keys = {name: save_survey(con, "main", name, "x", datetime.now(UTC)).survey_key for name in SURVEYS}
    year = company.year(NEW_YEAR)
    days: dict[int, list[Candidate]] = defaultdict(list)
    columns = (year.survey.tolist(), year.at.tolist(), year.person.tolist(), year.company.tolist())
    for n, (survey, at, who, firm) in enumerate(zip(*columns, strict=True)):
        days[int(at // DAY)].append(
            Candidate(
                keys[NAMES[survey]],
                f"o{n}",
                datetime.fromtimestamp(at, UTC),
                (f"crm:p{who}",),
                (f"crm:c{firm}",),
                priority=SURVEYS[NAMES[survey]][0],
                channel="link",
                carried=False,
            )
        )
    for day in sorted(days):
        with store.writing() as con:
            decide(con, "main", BUDGETS, days[day], vault, datetime.fromtimestamp(day * DAY, UTC))
    with store.reading() as con:
        rows = con.execute(ASKS.select()).mappings().all()
    store.close()
    assert len(rows) == sum(map(len, days.values()))
    assert all(row["asked"] == (row["reason"] is None) for row in rows)
    for name, clocks in (("person", BUDGETS.person), ("company", BUDGETS.company)):
        times: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            if row["asked"]:
                times[row[name]].append(row["asked_at"].timestamp())
        assert len(times) > people / 20
        for listed in map(sorted, times.values()):
            for days_, most in clocks.items():
                assert all(later - sooner >= days_ * DAY for sooner, later in zip(listed, listed[most:], strict=False))
    plainly = asked_plainly(year)
    assert {int(row["occasion"][1:]) for row in rows if row["asked"]} == set(
        np.searchsorted(year.at, plainly.at).tolist()
    )


@pytest.mark.slow
@pytest.mark.parametrize(("people", "seeds"), [pytest.param(50_000, 100, marks=pytest.mark.long), (500, 20)])
def test_the_answers_of_a_year_fall_within_the_forecast(people: int, seeds: int) -> None:
    held, cells, hit = 0, 0, 0
    for seed in range(seeds):
        told, true = foretold_and_true(people, seed)
        held += told[-1].answers_low <= true["", ""] <= told[-1].answers_high
        months = [m for m in told if m.month]
        cells += len(months)
        hit += sum(m.answers_low <= true[m.survey_id, m.month] <= m.answers_high for m in months)
    assert held >= 0.9 * seeds
    assert hit >= 0.9 * cells


def test_an_interval_is_no_wider_than_it_has_to_be() -> None:
    told, _ = foretold_and_true(600, 1)
    whole = told[-1]
    assert whole.answers_high - whole.answers_low < 0.5 * whole.answers
