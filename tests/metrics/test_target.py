"""Targets: kept in a file, judged by where the figure will stand on the last day, with a probability that is right."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from wellheard.base.errors import BadCall, BadInput, Unknown
from wellheard.cli import app
from wellheard.metrics.catalogue import metric
from wellheard.metrics.target import (
    Target,
    check_reach,
    kind_of,
    pace,
    read_targets,
    remove_target,
    set_target,
    target_of,
)

START, BY = date(2026, 1, 1), date(2026, 3, 31)


def _row(value: float | None, low: float | None = None, high: float | None = None, n: int = 1) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, "partial": False}


def _target(kpi: str = "nps", value: float = 50, **more: Any) -> Target:
    return target_of(**{"kpi": kpi, "value": value, "from": START, "by": BY, **more})


@pytest.mark.parametrize(
    ("kpi", "kind"),
    [
        ("nps", "average"),
        ("first_response_time:p90", "average"),
        ("conversation_volume", "flow"),
        ("backlog", "level"),
        ("mrr", "level"),
        ("churn_rate", "survival"),
        ("net_revenue_retention", "level"),
        ("retention_rate:repeat_purchase", "average"),
    ],
)
def test_each_kind_of_figure_goes_on_in_its_own_way(kpi: str, kind: str) -> None:
    assert kind_of(_target(kpi), metric(kpi.partition(":")[0])) == kind


def test_a_target_whose_days_are_over_is_met_or_missed() -> None:
    assert pace(_target(), metric("nps"), _row(50, 40, 60), [], BY).state == "met"
    assert pace(_target(), metric("nps"), _row(49.9, 40, 60), [], date(2026, 5, 1)).state == "missed"
    assert pace(_target("churn_rate", 5), metric("churn_rate"), _row(4, 2, 6), [], BY).state == "met"


def test_without_data_nothing_is_said() -> None:
    found = pace(_target(), metric("nps"), _row(None), [], START + timedelta(days=9))
    assert (found.state, found.probability, found.value, found.n) == ("none", None, None, 0)
    alone = pace(_target(), metric("nps"), _row(60), [], START + timedelta(days=9))
    assert (alone.state, alone.probability) == ("running", None)  # without an interval nothing is known of chance


def test_what_the_rest_must_bring_by_hand() -> None:
    third = START + timedelta(days=29)  # 30 of 90 days
    assert pace(_target(), metric("nps"), _row(38, 30, 46), [], third).needed == pytest.approx((50 - 38 / 3) / (2 / 3))
    volume = pace(_target("conversation_volume", 900), metric("conversation_volume"), _row(280), [], third)
    assert (volume.needed, volume.expected) == (pytest.approx(620), pytest.approx(840))
    churn = pace(_target("churn_rate", 5), metric("churn_rate"), _row(2, 1, 3), [], third)
    assert churn.expected == pytest.approx(100 * (1 - 0.98**3))


@pytest.mark.parametrize("elapsed_days", [20, 45, 80])
@pytest.mark.parametrize("wander", [0.0, 6.0])
def test_of_targets_said_to_be_so_likely_as_many_are_met(elapsed_days: int, wander: float) -> None:
    """Three months of answers whose level wanders from month to month; the truth is what the rest of the days bring."""
    rng = np.random.default_rng(3)
    said, met = [], []
    kpi, noise = metric("nps"), 70.0
    for _ in range(3000):
        levels = 40 + wander * rng.standard_normal(15)
        past = [_month(rng, level, noise, 120) for level in levels[:12]]
        days = np.repeat(levels[12:], [31, 28, 31])
        answers = days[:, None] + noise * rng.standard_normal((90, 4))
        so_far, final = answers[:elapsed_days], answers.mean()
        half = 1.96 * noise / np.sqrt(so_far.size)
        row = _row(so_far.mean(), so_far.mean() - half, so_far.mean() + half, so_far.size)
        target = _target(value=float(so_far.mean() + rng.normal(0, 5)))
        found = pace(target, kpi, row, past, START + timedelta(days=elapsed_days - 1))
        said.append(found.probability)
        met.append(final >= target.value)
    likely, happened = np.array(said, dtype=float), np.array(met)
    assert abs(likely.mean() - happened.mean()) < 0.03
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95)):
        some = (likely >= low) & (likely < high)
        assert some.sum() > 50
        assert abs(likely[some].mean() - happened[some].mean()) < 0.1, (low, high)


def _month(rng: np.random.Generator, level: float, noise: float, n: int) -> dict[str, Any]:
    value = level + noise * rng.standard_normal(n).mean()
    half = 1.96 * noise / np.sqrt(n)
    return _row(value, value - half, value + half, n)


def test_the_file_keeps_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    assert read_targets(path) == ()
    mine = _target(owner='Ana "the owl"', where="region = 'EU'")
    set_target(path, mine)
    set_target(path, _target())
    set_target(path, _target(value=51))  # the same KPI, days and rows: the newer value stands
    assert set(read_targets(path)) == {mine, _target(value=51)}
    remove_target(path, mine.key)
    assert read_targets(path) == (_target(value=51),)
    with pytest.raises(Unknown, match="no target"):
        remove_target(path, mine.key)
    path.write_text("[[targets]]\nkpi = 'nps'\nvalue = 5\n", "utf-8")
    with pytest.raises(BadInput, match="by: Field required"):
        read_targets(path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"by": "2025-12-31"}, "is not after"),
        ({"value": "high"}, "value"),
        ({"value": "nan"}, "value"),
        ({"where": "region ="}, "cannot be read here"),
        ({"by": "31.12.2026"}, "by"),
    ],
)
def test_a_target_that_is_wrong_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadCall, match=words):
        target_of(**{"kpi": "nps", "value": 5, "from": "2026-01-01", "by": "2026-03-31", **wrong})


@pytest.mark.slow
def test_on_the_command_line(new_desk: Any) -> None:
    desk = new_desk()
    answers = [
        {"source_id": str(i), "kind": "nps", "score": 10 if i % 3 else 2, "answered_at": f"2026-0{1 + i % 2}-1{i % 9}"}
        for i in range(60)
    ]
    desk.deliver({"survey_responses": answers})
    home = str(desk.workspace.home)
    desk.workspace.close()

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["--home", home, "targets", *words])

    assert run("set", "nps", "20", "--from", "2026-01-01", "--by", "2026-03-31", "--owner", "Ana").exit_code == 0
    assert "no KPI called 'npz'" in str(run("set", "npz", "20", "--from", "2026-01-01", "--by", "2026-03-31").exception)
    unknown = run("set", "nps", "20", "--from", "2026-01-01", "--by", "2026-03-31", "--where", "planet = 'Mars'")
    assert "'planet' is no dimension" in str(unknown.exception)
    (listed,) = json.loads(run("--format", "json").stdout)
    assert (listed["kpi"], listed["target"], listed["owner"], listed["state"]) == ("nps", 20, "Ana", "running")
    assert listed["value"] == pytest.approx(100 / 3)
    assert 0.5 < listed["probability"] < 1
    assert "Ana" in run().stdout
    assert run("remove", listed["id"]).exit_code == 0
    assert json.loads(run("--format", "json").stdout) == []


@pytest.mark.parametrize(
    ("kpi", "never", "may"),
    [("csat", 130, 100), ("nps", -101, -100), ("nps:mean", 10.5, 10), ("churn_rate", -1, 0)],
)
def test_a_value_that_the_figure_cannot_have_is_refused(kpi: str, never: float, may: float) -> None:
    with pytest.raises(BadCall, match="can never be") as refused:
        check_reach(_target(kpi, never), metric(kpi.partition(":")[0]))
    assert refused.value.field == "value"
    check_reach(_target(kpi, may), metric(kpi.partition(":")[0]))


def test_what_has_no_bounds_may_have_any_target() -> None:
    for kpi, value in (("net_revenue_retention", 140), ("first_response_time", 60), ("mrr", 1e7)):
        check_reach(_target(kpi, value), metric(kpi))


def test_a_median_of_all_days_is_no_mean_of_two_medians() -> None:
    so_far = _row(600, 500, 700, 50)
    assert (
        pace(_target("first_response_time", 900), metric("first_response_time"), so_far, [], date(2026, 3, 1)).needed
        is None
    )
    assert pace(
        _target("first_response_time:mean", 900), metric("first_response_time"), so_far, [], date(2026, 3, 1)
    ).needed
