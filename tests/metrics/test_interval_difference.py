"""Differences of two estimates against published figures and classical tests."""

import numpy as np
import pytest
from scipy import stats

from wellheard.metrics.difference import (
    Change,
    correlation,
    count_change,
    dispersion_of,
    holm,
    mover,
    p_of,
    p_value,
)
from wellheard.metrics.interval import mean, share
from wellheard.metrics.moments import Cross, Moments, moments_of


def rows(yes, n):
    return Moments(n, n, yes, n, yes, yes, n)


def shares_apart(a, n, b, m, level=0.95):
    one, two = share(rows(a, n), level), share(rows(b, m), level)
    return mover(a / n, one.low, one.high, b / m, two.low, two.high)


# R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890, table II, method 10.
@pytest.mark.parametrize(
    ("a", "n", "b", "m", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 10, 0.6075, 1.0),
        (5, 56, 0, 29, -0.0381, 0.1926),
    ],
)
def test_difference_of_shares_is_newcombes(a, n, b, m, low, high):
    found = shares_apart(a, n, b, m)
    assert (float(found.low), float(found.high)) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def paired(seed=3, n=25):
    rng = np.random.default_rng(seed)
    before = rng.normal(10, 2, n)
    return before, before * 0.7 + rng.normal(3.6, 1, n)


def paired_change(before, after, level=0.95):
    one = np.ones_like(before)
    a, b = moments_of(after, one), moments_of(before, one)
    cross = Cross((after * before).sum(), after.sum(), before.sum(), len(before))
    now, then = mean(a, level), mean(b, level)
    return mover(a.value, now.low, now.high, b.value, then.low, then.high, correlation(a, b, cross))


def test_same_customers_on_both_sides_give_the_paired_t_test():
    before, after = paired()
    test = stats.ttest_rel(after, before)
    found, limits = paired_change(before, after), test.confidence_interval()
    assert float(found.change) == pytest.approx((after - before).mean())
    assert (float(found.low), float(found.high)) == (pytest.approx(limits.low), pytest.approx(limits.high))
    p = p_value(lambda level: paired_change(before, after, level))
    assert float(p) == pytest.approx(test.pvalue, rel=1e-9)


def test_correlation_of_single_rows_is_pearsons():
    x, y = paired()
    one = np.ones_like(x)
    cross = Cross((x * y).sum(), x.sum(), y.sum(), len(x))
    found = correlation(moments_of(x, one), moments_of(y, one), cross)
    assert float(found) == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_correlation_counts_units_on_one_side_as_unrelated():
    x, y = np.array([1.0, 2, 4, 9]), np.array([1.0, 3, 5, 7])
    none = Cross(0, 0, 0, 0)
    assert correlation(moments_of(x, np.ones(4)), moments_of(y, np.ones(4)), none) == 0
    assert correlation(moments_of(np.ones(4), np.ones(4)), moments_of(y, np.ones(4)), none) == 0


def test_p_value_says_what_the_drawn_interval_says():
    a, b = (x.ravel() for x in np.meshgrid(np.arange(0, 41.0), np.arange(0, 41.0)))
    n = np.full_like(a, 40)
    for level in (0.8, 0.95, 0.999):
        drawn = shares_apart(a, n, b, n, level)
        p = p_value(lambda conf: shares_apart(a, n, b, n, conf))
        np.testing.assert_array_equal(p <= 1 - level, (drawn.low > 0) | (drawn.high < 0))
    assert (p[a == b] == 1).all()


def test_p_value_of_the_unknown_is_unknown():
    nan = np.array([np.nan, 1.0])
    assert np.isnan(p_value(lambda _: Change(nan, nan, nan))[0])


def test_p_of_a_fixed_interval():
    change = Change(
        np.array([1.0, -1.0, 0.0, np.nan]), np.array([0.0, -3, -1, np.nan]), np.array([3.0, 0.5, 1, np.nan])
    )
    p = p_of(change)
    assert p[0] == pytest.approx(0.05)
    assert p[1] == pytest.approx(2 * stats.norm.sf(1.959964 / 1.5), rel=1e-6)
    assert p[2] == 1
    assert np.isnan(p[3])


def test_holm():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, np.nan, 0.6]), [1.0, np.nan, 1.0])
    np.testing.assert_allclose(holm([[0.01, 0.02], [0.5, 0.001]]), [[0.02, 0.02], [0.5, 0.002]])
    assert holm([]).shape == (0,)


def test_unchanged_count_has_not_moved():
    same = count_change(40, 40)
    assert same.change == 0
    assert same.low < 0 < same.high
    assert p_value(lambda level: count_change(40, 40, level)) == 1


def test_change_of_a_count_from_nothing_is_its_score_limit():
    # The score limits of 0 and of x solve (x − λ)² = z²·dispersion·λ.
    z2 = 1.959964**2 * 2.5
    found = count_change(0, 30, dispersion=2.5)
    upper = np.roots([1, -(60 + z2), 900]).max()
    lower = np.roots([1, -(60 + z2), 900]).min()
    assert float(found.high) == pytest.approx(30 + (upper - 30), rel=1e-6)
    assert float(found.low) == pytest.approx(30 - np.hypot(30 - lower, z2), rel=1e-6)


def test_restless_past_makes_a_change_less_certain():
    calm, restless = count_change(100, 140), count_change(100, 140, dispersion=6)
    assert calm.low > 0 > restless.low


def test_dispersion_of_past_counts():
    # Mean 15, squares 100 + 0 + 25 + 225: 350 / (15 · 3).
    np.testing.assert_allclose(dispersion_of([5, 15, 10, 30]), 350 / 45)
    np.testing.assert_allclose(dispersion_of([[10, 10, 10], [7, np.nan, np.nan], [0, 0, 0]]), [1, 1, 1])
