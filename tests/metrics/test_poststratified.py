"""Post-stratified figures against sums by hand, a published identity, and populations whose truth is known."""

from __future__ import annotations

import os

import numpy as np
import pytest

from wellheard.metrics.moments import Moments
from wellheard.metrics.poststratified import post_stratified

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))


def moments(*groups: list[float]) -> Moments:
    """One answer a unit: the parts of a mean of these values, group by group."""
    n = [len(g) for g in groups]
    total = [sum(g) for g in groups]
    return Moments(n=n, units=n, num=total, den=n, nn=[sum(x * x for x in g) for g in groups], nd=total, dd=n)


A, B = [1.0] * 12 + [0.0] * 8, [1.0] * 6 + [0.0] * 24


def test_groups_stand_at_their_share_of_the_population() -> None:
    found = post_stratified(moments(A, B), [900, 100])
    assert found.value == pytest.approx(0.9 * 0.6 + 0.1 * 0.2)
    assert found.uncovered == 0
    # Cochran's estimate of the variance given the sample: the sum of W² s² / n.
    s2 = [np.var(g, ddof=1) / len(g) for g in (A, B)]
    variance = 0.81 * s2[0] + 0.01 * s2[1]
    freedom = variance**2 / (0.81**2 * s2[0] ** 2 / 19 + 0.01**2 * s2[1] ** 2 / 29)
    from scipy.stats import t

    half = t.ppf(0.975, freedom) * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_answers_in_the_population_s_own_shares_change_nothing() -> None:
    found = post_stratified(moments(A, B), [200, 300])
    assert found.value == pytest.approx((12 + 6) / 50)
    assert found.design_effect == pytest.approx(1)


def test_the_design_effect_is_one_and_the_squared_variation_of_the_weights() -> None:
    weights = np.array([900 / 20] * 20 + [100 / 30] * 30)
    kish = 1 + weights.var() / weights.mean() ** 2
    assert post_stratified(moments(A, B), [900, 100]).design_effect == pytest.approx(kish)


def test_who_never_answered_is_said_and_not_made_up() -> None:
    found = post_stratified(moments(A, B, []), [500, 250, 250])
    assert found.uncovered == pytest.approx(0.25)
    assert found.value == pytest.approx((500 * 0.6 + 250 * 0.2) / 750)


def test_groups_of_a_few_are_weighed_together() -> None:
    few = [[1.0, 0.0, 1.0], [0.0] * 8]
    found = post_stratified(moments(A, *few), [100, 50, 50])
    assert list(found.joined) == [False, True, True]
    assert found.value == pytest.approx(0.5 * 0.6 + 0.5 * 2 / 11)


def test_one_small_group_is_joined_with_the_next_smallest() -> None:
    found = post_stratified(moments(A, B, [1.0, 1.0]), [100, 100, 100])
    assert list(found.joined) == [True, False, True]
    assert found.value == pytest.approx(1 / 3 * 0.2 + 2 / 3 * 14 / 22)


def test_a_group_without_spread_is_not_certain() -> None:
    found = post_stratified(moments([1.0] * 20, B), [500, 500], least=0, most=1)
    assert found.low < found.value < found.high <= 1


@pytest.mark.parametrize("groups", [([], []), ([],)])
def test_nothing_gives_nothing(groups: tuple[list[float], ...]) -> None:
    found = post_stratified(moments(*groups), [10] * len(groups))
    assert np.isnan(found.value)
    assert found.uncovered == 1


def test_one_answer_has_no_limits() -> None:
    found = post_stratified(moments([1.0]), [10])
    assert found.value == 1
    assert np.isnan(found.low)
    assert np.isnan(found.high)


@pytest.mark.slow
def test_the_interval_holds_the_truth_and_the_raw_figure_does_not() -> None:
    """Three groups with unlike answers, of which the contented answer three times as often."""
    rng = np.random.default_rng(5)
    people, net, answers = np.array([5000, 3000, 2000]), np.array([0.5, 0.1, -0.4]), np.array([0.06, 0.04, 0.02])
    truth = float(np.sum(people * net) / people.sum())
    rounds = 20_000 if LONG else 3_000
    held = raw_held = 0
    for _ in range(rounds):
        groups = []
        for size, mean, rate in zip(people, net, answers, strict=True):
            n = rng.binomial(size, rate)
            groups.append(list(rng.choice([1.0, 0.0, -1.0], size=n, p=[(0.8 + mean) / 2, 0.2, (0.8 - mean) / 2])))
        found = post_stratified(moments(*groups), people, least=-1, most=1)
        held += found.low <= truth <= found.high
        every = np.concatenate(groups)
        half = 1.96 * every.std(ddof=1) / np.sqrt(len(every))
        raw_held += abs(every.mean() - truth) <= half
    assert 0.94 <= held / rounds <= 0.965
    assert raw_held / rounds < 0.6
