"""Choosing KPIs: every set is small and whole, says what is missing, and warns of too many."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wellheard.base.errors import BadCall, BadInput, Unknown
from wellheard.cli import app
from wellheard.insights.advice import Advice, advise, options
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.choice import read_choice, write_choice
from wellheard.metrics.question import question

OPTIONS = options()
SIZES = {"starting": 4, "growing": 6, "advanced": 8}


def _advised(goal: str, business: str, maturity: str, **more: Any) -> Advice:
    return advise(goal, business, maturity, metrics(), more.pop("missing", {}), **more)


@pytest.mark.parametrize(
    ("goal", "business", "maturity"), list(product(OPTIONS.goals, OPTIONS.businesses, OPTIONS.maturities))
)
def test_every_set_has_each_role_and_stays_small(goal: str, business: str, maturity: str) -> None:
    picks = _advised(goal, business, maturity).picks
    assert [p.role for p in picks][:2] == ["Relationship", "Interaction"]
    assert {p.role for p in picks} == {"Relationship", "Interaction", "Operational", "Outcome"}
    assert 4 <= len(picks) <= SIZES[maturity]
    assert len({p.kpi for p in picks}) == len(picks)
    for pick in picks:
        asked = question(pick.kpi)
        metrics()[asked.kpi].asked(asked.variants)  # it exists, and so does its variant
        assert pick.why.endswith(".")


def test_kpis_of_contracts_are_not_advised_to_a_shop() -> None:
    contracts = ("churn_rate", "net_revenue_retention", "gross_revenue_retention", "mrr")
    for goal, maturity in product(OPTIONS.goals, OPTIONS.maturities):
        assert not [p for p in _advised(goal, "shop", maturity).picks if p.kpi.startswith(contracts)]


def test_what_is_missing_is_said_with_what_serves_until_then() -> None:
    missing = {"health_score": "no rows in customer_scores"}
    first = _advised("reduce_churn", "b2b_saas", "starting", missing=missing).picks[0]
    assert (first.kpi, first.missing, first.until_then) == ("health_score", "no rows in customer_scores", "nps")
    both = {**missing, "nps": "no answers"}
    assert _advised("reduce_churn", "b2b_saas", "starting", missing=both).picks[0].until_then == ""


def test_too_many_are_named_and_a_few_are_not() -> None:
    tracked = [f"kpi{i}" for i in range(9)]
    assert "You track 9 KPIs, and a set of 4" in _advised("cut_cost", "shop", "starting", tracked=tracked).warning
    assert _advised("cut_cost", "shop", "starting", tracked=tracked[:8]).warning == ""


def test_what_does_not_exist_is_refused() -> None:
    for wrong in (("fame", "shop", "starting"), ("cut_cost", "bakery", "starting"), ("cut_cost", "shop", "old")):
        with pytest.raises(BadCall, match="there is no"):
            _advised(*wrong)


def test_the_choice_is_kept_and_a_wrong_file_refused(tmp_path: Path) -> None:
    path = tmp_path / "scorecard.toml"
    assert read_choice(path) == ()
    write_choice(path, ["nps", "csat", "nps"])
    assert read_choice(path) == ("nps", "csat")
    path.write_text("kpis = 5", "utf-8")
    with pytest.raises(BadInput, match="no list of names"):
        read_choice(path)


@pytest.mark.slow
def test_on_the_command_line_and_on_the_scorecard(new_desk: Any) -> None:
    desk = new_desk()
    desk.deliver({"survey_responses": [{"kind": "nps", "score": 9, "answered_at": "2026-03-05"}]})
    home = str(desk.workspace.home)
    with pytest.raises(Unknown):
        desk.workspace.choose_scorecard(["npz"])

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["--home", home, "advise", *words, "--format", "json"])

    assert {o["value"] for o in json.loads(run().stdout)} >= {"reduce_churn", "shop", "advanced"}
    advised = json.loads(run("--goal", "build_trust", "--apply").stdout)
    assert [a["missing"] == "" for a in advised if a["kpi"] == "nps"] == [True]
    assert list(desk.workspace.scorecard()) == [a["kpi"].partition(":")[0] for a in advised]
