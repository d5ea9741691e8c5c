"""Kaplan–Meier against the published figures of a classical data set."""

import numpy as np
import pytest

from wellheard.metrics.survival import kaplan_meier

# Weeks in remission under 6-mercaptopurine (E. J. Freireich and others, Blood 21 (1963) 699–716), 21 patients.
TIMES = [6, 7, 10, 13, 16, 22, 23]
EVENTS = [3, 1, 1, 1, 1, 1, 1]
AT_RISK = [21, 17, 15, 12, 11, 7, 6]


def test_remission_curve_and_its_limits():
    curve = kaplan_meier(TIMES, EVENTS, AT_RISK)
    np.testing.assert_allclose(curve.survival, [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], atol=5e-5)
    np.testing.assert_allclose(curve.low, [0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881], atol=5e-5)
    np.testing.assert_allclose(curve.high, [0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801], atol=5e-5)


def test_remission_median_has_no_upper_limit():
    median = kaplan_meier(TIMES, EVENTS, AT_RISK).median
    assert (median.value, median.low) == (23, 13)
    assert np.isnan(median.high)
    assert np.isnan(kaplan_meier(TIMES, EVENTS, AT_RISK).quantile(0.9).value)


def test_without_censoring_the_curve_is_the_share_still_waiting():
    n = 10
    curve = kaplan_meier(np.arange(1, n + 1), np.ones(n), np.arange(n, 0, -1))
    np.testing.assert_allclose(curve.survival, 1 - np.arange(1, n + 1) / n, atol=1e-12)
    assert curve.median.value == 5
    assert curve.quantile(0.9).value == 9


def test_censoring_times_leave_the_curve_alone():
    with_censored = kaplan_meier([1, 2, 3], [1, 0, 1], [4, 3, 2])
    assert with_censored.survival.tolist() == pytest.approx([0.75, 0.75, 0.375])
    assert kaplan_meier([1, 3], [1, 1], [4, 2]).survival[-1] == pytest.approx(0.375)


def test_nobody_waiting():
    empty = kaplan_meier([], [], [])
    assert np.isnan(empty.median.value)
    ended = kaplan_meier([2], [5], [5])
    assert ended.survival.tolist() == [0]
    assert ended.median.value == 2
    assert np.isnan(ended.median.high)
