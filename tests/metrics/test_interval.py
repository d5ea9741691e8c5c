"""Intervals against worked examples, published figures and independent computations."""

import numpy as np
import pytest
from scipy import stats

from wellheard.metrics.interval import (
    NO_RANK,
    effective_n,
    goodman,
    mean,
    money_share,
    net,
    quantile_position,
    quantile_ranks,
    ratio,
    share,
    simultaneous,
)
from wellheard.metrics.moments import NET_UNITS, Moments, moments_of, skewness_of, too_clustered, too_skewed


def rows(yes, n):
    """Moments of `yes` of n rows, each of its own unit."""
    yes, n = np.asarray(yes, float), np.asarray(n, float)
    return Moments(n, n, yes, n, yes, yes, n)


def nps(good, passive, bad):
    n = good + passive + bad
    return net(n, good, bad, Moments(n, n, good - bad, n, good + bad, good - bad, n))


def test_eight_of_ten_satisfied():
    found = share(rows([8], [10]))
    assert found.low == pytest.approx([0.490], abs=5e-4)
    assert found.high == pytest.approx([0.943], abs=5e-4)


@pytest.mark.parametrize(("yes", "n"), [(8, 10), (0, 10), (10, 10), (1, 2), (81, 263), (0, 1), (3, 3)])
def test_share_is_wilsons(yes, n):
    expected = stats.binomtest(yes, n).proportion_ci(0.9, "wilson")
    found = share(rows(yes, n), 0.9)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))


def test_net_promoter_score_of_fifty():
    found = nps(25, 15, 10)
    assert float(found.low) == pytest.approx(0.07, abs=0.005)
    assert float(found.high) == pytest.approx(0.49, abs=0.005)


def test_net_is_adjusted_wald_by_hand():
    # (25.75 − 10.75)/53 = 0.28302; variance (36.5/53 − 0.28302²)/53 = 0.011483
    found = nps(25, 15, 10)
    assert float(found.low) == pytest.approx(0.28302 - 1.95996 * 0.011483**0.5, abs=1e-4)
    assert float(found.high) == pytest.approx(0.28302 + 1.95996 * 0.011483**0.5, abs=1e-4)


def test_net_of_clusters_scales_rows_and_takes_students_t():
    # Two answers each of ten people, always the same: worth ten rows.
    good, bad = np.array([2, 2, 2, 2, 2, 0, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 0, 2, 2, 0, 0, 0])
    units = moments_of(good - bad, np.full(10, 2))
    n_eff = 0.9 * (0.5 + 0.2 - 0.3**2) * 400 / ((good - bad - 0.6) ** 2).sum()
    assert effective_n(units, 0.7 - 0.09) == pytest.approx(n_eff)
    up, down, size = 0.5 * n_eff + 0.75, 0.2 * n_eff + 0.75, n_eff + 3
    centre = (up - down) / size
    half = stats.t.ppf(0.975, 9) * (((up + down) / size - centre**2) / size) ** 0.5
    found = net(20, 10, 4, units)
    assert (float(found.low), float(found.high)) == (pytest.approx(centre - half), pytest.approx(centre + half))


def test_one_customer_answering_twenty_times_weighs_one_answer():
    once, twenty = share(rows(1, 1)), share(moments_of([20.0], [20.0]))
    assert (twenty.low, twenty.high) == (once.low, once.high)
    assert float(effective_n(moments_of([20.0], [20.0]))) == 1
    same = net(20, 20, 0, moments_of([20.0], [20.0]))
    assert (float(same.low), float(same.high)) == (-1, 1)


def test_repeating_units_without_spread_count_once_each():
    assert float(effective_n(moments_of([2.0, 4.0], [2.0, 4.0]))) == 2
    assert float(effective_n(moments_of([1.0, 2.0], [2.0, 4.0]))) == 2


def test_effective_n_is_never_more_than_n():
    # Everyone says yes once and no once, but for two people: answers of one person repel one another.
    m = moments_of([1.0] * 20 + [2.0, 0.0], [2.0] * 22)
    assert float(effective_n(m)) == 44


