"""How often the intervals hold the truth, over drawn parts; binomial and trinomial counts by exact sum.

With WELLHEARD_TEST_LONG=1 each figure rests on 20,000 draws and is held to its bar bare; in the normal run on fewer
draws, each allowed three standard errors of its own simulation.
"""

import os

import numpy as np
import pytest
from scipy import special, stats

from wellheard.metrics import designs
from wellheard.metrics.bricks import Brick
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.compare import LEAST_UNITS
from wellheard.metrics.coverage import Cell, design_of, shipped
from wellheard.metrics.difference import correlation, count_change, mover
from wellheard.metrics.interval import effective_n, mean, money_share, net, quantile_ranks, ratio, share
from wellheard.metrics.moments import NET_UNITS, SHARE_UNITS, Cross, Moments, moments_of, too_clustered, too_skewed

LONG = os.environ.get("WELLHEARD_TEST_LONG") == "1"
DRAWS = 20_000 if LONG else 2_000
BATCH = 1_000_000  # unit totals drawn at once, so that memory stays small
RATES = np.round(np.arange(0.05, 0.951, 0.05 if LONG else 0.1), 2)
FLOOR = {10: 0.895, 50: 0.92, 500: 0.94}
MEAN = (0.94, 0.97)
ICC = 0.5


def noise(bar):
    """What a simulated figure may miss its bar by: nothing in the long run."""
    return 0.0 if LONG else 3 * (bar * (1 - bar) / DRAWS) ** 0.5


