"""Contracts that are renewed again and again: the published examples, and a made-up base with known truth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from wellheard.base.errors import BadInput
from wellheard.enrich.renewing import fit_renewing

# Customers of 1,000 that are left after each of seven years: the two segments of the article.
REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241)
HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)


def lives(left: tuple[int, ...]) -> tuple[list[int], list[bool]]:
    renewed, ended = [], []
    for year, (before, after) in enumerate(pairwise(left)):
        renewed += [year] * (before - after)
        ended += [True] * (before - after)
    return renewed + [len(left) - 1] * left[-1], ended + [False] * left[-1]


@pytest.mark.parametrize(
    ("left", "alpha", "beta", "height"), [(REGULAR, 0.704, 1.182, -1680.3), (HIGH_END, 0.668, 3.806, -1611.2)]
)
def test_the_published_parameters(left: tuple[int, ...], alpha: float, beta: float, height: float) -> None:
    model = fit_renewing(*lives(left))
    assert model.parameters == pytest.approx((alpha, beta), abs=0.0005)
    assert model.fit.log_likelihood == pytest.approx(height, abs=0.05)


def test_the_truth_is_found_again_where_contracts_began_at_different_times() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([0.8, 6.0])
    chance = rng.beta(*truth, 40_000)
    end = rng.geometric(chance) - 1  # renewals before the end
    seen = rng.integers(0, 12, len(end))
    model = fit_renewing(np.minimum(end, seen), end < seen)
    assert np.all(np.abs(model.fit.values - truth) < 3 * model.fit.errors)
    there = end >= seen
    later = np.mean(end[there] >= seen[there] + 6)
    assert model.survival(seen[there], 6).mean() == pytest.approx(later, abs=0.01)


def test_how_long_contracts_last_follows_their_survival() -> None:
    model = fit_renewing(*lives(REGULAR))
    n = np.arange(6.0)
    half = model.lasting(n, 0.5, 100)
    assert np.all(model.survival(n, half) >= 0.5)
    assert np.all(model.survival(n, half + 1) < 0.5)
    assert list(half) == sorted(half)


def test_few_ends_teach_nothing() -> None:
    with pytest.raises(BadInput, match="9 contracts ended"):
        fit_renewing([1] * 50, [True] * 9 + [False] * 41)