def test_variance_is_that_of_unit_totals():
    num, den = np.array([3.0, 0, 5, 2, 7]), np.array([4.0, 1, 5, 6, 8])
    errors = num - num.sum() / den.sum() * den
    assert float(moments_of(num, den).variance) == pytest.approx(5 / 4 * (errors**2).sum() / den.sum() ** 2)


def test_mean_of_single_rows_is_students():
    x = np.array([3.0, 4, 4, 9, 12, 1])
    expected = stats.t.interval(0.95, 5, x.mean(), stats.sem(x))
    found = mean(moments_of(x, np.ones(6)))
    assert (float(found.low), float(found.high)) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_ratio_by_hand():
    # Units (10, 5) and (30, 15) and (20, 20): 60/40 = 1.5; errors 2.5, 7.5, −10; Kish 1600/650.
    m = moments_of([10.0, 30, 20], [5.0, 15, 20])
    half = stats.t.ppf(0.975, 1600 / 650 - 1) * (1.5 * (2.5**2 + 7.5**2 + 10**2)) ** 0.5 / 40
    found = ratio(m)
    assert (float(found.low), float(found.high)) == (pytest.approx(1.5 - half), pytest.approx(1.5 + half))
    assert float(ratio(m, least=0).low) == 0


def test_money_share_by_hand():
    # A keeps 100 of 100, B 60, C 0: 160 of 300; r(1−r)/v is 2.947, below Kish's 3.
    m = moments_of([100.0, 60, 0], [100.0, 100, 100], [1, 1, 1])
    v = 1.5 * ((100 - 160 / 3) ** 2 + (60 - 160 / 3) ** 2 + (160 / 3) ** 2) / 300**2
    n = min(160 / 300 * 140 / 300 / v, 3)
    z2, r = stats.chi2.ppf(0.95, 1), 8 / 15
    expected = np.sort(np.roots([n + z2, -(2 * n * r + z2), n * r * r]))
    found = money_share(m)
    assert n == pytest.approx(2.947, abs=5e-4)
    np.testing.assert_allclose([float(found.low), float(found.high)], expected)


def test_money_kept_in_part_is_capped_by_kish():
    # Everybody keeps about half: the spread is small, but no more than 200²/20,000 = 2 equal customers stand behind it.
    found, two = money_share(moments_of([49.0, 51], [100.0, 100])), share(rows(1, 2))
    assert (float(found.low), float(found.high)) == (pytest.approx(float(two.low)), pytest.approx(float(two.high)))


def test_goodman_solves_its_quadratic():
    # The counts that Sison and Glaz (1995) compare methods on.
    counts = np.array([56, 72, 73, 59, 62, 87, 58])
    n, a = counts.sum(), stats.chi2.ppf(1 - 0.05 / 7, 1)
    expected = np.array([np.sort(np.roots([n + a, -(2 * x + a), x * x / n])) for x in counts])
    found = goodman(counts)
    np.testing.assert_allclose(np.stack([found.low, found.high], -1), expected, rtol=1e-9)
    np.testing.assert_allclose([found.low[0], found.high[5]], [0.0852, 0.2394], atol=5e-5)


def test_goodman_is_a_share_at_a_stricter_level():
    counts = np.array([10.0, 30, 60])
    one = share(rows(counts, np.full(3, 100.0)), simultaneous(0.95, 3))
    np.testing.assert_allclose(goodman(counts).low, one.low)
    assert np.isnan(goodman([0, 0, 0]).low).all()


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
def test_quantile_ranks_are_the_tightest_allowed(p):
    n = np.arange(1, 1001)
    ranks = quantile_ranks(n, p)
    below = ranks.lower > 0
    assert (stats.binom.cdf(ranks.lower - 1, n, p)[below] <= 0.025 + 1e-12).all()
    assert (stats.binom.cdf(ranks.lower, n, p) > 0.025).all()  # one rank more would be too many, or one does not exist
    above = ranks.upper > 0
    assert (stats.binom.sf(ranks.upper - 1, n, p)[above] <= 0.025 + 1e-12).all()
    assert (stats.binom.sf(ranks.upper - 2, n, p)[above] > 0.025).all()
    assert (stats.binom.sf(n - 1, n, p)[~above] > 0.025).all()


def test_ninetieth_percentile_has_no_upper_limit_below_36_rows():
    assert quantile_ranks([35, 36], 0.9).upper.tolist() == [NO_RANK, 36]