def covered(draw, units):
    """Share of DRAWS in which `draw(rng, (draws, units))`, an array of hits, holds the truth."""
    rng, hits, left = np.random.default_rng(20), [], DRAWS
    while left > 0:
        size = min(left, max(1, BATCH // units))
        hits.append(draw(rng, (size, units)))
        left -= size
    return float(np.mean(np.concatenate(hits)))


def holds(interval, truth):
    return (interval.low <= truth + 1e-12) & (truth - 1e-12 <= interval.high)


def assert_bars(coverages, units, floor=None):
    floor = FLOOR[units] if floor is None else floor
    assert MEAN[0] - noise(0.94) / len(coverages) ** 0.5 <= np.mean(coverages) <= MEAN[1], coverages
    assert np.min(coverages) >= floor - noise(floor), coverages


# --- shares and nets, one row a unit: exact ---


@pytest.mark.parametrize("n", FLOOR)
def test_share_by_exact_sum(n):
    yes = np.arange(n + 1)
    all_n = np.full(n + 1, n)
    found = share(Moments(all_n, all_n, yes, all_n, yes, yes, all_n))
    rates = np.arange(0.05, 0.9501, 0.005)
    coverages = [stats.binom.pmf(yes, n, p)[holds(found, p)].sum() for p in rates]
    assert MEAN[0] <= np.mean(coverages) <= MEAN[1]
    assert min(coverages) >= FLOOR[n]


@pytest.mark.parametrize("n", FLOOR)
def test_net_by_exact_sum(n):
    good, bad = (x.ravel() for x in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    good, bad = good[good + bad <= n], bad[good + bad <= n]
    all_n = np.full(good.shape, n)
    found = net(all_n, good, bad, Moments(all_n, all_n, good - bad, all_n, good + bad, good - bad, all_n))
    ways = special.gammaln(n + 1) - sum(special.gammaln(k + 1) for k in (good, bad, n - good - bad))
    coverages = []
    for p, d in [(p, d) for p in RATES for d in RATES if p + d < 0.999]:
        weight = np.exp(
            ways + special.xlogy(good, p) + special.xlogy(bad, d) + special.xlogy(n - good - bad, 1 - p - d)
        )
        coverages.append(weight[holds(found, p - d)].sum())
    assert MEAN[0] <= np.mean(coverages) <= MEAN[1]
    assert min(coverages) >= FLOOR[n]


# --- shares and nets, several rows a unit ---


def answers(rng, size, most):
    return rng.integers(1, most + 1, size)


def clustered_share(p, units, most, kind=share):
    def draw(rng, size):
        k = answers(rng, size, most)
        own = rng.beta(p * (1 - ICC) / ICC, (1 - p) * (1 - ICC) / ICC, size)
        return holds(kind(moments_of(rng.binomial(k, own), k)), p)

    return covered(draw, units)


def test_share_of_500_people_answering_up_to_20_times():
    assert_bars([clustered_share(p, 500, 20) for p in RATES], 500)


def test_share_of_150_people_answering_up_to_20_times():
    # The fewest units at which such a share is not shown as `few`: from 50 on no rate may fall below the floor of 50.
    assert SHARE_UNITS == 150
    assert_bars([clustered_share(p, 150, 20) for p in RATES], 150, floor=FLOOR[50])


@pytest.mark.parametrize("units", [10, 50])
def test_share_of_people_answering_up_to_three_times(units):
    assert_bars([clustered_share(p, units, 3) for p in RATES], units)


@pytest.mark.parametrize("units", [10, 50])
def test_share_of_few_people_answering_up_to_20_times_is_shown_as_few(units):
    # The bar is missed there (rates near .05 and .95), so the state must say so.
    k = answers(np.random.default_rng(1), (1000, units), 20)
    assert too_clustered(moments_of(np.zeros_like(k), k)).mean() > 0.999
    assert min(clustered_share(p, units, 20) for p in (0.05, 0.1)) < FLOOR[units]


def clustered_net(p, d, units):
    def draw(rng, size):
        k = answers(rng, size, 20)
        weights = rng.gamma([p, d, 1 - p - d], 1, (*size, 3)) + 1e-300
        own = weights / weights.sum(-1, keepdims=True)
        good = rng.binomial(k, own[..., 0])
        bad = rng.binomial(k - good, np.clip(own[..., 1] / (own[..., 1] + own[..., 2]), 0, 1))
        m = moments_of(good - bad, k)
        return holds(net(m.n, good.sum(-1), bad.sum(-1), m), p - d)

    return covered(draw, units)


@pytest.mark.slow
@pytest.mark.parametrize("units", [50, 500])
def test_net_of_people_answering_up_to_20_times(units):
    pairs = [(0.05, 0.05), (0.05, 0.85), (0.3, 0.3), (0.5, 0.2), (0.85, 0.05), (0.35, 0.55), (0.7, 0.1)]
    assert_bars([clustered_net(p, d, units) for p, d in pairs], units)


def test_net_of_ten_people_answering_up_to_20_times_is_shown_as_few():
    k = answers(np.random.default_rng(1), (1000, 10), 20)
    assert too_clustered(moments_of(np.zeros_like(k), k), NET_UNITS).mean() > 0.99
    assert clustered_net(0.05, 0.85, 10) >= FLOOR[10]


# --- quantiles ---


@pytest.mark.parametrize("p", [0.25, 0.5, 0.75, 0.9])
def test_quantile_by_exact_sum(p):
    n = np.arange(30, 2001)
    ranks = quantile_ranks(n, p)
    both = (ranks.lower > 0) & (ranks.upper > 0)
    coverage = (stats.binom.cdf(ranks.upper - 1, n, p) - stats.binom.cdf(ranks.lower - 1, n, p))[both]
    assert both[n >= 36].all()  # a quantile that lacks a limit is shown as `few`
    assert coverage.min() >= 0.94
    assert coverage.max() <= 0.985


@pytest.mark.parametrize("p", [0.5, 0.9])
@pytest.mark.parametrize("units", [50, 200])
def test_quantile_of_people_with_up_to_20_cases(p, units):
    # The p-quantile is held when as many cases as the ranks say lie on either side of it: no sorting is needed.
    truth = stats.norm.ppf(p)

    def draw(rng, size):
        k = answers(rng, size, 20)
        x = np.where(
            np.arange(20) < k[..., None],
            rng.normal(0, ICC**0.5, (*size, 1)) + rng.normal(0, (1 - ICC) ** 0.5, (*size, 20)),
            np.inf,
        )
        n = k.sum(-1)
        flat = np.sort(x.reshape(size[0], -1), -1)
        found = flat[np.arange(size[0]), np.round((n - 1) * p).astype(int)]
        n_eff = effective_n(moments_of((x <= found[:, None, None]).sum(-1), k))
        ranks = quantile_ranks(n, p, n_eff=n_eff)
        below = (x <= truth).sum((-1, -2))
        return (below >= ranks.lower) & ((ranks.upper == 0) | (below < ranks.upper))

    coverage = covered(draw, units)
    assert 0.94 - noise(0.94) <= coverage <= 0.985


# --- money ---


def money(rng, size):
    return np.exp(rng.normal(0, 1, size))


@pytest.mark.parametrize("units", [50, 500])
@pytest.mark.parametrize("kept", [0.5, 0.7, 0.9, 0.95])
def test_share_of_money(kept, units):
    def draw(rng, size):
        start = money(rng, size)
        return holds(money_share(moments_of(start * (rng.random(size) < kept), start, np.ones(size))), kept)

    assert 0.93 - noise(0.93) <= covered(draw, units) <= 0.99


def renewals(rng, size, most):
    """Start revenue has log-sd 1; a tenth of what a customer holds is lost, the rest grows or shrinks."""
    start, end = np.zeros(size), np.zeros(size)
    k, own = answers(rng, size, most), rng.normal(0, ICC**0.5, size)
    leaves = rng.beta(0.1 * (1 - ICC) / ICC, 0.9 * (1 - ICC) / ICC, size)
    for i in range(most):
        one = np.where(i < k, np.exp(own + rng.normal(0, (1 - ICC) ** 0.5, size)), 0)
        start += one
        end += np.where(rng.random(size) < leaves, 0, one * np.exp(rng.normal(0, 0.3, size)))
    return moments_of(end, start, k)


@pytest.mark.parametrize(("units", "most", "bar"), [(50, 1, 0.92), (500, 1, 0.935), (500, 20, 0.935)])
def test_ratio_of_money(units, most, bar):
    truth = 0.9 * np.exp(0.3**2 / 2)
    assert covered(lambda rng, size: holds(ratio(renewals(rng, size, most)), truth), units) >= bar - noise(bar)


def test_ratio_of_money_of_50_with_up_to_20_contracts_is_shown_as_few():
    # Some 90 % there, below the bar of 92 %.
    assert too_clustered(renewals(np.random.default_rng(3), (2000, 50), 20)).mean() > 0.999


@pytest.mark.parametrize(("units", "bar"), [(50, 0.92), (500, 0.935)])
def test_ratio_of_two_unrelated_sums_of_money(units, bar):
    coverage = covered(lambda rng, size: holds(ratio(moments_of(money(rng, size), money(rng, size))), 1.0), units)
    assert coverage >= bar - noise(bar)


@pytest.mark.parametrize(("units", "bar"), [(50, 0.88), (500, 0.93)])
@pytest.mark.parametrize("most", [1, 20])
def test_mean_of_money(units, bar, most):
    def draw(rng, size):
        k, own, total = answers(rng, size, most), rng.normal(0, ICC**0.5, size), np.zeros(size)
        for i in range(most):
            total += np.where(i < k, np.exp(own + rng.normal(0, (1 - ICC) ** 0.5, size)), 0)
        return holds(mean(moments_of(total, k)), np.exp(0.5))

    assert covered(draw, units) >= bar - noise(bar)


def test_mean_of_money_of_50_is_mostly_shown_as_few():
    x = money(np.random.default_rng(2), (2000, 50))
    assert too_skewed(moments_of(x, np.ones_like(x))).mean() > 0.9


# --- differences ---


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 200), (500, 500)])
def test_difference_of_shares_by_exact_sum(n, m):
    def all_shares(size):
        yes, full = np.arange(size + 1), np.full(size + 1, size)
        found = share(Moments(full, full, yes, full, yes, yes, full))
        return yes / size, found.low, found.high, stats.binom.pmf(yes, size, RATES[:, None])

    v1, l1, h1, w1 = all_shares(n)
    v2, l2, h2, w2 = all_shares(m)
    found = mover(v1[:, None], l1[:, None], h1[:, None], v2, l2, h2)
    coverages = np.array(
        [[w1[i] @ holds(found, p - q) @ w2[j] for j, q in enumerate(RATES)] for i, p in enumerate(RATES)]
    )
    assert 0.935 <= coverages.mean() <= 0.965
    assert coverages.min() >= 0.935
    assert np.diag(coverages).max() <= 0.98


