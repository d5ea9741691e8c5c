"""Weighted nets, and figures that are sums of two means, against computations that share no code with them."""

import numpy as np
import pytest
from scipy import stats

from wellheard.metrics.interval import goodman, mean
from wellheard.metrics.moments import Moments, moments_of
from wellheard.metrics.multinomial import OneOf
from wellheard.metrics.weighted import weighted_net

MONEY = np.array([300.0, 600, 100, 250, 90, 40, 820, 330, 60, 150, 210, 95])
NETS = np.array([2 / 3, -1, 1, 0, 1, -1, 0.5, 1, 0, -0.5, 1, 1])
DECIDED = np.array([2 / 3, 1, 1, 0, 1, 1, 1, 1, 0, 0.5, 1, 1])


def test_weighted_net_solves_its_quadratic():
    m = moments_of(MONEY * NETS, MONEY, np.ones(12))
    r, kish = (MONEY * NETS).sum() / MONEY.sum(), MONEY.sum() ** 2 / (MONEY**2).sum()
    errors = MONEY * (NETS - r)
    v = 12 / 11 * (errors**2).sum() / MONEY.sum() ** 2
    share = (MONEY * DECIDED).sum() / MONEY.sum()
    n = min((share - r * r) / v, kish)
    s = (share * n + 1.5) / (n + 3)
    t2 = stats.t.ppf(0.975, kish - 1) ** 2
    expected = np.sort(np.roots([n + t2, -2 * n * r, n * r * r - t2 * s]))
    found = weighted_net(m, share)
    np.testing.assert_allclose([float(found.low), float(found.high)], np.clip(expected, -1, 1))
    assert float(found.low) < r < float(found.high)


def test_one_unit_or_none_tells_nothing_of_a_weighted_net():
    one = weighted_net(moments_of([50.0], [50.0], [1]), 1.0)
    assert (float(one.low), float(one.high)) == (pytest.approx(-1, abs=1e-4), pytest.approx(1, abs=1e-4))
    none = weighted_net(Moments(*[np.zeros(1)] * 7), 0.0)
    assert np.isnan(none.low).all()
    assert np.isnan(none.high).all()


def test_everybody_alike_is_not_certainty():
    found = weighted_net(moments_of(MONEY, MONEY, np.ones(12)), 1.0)
    assert float(found.high) == 1
    assert float(found.low) < 0.95
    passive = weighted_net(moments_of(MONEY * 0, MONEY, np.ones(12)), 0.0)
    assert float(passive.low) < -0.05 < 0.05 < float(passive.high)


def test_outcomes_shown_together_have_goodmans_limits():
    counts = np.array([40.0, 30, 20, 10])
    n, brick = np.full(4, counts.sum()), OneOf(scale=1, outcomes=4)
    names = ("n", "units", "num", "den", "nn", "nd", "dd", "nnn", "nnd", "ndd", "ddd")
    parts = dict(zip(names, (n, n, counts, n, counts, counts, n, counts, counts, counts, n), strict=True))
    expected = goodman(counts)
    np.testing.assert_allclose(brick.limits(parts, 0.95).low, expected.low)
    np.testing.assert_allclose(brick.limits(parts, 0.95).high, expected.high)


def test_a_difference_of_two_means_has_the_spread_of_its_linearisation():
    # What `linear.contrast` gives a row, here by hand: Welch's interval where nobody stands on both sides.
    rng = np.random.default_rng(5)
    a, b = rng.normal(4, 1, 80), rng.normal(2.5, 2, 60)
    n, gap = 140, a.mean() - b.mean()
    x = np.concatenate([n / 80 * (a - a.mean()) + gap, -n / 60 * (b - b.mean()) + gap])
    found, welch = mean(moments_of(x, np.ones(n))), stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert x.mean() == pytest.approx(gap)
    assert float(found.low) == pytest.approx(welch.low, abs=0.02)
    assert float(found.high) == pytest.approx(welch.high, abs=0.02)
