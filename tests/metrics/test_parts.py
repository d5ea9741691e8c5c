"""Sums that do not hang on the order in which an engine's threads saw the rows."""

from __future__ import annotations

import math

import pytest

from wellheard.metrics.parts import settled


@pytest.mark.parametrize("tie", [9578417284.9595, 0.12345678901235, 123456789012.35, -4444444444444.5])
def test_a_sum_midway_between_two_settled_ones_is_the_same_whatever_its_last_bit(tie: float) -> None:
    near = [math.nextafter(tie, -math.inf), tie, math.nextafter(tie, math.inf)]
    assert len(set(settled(near))) == 1


def test_whole_numbers_and_money_stay_as_they_are() -> None:
    given = [0.0, 1.0, 513781.23, 12345678901.25, 9_007_199_254.0, -0.1]
    assert settled(given).tolist() == given