def difference(draw_side, truth, units):
    def draw(rng, size):
        (a, one), (b, two) = draw_side(rng, size), draw_side(rng, size)
        return holds(mover(a.value, one.low, one.high, b.value, two.low, two.high), truth)

    return covered(draw, units)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_difference_of_shares_of_clusters(p):
    def side(rng, size):
        k = answers(rng, size, 20)
        m = moments_of(rng.binomial(k, rng.beta(p, 1 - p, size)), k)
        return m, share(m)

    coverage = difference(side, 0, 200)
    assert 0.935 - noise(0.935) <= coverage <= 0.965 + noise(0.965)


@pytest.mark.parametrize("units", [50, 500])
def test_difference_of_ratios_of_money(units):
    def side(rng, size):
        start = money(rng, size)
        end = np.where(rng.random(size) < 0.1, 0, start * np.exp(rng.normal(0, 0.3, size)))
        m = moments_of(end, start)
        return m, ratio(m)

    assert 0.935 - noise(0.935) <= difference(side, 0, units) <= 0.965 + noise(0.965)


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.5), (0.3, 0.4), (0.8, 0.9)])
def test_difference_of_the_same_people(p, q):
    def draw(rng, size):
        rank = rng.random(size)
        k1, k2 = rng.integers(0, 4, size), rng.integers(0, 4, size)
        x1 = rng.binomial(k1, stats.beta.ppf(rank, p, 1 - p))
        x2 = rng.binomial(k2, stats.beta.ppf(rank, q, 1 - q))
        a, b = moments_of(x1, k1), moments_of(x2, k2)
        cross = Cross((x1 * x2).sum(-1), (x1 * k2).sum(-1), (k1 * x2).sum(-1), (k1 * k2).sum(-1))
        one, two = share(a), share(b)
        rho = correlation(a, b, cross)
        return holds(mover(a.value, one.low, one.high, b.value, two.low, two.high, rho), p - q)

    coverage = covered(draw, 100)
    assert 0.935 - noise(0.935) <= coverage <= 0.965 + noise(0.965)


