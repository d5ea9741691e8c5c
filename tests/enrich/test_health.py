"""How customers fare: the rules by hand, and what no data may ever make of a score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellheard.base.errors import BadInput
from wellheard.enrich import health as how
from wellheard.enrich.health import COMPONENTS, WeightRule
from wellheard.enrich.health_scores import read_weights

NAN = float("nan")
PARTS = st.lists(st.one_of(st.just(NAN), st.floats(0, 100)), min_size=6, max_size=6)


def one(**features: float) -> dict[str, float]:
    parts = how.components(pd.DataFrame([features]))
    return dict(zip(COMPONENTS, parts[0].tolist(), strict=True))


def scored(parts: list[float], weights: dict[str, float] | None = None) -> how.Health:
    frame = pd.DataFrame(index=[0])
    return how.health(np.array([parts]), how.weights_of(frame, (), weights or how.WEIGHTS))


@pytest.mark.parametrize(
    ("features", "component", "score"),
    [
        ({"usage_30d": 50, "usage_before": 50}, "usage", 80),
        ({"usage_30d": 25, "usage_before": 50}, "usage", 40),
        ({"usage_30d": 90, "usage_before": 50}, "usage", 100),
        ({"usage_30d": 0, "usage_before": 50}, "usage", 0),
        ({"usage_30d": 5, "usage_before": 0, "usage_days_30d": 4}, "usage", 50),
        ({"usage_30d": 0, "usage_before": 0, "usage_days_since": 200}, "usage", 0),
        ({"contacts_365d": 3, "escalations_180d": 1, "reopens_180d": 1, "contacts_change": 2}, "support", 52),
        ({"invited_365d": 10, "answers_365d": 2}, "engagement", 40),
        ({"order_lateness": 2.5}, "engagement", 50),
        ({"invoices_365d": 4, "late_payments_365d": 2, "overdue_invoices": 1}, "payment", 35),
        ({"valence_60d": 0.5}, "sentiment", 75),
        ({"valence_before": -1.0}, "sentiment", 0),
        ({"nps_score": 8, "satisfaction": 0.6}, "survey", 70),
    ],
)
def test_the_rules_by_hand(features: dict[str, float], component: str, score: float) -> None:
    assert one(**features)[component] == pytest.approx(score)


def test_nothing_known_is_no_score_and_no_component() -> None:
    assert all(np.isnan(value) for value in one(tenure_days=400).values())
    found = scored([NAN] * 6)
    assert (np.isnan(found.value[0]), found.coverage[0], how.band(found.value[0])) == (True, 0, "unknown")


@given(PARTS)
@settings(max_examples=300, deadline=None)
def test_missing_data_never_look_healthy(parts: list[float]) -> None:
    found = scored(parts)
    if found.coverage[0] < 40:
        assert how.band(found.value[0]) != "healthy"
    if found.coverage[0] > 0:
        assert found.low[0] - 1e-9 <= found.value[0] <= found.high[0] + 1e-9
        assert 0 <= found.value[0] <= 100
    for place, value in enumerate(parts):
        if value >= how.MIDDLE:  # a good component that is forgotten lifts no score
            without = [NAN if n == place else v for n, v in enumerate(parts)]
            assert not scored(without).value[0] > found.value[0] + 1e-9


@given(PARTS, PARTS)
@settings(max_examples=200, deadline=None)
def test_the_bars_of_a_change_add_up_to_it(before: list[float], after: list[float]) -> None:
    first, second = scored(before), scored(after, {"usage": 1, "payment": 3})
    bars = how.waterfall(how.written(first)[0], how.written(second)[0])
    if first.coverage[0] and second.coverage[0]:
        assert sum(bar.change for bar in bars) == pytest.approx(second.value[0] - first.value[0], abs=0.1)


def test_the_first_rule_that_fits_gives_the_weights() -> None:
    frame = pd.DataFrame({"segment": ["SMB", "SMB", "Large"], "tier": ["gold", None, "gold"]})
    rules = [
        WeightRule({"segment": "SMB", "tier": "gold"}, {"usage": 1}),
        WeightRule({"segment": "SMB"}, {"payment": 2, "survey": 2}),
        WeightRule({"tier": "gold"}, {"support": 1}),
    ]
    found = how.weights_of(frame, rules)
    named = [dict(zip(COMPONENTS, row.tolist(), strict=True)) for row in found]
    assert named[0]["usage"] == 1
    assert (named[1]["payment"], named[1]["survey"]) == (0.5, 0.5)
    assert named[2]["support"] == 1
    assert how.weights_of(pd.DataFrame(index=[0]), rules)[0].tolist() == pytest.approx(list(how.WEIGHTS.values()))


def test_weights_are_read_from_a_file_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "health.toml"
    file.write_text('[[weights]]\nwhere = { segment = "SMB" }\nusage = 3\nsurvey = 1\n')
    assert read_weights(tmp_path) == (WeightRule({"segment": "SMB"}, {"usage": 3.0, "survey": 1.0}),)
    file.write_text("[[weights]]\nluck = 3\n")
    with pytest.raises(BadInput, match="no component luck"):
        read_weights(tmp_path)


@pytest.mark.parametrize(("value", "band"), [(70, "healthy"), (69.9, "watch"), (40, "watch"), (39.9, "at risk")])
def test_bands(value: float, band: str) -> None:
    assert how.band(value) == band


def test_a_trend_needs_a_move_of_five_points() -> None:
    moves = [how.trend(60, 50), how.trend(50, 60), how.trend(52, 50), how.trend(50, NAN)]
    assert moves == ["rising", "falling", "steady", None]


def test_learned_weights_rank_the_drivers_as_they_are() -> None:
    rng = np.random.default_rng(3)
    parts = rng.uniform(0, 100, (8_000, 6))
    true = np.array([2.0, 1.4, 0.9, 0.5, 0.0, -0.6])
    stayed = (rng.random(8_000) < 1 / (1 + np.exp(-(1.5 + ((parts - 50) / 50) @ true)))).astype(float)
    parts[rng.random(parts.shape) < 0.2] = NAN
    found = how.learned_weights(parts, stayed)
    assert sum(found.values()) == pytest.approx(1)
    ranked = [found[name] for name in COMPONENTS]
    assert ranked[:5] == sorted(ranked[:5], reverse=True)
    assert found["survey"] == 0  # what speaks for leaving lowers no score
    assert found["usage"] / found["support"] == pytest.approx(2.0 / 1.4, rel=0.15)
