"""Purchases that customers will make: published figures, the closed formula, and a made-up base with known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import hyp2f1

from wellheard.base.errors import BadInput
from wellheard.enrich.buying import Buying, Histories, fit_buying, histories
from wellheard.enrich.spending import fit_spending

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "cdnow_sample"
TRUTH = np.array([0.6, 30.0, 0.9, 3.0])
AHEAD = 365.0

Floats = NDArray[np.float64]


def made_up(customers: int, seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Repeats, recency and age of customers who buy by TRUTH, and what each buys in AHEAD days after."""
    r, alpha, a, b = TRUTH
    rng = np.random.default_rng(seed)
    rate, stop = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    age = rng.uniform(100, 700, customers)
    at, last, repeats, future = (np.zeros(customers) for _ in range(4))
    there = np.arange(customers)
    while there.size:
        at[there] += rng.exponential(1 / rate[there])
        there = there[at[there] < age[there] + AHEAD]
        seen = at[there] < age[there]
        repeats[there] += seen
        future[there] += ~seen
        last[there] = np.where(seen, at[there], last[there])
        there = there[rng.random(there.size) > stop[there]]
    return repeats, last, age, future


@pytest.fixture(scope="module")
def cdnow() -> tuple[pd.DataFrame, Histories, Buying]:
    if not CDNOW.is_dir():
        pytest.skip("the CDNOW sample is not here")
    rows = pd.read_csv(CDNOW / "cdnow_customers_summary_with_transactions.csv.gz")
    seen = histories(rows["x"], rows["t_x"], rows["T"])
    return rows, seen, fit_buying(seen)


def test_the_published_parameters_of_cdnow(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    _, _, model = cdnow
    assert model.parameters == pytest.approx((0.2426, 4.4135, 0.7929, 2.4258), rel=0.005)
    assert model.fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_the_published_forecast_of_one_customer(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    _, seen, model = cdnow
    assert model.expected(seen, 39.0)[seen.place[0]] == pytest.approx(1.226, abs=0.0005)


def test_the_quadrature_is_the_closed_formula(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    _, seen, model = cdnow
    r, alpha, a, b = model.parameters
    x, whole = seen.repeats, alpha + seen.age + 39
    shape = a + b + x - 1
    closed = shape / (a - 1) * (1 - ((alpha + seen.age) / whole) ** (r + x) * hyp2f1(r + x, b + x, shape, 39 / whole))
    odds = (x > 0) * a / (b + x - 1) * ((alpha + seen.age) / (alpha + seen.recency)) ** (r + x)
    np.testing.assert_allclose(model.expected(seen, 39.0), closed / (1 + odds), rtol=1e-9)


def test_chances_of_each_number_add_up_to_the_mean(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    _, seen, model = cdnow
    tails = sum(model.at_least(seen, 39.0, np.full(len(seen.age), float(k))) for k in range(1, 250))
    np.testing.assert_allclose(model.alive(seen) * tails, model.expected(seen, 39.0), rtol=1e-9)


def test_the_gradient_is_that_of_the_likelihood(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    """At the maximum every direction goes down; a wrong gradient would have stopped the search elsewhere."""
    _, seen, model = cdnow
    r, alpha, a, b = model.parameters

    def height(r: float, alpha: float, a: float, b: float) -> float:
        from scipy.special import gammaln

        x, c = seen.repeats, seen.counts
        first = gammaln(r + x) + r * np.log(alpha) - gammaln(r)
        second = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        there = (alpha + seen.age) ** -(r + x)
        gone = np.where(x > 0, a / np.where(x > 0, b + x - 1, 1) * (alpha + seen.recency) ** -(r + x), 0)
        return float(c @ (first + second + np.log(there + gone)))

    best = height(r, alpha, a, b)
    assert best == pytest.approx(model.fit.log_likelihood, abs=1e-6)
    for place in range(4):
        for ratio in (0.98, 1.02):
            moved = [r, alpha, a, b]
            moved[place] *= ratio
            assert height(*moved) < best


def test_the_published_parameters_of_spending(cdnow: tuple[pd.DataFrame, Histories, Buying]) -> None:
    rows, _, _ = cdnow
    assert fit_spending(rows["x"], rows["zbar"]).parameters == pytest.approx((6.25, 3.74, 15.45), rel=0.002)


@pytest.mark.parametrize(
    "customers", [20_000, pytest.param(100_000, marks=pytest.mark.slow)]
)  # the bar is set at 100,000
def test_truth_is_found_again(customers: int) -> None:
    repeats, recency, age, future = made_up(customers, seed=1)
    seen = histories(repeats, recency, age)
    model = fit_buying(seen)
    assert np.all(np.abs(model.fit.values - TRUTH) < 3 * model.fit.errors)
    expected = model.expected(seen, AHEAD)[seen.place].sum()
    assert expected == pytest.approx(future.sum(), rel=0.01 if customers >= 100_000 else 0.03)
    top = model.quantile(seen, AHEAD, 0.975)[seen.place]
    held = np.mean(future <= top)
    assert 0.97 < held < 0.99


def test_a_chance_to_stop_of_nearly_one_breaks_nothing() -> None:
    """The published formula divides by a − 1."""
    rng = np.random.default_rng(3)
    repeats = rng.poisson(1.0, 400).astype(float)
    age = np.full(400, 300.0)
    recency = np.where(repeats > 0, rng.uniform(1, 299, 400), 0.0)
    seen = histories(repeats, recency, age)
    model = fit_buying(seen)
    expected = model.expected(seen, 1e5)
    assert np.all(np.isfinite(expected))
    assert np.all(expected >= 0)


@pytest.mark.parametrize(
    ("repeats", "recency", "age"), [([], [], []), ([1], [5], [4]), ([0], [1], [4]), ([1.5], [1], [4])]
)
def test_what_is_no_history_is_refused(repeats: list[float], recency: list[float], age: list[float]) -> None:
    with pytest.raises(BadInput):
        histories(repeats, recency, age)


def test_without_anybody_who_came_back_there_is_no_model() -> None:
    with pytest.raises(BadInput, match="nobody bought twice"):
        fit_buying(histories([0, 0], [0, 0], [3, 9]))


def test_spending_is_found_again() -> None:
    rng = np.random.default_rng(5)
    p, q, gamma = 4.0, 9.0, 120.0  # of which a fourth moment exists, so that squares can be compared
    x = rng.integers(1, 9, 30_000).astype(float)
    rate = rng.gamma(q, 1 / gamma, len(x))
    mean = rng.gamma(p * x, 1 / rate) / x
    model = fit_spending(x, mean)
    assert np.all(np.abs(model.fit.values - [p, q, gamma]) < 3 * model.fit.errors)
    assert model.expected(x, mean).mean() == pytest.approx((p / rate).mean(), rel=0.01)
    within, own = model.variance(x, mean)
    following = rng.gamma(p, 1 / rate)
    assert np.mean((following - model.expected(x, mean)) ** 2) == pytest.approx(np.mean(within + own), rel=0.05)