@pytest.mark.parametrize("means", [(20, 20), (20, 30), (100, 110)])
def test_change_of_a_count_by_exact_sum(means):
    top = max(means) * 3
    k = np.arange(top)
    found = count_change(k[:, None], k)
    weights = [stats.poisson.pmf(k, m) for m in means]
    coverage = weights[0] @ holds(found, means[1] - means[0]) @ weights[1]
    assert 0.935 <= coverage <= 0.965


@pytest.mark.parametrize(("n", "m"), [(LEAST_UNITS, LEAST_UNITS), (30, 50), (30, 500)])
def test_difference_of_shares_that_is_judged(n, m):
    assert difference_of_shares(n, m).min() >= 0.935
    assert 0.935 <= difference_of_shares(n, m).mean() <= 0.965


def test_difference_of_two_shares_of_30_is_not_judged():
    # Below the bar for some rates: no p, and so no mark, where both sides have fewer units than LEAST_UNITS.
    assert LEAST_UNITS > 30
    assert difference_of_shares(30, 30).min() < 0.935


def difference_of_shares(n, m):
    """The coverage of the difference for every pair of true shares, by exact sum."""

    def all_shares(size):
        yes, full = np.arange(size + 1), np.full(size + 1, size)
        found = share(Moments(full, full, yes, full, yes, yes, full))
        return yes / size, found.low, found.high, stats.binom.pmf(yes, size, np.array(designs.RATES)[:, None])

    v1, l1, h1, w1 = all_shares(n)
    v2, l2, h2, w2 = all_shares(m)
    found = mover(v1[:, None], l1[:, None], h1[:, None], v2, l2, h2)
    rates = list(enumerate(designs.RATES))
    return np.array([[w1[i] @ holds(found, p - q) @ w2[j] for j, q in rates] for i, p in rates])


# --- the tables on the KPIs' pages ---


def shipped_cells() -> list:
    return [pytest.param(cell, id=f"{name}-{cell.units}-{cell.most}") for name in shipped() for cell in shipped()[name]]


@pytest.mark.parametrize("cell", shipped_cells())
def test_every_cell_meets_its_bar_or_is_shown_as_few(cell: Cell) -> None:
    assert cell.meets or cell.shown_few


@pytest.mark.parametrize("design", list(designs.DESIGNS))
@pytest.mark.slow
def test_the_tables_are_what_the_draws_say(design: str) -> None:
    draws = designs.DRAWS if LONG else 400
    told = {(cell.units, cell.most): cell for cell in shipped()[design]}
    for found in designs.cells(design, draws):
        cell = told[found.units, found.most]
        slack = 5e-5 if LONG else 4 * (0.06 * 0.94 / (draws if "quantile" not in design else draws // 5)) ** 0.5
        assert found.mean == pytest.approx(cell.mean, abs=slack)
        assert found.bar == cell.bar
        assert found.few == pytest.approx(cell.few, abs=0.1)


def test_every_kind_of_estimate_has_a_table() -> None:
    bricks: list[Brick] = [b for k in metrics().values() for b in (k.brick, *(v.brick for v in k.variants)) if b]
    known = {type(b).__name__ for b in bricks if design_of(b) is not None}
    assert {"Share", "Net", "Mean", "Ratio", "MoneyShare", "Quantile", "WeightedNet", "OneOf", "Linear"} <= known
    assert {design_of(b) for b in bricks} - {None} <= set(shipped())
