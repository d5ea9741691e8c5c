"""The forecast holds what then happens in a company that is made up by another way, and no budget is ever broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
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
from wellheard.surveys.forecast import Chance, Month, Responses, Rule, come_again, forecast

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


class Company:
    """People with companies, each of their own liveliness and readiness to answer."""

    def __init__(self, people: int, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.people = people
        self.company = self.chance.integers(0, max(2, people // 8), people)
        self.lively = self.chance.gamma(2.0, 0.5, people)
        self.ready = self.chance.gamma(3.0, 1 / 3, people)

    def year(self, begins: float) -> list[Chance]:
        """The occasions of a year, in order."""
        found = []
        for name, (_, often, _) in SURVEYS.items():
            numbers = self.chance.poisson(often * self.lively)
            who = np.repeat(np.arange(self.people), numbers)
            at = begins + self.chance.uniform(0, 365, len(who)) * DAY
            found += [
                Chance(name, float(t), f"p{p}", f"c{self.company[p]}") for p, t in zip(who.tolist(), at, strict=True)
            ]
        return sorted(found, key=lambda chance: chance.at)

    def answers(self, asked: list[Chance]) -> list[bool]:
        """Who answers."""
        rates = np.array([SURVEYS[c.survey_id][2] * self.ready[int(c.person[1:])] for c in asked])
        return list(self.chance.random(len(asked)) < np.minimum(rates, 0.95))


def asked_plainly(chances: list[Chance], before: list[Chance]) -> list[Chance]:
    """Who is asked, written down once more and as plainly as can be: day by day, the most important first."""
    days: dict[int, list[Chance]] = defaultdict(list)
    for chance in chances:
        days[int(chance.at // DAY)].append(chance)
    past: dict[str, list[float]] = defaultdict(list)
    for chance in before:
        past[chance.person].append(chance.at)
        past[str(chance.company)].append(chance.at)
    asked = []
    for day in sorted(days):
        for chance in sorted(days[day], key=lambda c: (-SURVEYS[c.survey_id][0], c.at)):
            of_all = [(chance.person, BUDGETS.person), (str(chance.company), BUDGETS.company)]
            if all(
                not any(_too_many([*past[name], chance.at], days_, most) for days_, most in clocks.items())
                for name, clocks in of_all
            ):
                asked.append(chance)
                for name, _ in of_all:
                    past[name].append(chance.at)
    return asked


def _too_many(times: list[float], days: int, most: int) -> bool:
    near = sorted(t for t in times if abs(t - times[-1]) < days * DAY)
    return any(b - a < days * DAY for a, b in zip(near, near[most:], strict=False))


def foretold_and_true(people: int, seed: int) -> tuple[list[Month], dict[tuple[str, str], int], list[Chance]]:
    """The forecast of a second year from what happened in the first, and what then happened."""
    company = Company(people, seed)
    first = company.year(NEW_YEAR - 365 * DAY)
    asked = asked_plainly(first, [])
    answered = company.answers(asked)
    by_person: dict[str, dict[str, list[int]]] = {name: defaultdict(lambda: [0, 0]) for name in SURVEYS}
    for chance, answer in zip(asked, answered, strict=True):
        by_person[chance.survey_id][chance.person][0] += 1
        by_person[chance.survey_id][chance.person][1] += answer
    responses = {name: Responses([(n, k) for n, k in found.values()]) for name, found in by_person.items()}
    expected = [
        Chance(c.survey_id, come_again(c.at, c.person, NEW_YEAR, 365 * DAY), c.person, c.company) for c in first
    ]
    before = [Asking(c.at, c.person, c.company, 5, True) for c in asked]
    told = forecast(RULES, expected, BUDGETS, responses, before)
    second = asked_plainly(company.year(NEW_YEAR), asked)
    true: dict[tuple[str, str], int] = defaultdict(int)
    for chance, answer in zip(second, company.answers(second), strict=True):
        true[chance.survey_id, f"{datetime.fromtimestamp(chance.at, UTC):%Y-%m}"] += answer
        true[chance.survey_id, ""] += answer
        true["", ""] += answer
    return told, true, [*asked, *second]


@pytest.mark.slow
@pytest.mark.parametrize("people", [pytest.param(50_000, marks=pytest.mark.long), 400])
def test_nobody_is_asked_beyond_the_budgets_in_a_year_of_six_surveys(people: int, tmp_path: Path) -> None:
    """Through the ledger of the store, each day's occasions in one transaction; counted again from its table."""
    company = Company(people, 7)
    store, vault = open_store(tmp_path, Settings()), open_vault(tmp_path, Settings())
    with store.writing() as con:
        keys = {name: save_survey(con, "main", name, "x", datetime.now(UTC)).survey_key for name in SURVEYS}
    days: dict[int, list[Candidate]] = defaultdict(list)
    for n, chance in enumerate(company.year(NEW_YEAR)):
        days[int(chance.at // DAY)].append(
            Candidate(
                keys[chance.survey_id],
                f"o{n}",
                datetime.fromtimestamp(chance.at, UTC),
                (f"crm:{chance.person}",),
                (f"crm:{chance.company}",),
                priority=SURVEYS[chance.survey_id][0],
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
    plainly = asked_plainly(Company(people, 7).year(NEW_YEAR), [])
    assert sum(row["asked"] for row in rows) == pytest.approx(len(plainly), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("people", "seeds"), [pytest.param(50_000, 100, marks=pytest.mark.long), (500, 20)])
def test_the_answers_of_a_year_fall_within_the_forecast(people: int, seeds: int) -> None:
    held, cells, hit = 0, 0, 0
    for seed in range(seeds):
        told, true, _ = foretold_and_true(people, seed)
        held += told[-1].answers_low <= true["", ""] <= told[-1].answers_high
        months = [m for m in told if m.month]
        cells += len(months)
        hit += sum(m.answers_low <= true[m.survey_id, m.month] <= m.answers_high for m in months)
    assert held >= 0.9 * seeds
    assert hit >= 0.9 * cells


def test_an_interval_is_no_wider_than_it_has_to_be() -> None:
    told, _, _ = foretold_and_true(600, 1)
    whole = told[-1]
    assert whole.answers_high - whole.answers_low < 0.5 * whole.answers
