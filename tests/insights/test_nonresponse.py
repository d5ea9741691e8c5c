"""Who stayed silent, against counts by hand over a company of which all answers are known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BadCall, Unknown
from wellheard.insights.nonresponse import Silence

# By segment: customers, of whom so many were asked, answered, and promote or warn.
PLAN = {"small": (400, 200, 100, 70, 10), "large": (100, 100, 20, 4, 12), "new": (50, 0, 0, 0, 0)}


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


def _rows() -> tuple[list[dict[str, object]], ...]:
    customers: list[dict[str, object]] = []
    invitations: list[dict[str, object]] = []
    answers: list[dict[str, object]] = []
    orders: list[dict[str, object]] = []
    for segment, (size, asked, answered, promote, warn) in PLAN.items():
        for n in range(size):
            who = f"{segment}-{n}"
            ended = "2026-01-01" if n < 5 and segment == "small" else ""
            customers.append({"source_id": who, "segment": segment, "created_at": "2025-01-01", "ended_at": ended})
            orders.append(
                {"source_id": f"o-{who}", "customer_id": who, "ordered_at": "2026-02-01", "kind": "new",
                 "revenue": 100 if segment == "small" else 900, "currency": "EUR"}
            )  # fmt: skip
            if n < asked:
                seen = "2026-03-02" if n % 2 == 0 or n < answered else ""
                invitations.append(
                    {"source_id": f"i-{who}", "customer_id": who, "survey_id": "spring", "sent_at": "2026-03-01",
                     "delivered_at": "2026-03-01", "seen_at": seen, "bounced": "false"}
                )  # fmt: skip
            if n < answered:
                score = 10 if n < promote else 0 if n >= answered - warn else 8
                answers.append(
                    {"source_id": f"a-{who}", "customer_id": who, "survey_id": "spring", "invitation_id": f"i-{who}",
                     "kind": "nps", "score": score, "answered_at": "2026-03-05", "submission_id": f"s-{who}"}
                )  # fmt: skip
    answers.append({**answers[0], "source_id": "other", "survey_id": "autumn", "submission_id": "x", "score": 0})
    orders.append({**orders[-1], "source_id": "later", "customer_id": "nobody", "ordered_at": "2026-03-31"})
    # The last day of the data lies beyond the 14 days within which an invitation may still be answered.
    late = {**answers[0], "source_id": "late", "submission_id": "late", "survey_id": "late"}
    answers.append({**late, "answered_at": "2026-03-31", "score": ""})
    return customers, invitations, answers, orders


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("silent")
    with Workspace(folder / "home") as made:
        tables = ("customers", "survey_invitations", "survey_responses", "orders")
        for table, rows in zip(tables, _rows(), strict=True):
            # All are of one system, so that an answer's invitation is found.
            made.import_files(ImportCall(paths=(_write(folder / f"{table}.csv", rows),), table=table, source="crm"))
        yield made


@pytest.fixture(scope="module")
def spring(workspace: Workspace) -> Silence:
    return workspace.silence("nps", "segment", "spring")


@pytest.mark.slow
def test_the_response_rate_has_three_denominators(spring: Silence) -> None:
    rates = {rate.per: (rate.figure.n, rate.figure.value) for rate in spring.rates}
    seen = sum(1 for _, asked, answered, _, _ in PLAN.values() for n in range(asked) if n % 2 == 0 or n < answered)
    assert rates == {"delivered": (300, 40.0), "sent": (300, 40.0), "seen": (seen, pytest.approx(100 * 120 / seen))}


def test_groups_are_counted_among_customers_and_among_those_who_answered(spring: Silence) -> None:
    found: dict[str, tuple[Any, ...]] = {
        g.name: (g.customers, g.respondents, g.of_customers, g.of_respondents, g.rate.n) for g in spring.groups
    }
    assert found == {
        "small": (395, 100, pytest.approx(100 * 395 / 545), pytest.approx(100 * 100 / 120), 200),  # five had left
        "large": (100, 20, pytest.approx(100 * 100 / 545), pytest.approx(100 * 20 / 120), 100),
        "new": (50, 0, pytest.approx(100 * 50 / 545), 0.0, 0),
    }
    weights = {g.name: g.weight for g in spring.groups}
    assert weights == {
        "small": pytest.approx((395 / 545) / (100 / 120)),
        "large": pytest.approx((100 / 545) / (20 / 120)),
        "new": None,
    }


def test_the_figure_stands_beside_itself_with_each_group_at_its_share(spring: Silence) -> None:
    scores = pd.DataFrame([r for r in _rows()[2] if r["survey_id"] == "spring"])
    scores["net"] = scores.score.map(lambda s: 1 if s >= 9 else -1 if s <= 6 else 0)
    scores["segment"] = scores.customer_id.str.partition("-")[0]
    by = scores.groupby("segment").net
    assert spring.raw.value == pytest.approx(100 * scores.net.mean())
    assert spring.corrected is not None
    expected = 100 * (395 * by.mean()["small"] + 100 * by.mean()["large"]) / 495
    assert spring.corrected.figure.value == pytest.approx(expected)
    assert spring.corrected.uncovered == pytest.approx(50 / 545)
    low, high = spring.corrected.figure.low, spring.corrected.figure.high
    assert low is not None
    assert high is not None
    half = 196 * ((395 / 495) ** 2 * by.var()["small"] / 100 + (100 / 495) ** 2 * by.var()["large"] / 20) ** 0.5
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)  # Student's, a little wider than the normal


@pytest.mark.slow
def test_another_survey_and_a_filter_narrow_it(workspace: Workspace) -> None:
    assert workspace.silence("nps", "segment", "autumn").raw.n == 1
    everyone = workspace.silence("nps", "segment", where="segment = 'large'")
    assert everyone.raw.n == 20
    assert [(g.name, g.customers) for g in everyone.groups] == [("large", 100)]
    of_answers = workspace.silence("nps", "segment", where="score >= 9")
    assert any("of all" in note for note in of_answers.notes)  # it says nothing of customers
    assert {g.name: g.customers for g in of_answers.groups} == {"small": 395, "large": 100, "new": 50}


def test_the_revenue_heard_is_told_by_group(spring: Silence) -> None:
    heard = {g.name: g.revenue.value for g in spring.groups}
    assert heard["small"] == pytest.approx(100 * 100 / 400)
    assert heard["large"] == pytest.approx(100 * 20 / 100)
    assert heard["new"] == pytest.approx(0)


def test_nobody_is_asked_about_what_is_not_there(workspace: Workspace) -> None:
    with pytest.raises(Unknown):
        workspace.silence("nps", "shoe_size")
    with pytest.raises(BadCall, match="not made of survey answers"):
        workspace.silence("churn_rate")


@pytest.mark.slow
def test_an_empty_workspace_has_an_answer(tmp_path: Path) -> None:
    with Workspace(tmp_path / "home") as empty:
        found = empty.silence("nps")
    assert (found.raw.n, found.corrected, found.groups) == (0, None, ())
    assert "no customers are known" in found.why
