"""The whale curve by hand."""

from __future__ import annotations

import pytest

from wellheard.web.whale import whale


def test_the_best_bring_more_than_all_and_the_worst_take_it_back() -> None:
    found = whale([-40.0, 100.0, 50.0, -10.0])
    assert (found.peak, found.peak_at) == (150.0, 50.0)
    assert (found.at_loss, found.customers) == (2, 4)
    assert dict(found.points) == pytest.approx({0: 0, 25: 100, 50: 150, 75: 140, 100: 100})


def test_a_peak_between_the_steps_is_on_the_curve() -> None:
    found = whale([1.0] * 333 + [-0.5] * 1000 + [200.0])
    assert max(y for _, y in found.points) == found.peak
    assert found.points[0] == (0, 0)
    assert found.points[-1] == (100, pytest.approx(100))


@pytest.mark.parametrize("profits", [[], [0.0, 0.0], [5.0, -6.0]])
def test_without_profit_there_is_no_curve(profits: list[float]) -> None:
    assert whale(profits).points == ()