def test_median_of_ten_lies_between_second_and_ninth():
    ranks = quantile_ranks([10, 0], 0.5)
    assert (ranks.lower.tolist(), ranks.upper.tolist()) == ([2, NO_RANK], [9, NO_RANK])


def test_clusters_widen_the_ranks_of_a_quantile():
    # 100 rows worth 25: the ranks among 25 are 8 and 18, their middles stretched fourfold.
    ranks = quantile_ranks(100, 0.5, n_eff=25.9)
    assert (int(ranks.lower), int(ranks.upper)) == (30, 71)
    assert int(quantile_ranks(100, 0.9, n_eff=35).upper) == NO_RANK


@pytest.mark.parametrize("n", [1, 2, 5, 30, 31, 400])
@pytest.mark.parametrize("p", [0.5, 0.9])
def test_quantile_position_as_numpy_and_spreadsheets(n, p):
    x = np.sort(np.random.default_rng(n).normal(size=n))
    at = quantile_position(n, p)
    assert x[at.lo] + at.fraction * (x[at.hi] - x[at.lo]) == pytest.approx(np.quantile(x, p), abs=1e-9)


def test_quantile_position_of_nothing():
    at = quantile_position([0, 31], 0.9)
    assert at.lo.tolist() == [-1, 27]
    assert np.isnan(at.fraction[0])
    assert at.fraction[1] == 0


def test_nothing_gives_no_limits():
    none = Moments(*[np.zeros(1)] * 7)
    for found in (share(none), money_share(none), ratio(none), ratio(none, least=0, most=1), net([0], [0], [0], none)):
        assert np.isnan(found.low).all()
        assert np.isnan(found.high).all()
    assert np.isnan(none.value).all()


def test_limits_stay_within_bounds_and_extremes_touch_them():
    found = share(rows([0, 5], [5, 5]))
    assert found.low[0] == 0
    assert 0 < found.high[0] < 1
    assert found.high[1] == 1
    assert nps(1000, 0, 0).high == 1
    assert nps(0, 0, 3).low == -1


def test_one_unit_tells_nothing_of_a_mean():
    found = ratio(moments_of([30.0], [3.0]))
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_equal_values_are_not_certainty():
    fives = moments_of(np.full(10, 5.0), np.ones(10))
    assert np.isnan(mean(fives).low)
    bounded, ten_of_ten = mean(fives, least=1, most=5), stats.binomtest(10, 10).proportion_ci(0.95, "wilson")
    assert float(bounded.low) == pytest.approx(1 + 4 * ten_of_ten.low)
    assert float(bounded.high) == 5


def test_rounding_is_no_spread():
    assert moments_of(np.full(1000, 0.1) * 3, np.ones(1000)).squared_errors == 0


def test_a_level_may_be_given_for_each_row():
    found = share(rows([8, 8], [10, 10]), [0.95, 0.5])
    assert found.low[0] < found.low[1] < 0.8 < found.high[1] < found.high[0]


def test_skewness_is_that_of_scipy():
    x = np.array([1.0, 2, 2, 3, 40])
    assert float(skewness_of(moments_of(x, np.ones(5)))) == pytest.approx(stats.skew(x, bias=False))
    assert np.isnan(skewness_of(Moments(5, 5, 9, 5, 20, 9, 5)))


def test_cochrans_rule():
    x = np.array([0.0] * 95 + [1.0] * 5)
    skew = stats.skew(x, bias=False)
    assert 25 * skew**2 > 100
    assert too_skewed(moments_of(x, np.ones(100)))
    assert not too_skewed(moments_of(np.tile(x, 10), np.ones(1000)))


def test_heavy_repetition_by_few_units_is_too_clustered():
    assert too_clustered(moments_of(np.ones(149), np.full(149, 3)))
    assert not too_clustered(moments_of(np.ones(150), np.full(150, 3)))
    assert not too_clustered(moments_of(np.ones(10), np.full(10, 2)))
    assert not too_clustered(moments_of(np.ones(30), np.full(30, 9)), NET_UNITS)
    assert not too_clustered(moments_of([1.0, 1], [1.0, 1000], [1, 1]))
