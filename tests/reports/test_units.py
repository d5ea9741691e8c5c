"""How figures are written for people."""

from __future__ import annotations

from datetime import date

import pytest

from wellheard.base.periods import Grain
from wellheard.reports.units import change, duration, period_name, scale_of, spread, written


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (87.5, "percent", "87.5 %"),
        (0.0, "percent", "0.0 %"),
        (31.42, "points", "+31.4 points"),
        (-31.42, "points", "−31.4 points"),
        (0.0, "points", "0.0 points"),
        (-0.04, "points", "0.0 points"),
        (9300, "seconds", "2 h 35 min"),
        (1234567, "count", "1,234,567"),
        (3.9, "number", "3.90"),
        (1204.5, "money", "1,204.50 EUR"),
        (12345.67, "money", "12,346 EUR"),
        (None, "percent", "–"),
        (float("nan"), "percent", "–"),
    ],
)
def test_a_value_bears_its_unit(value: float | None, unit: str, said: str) -> None:
    assert str(written(value, unit, "EUR")) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (155, "2 min 35 s"),
        (600, "10 min"),
        (3599, "1 h"),
        (3600, "1 h"),
        (9300, "2 h 35 min"),
        (2 * 86_400 - 29, "48 h"),
        (2 * 86_400, "2 d"),
        (76 * 3600, "3 d 4 h"),
        (-155, "−2 min 35 s"),
    ],
)
def test_durations_are_said_in_the_two_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_change_of_a_share_is_in_points_and_has_its_sign() -> None:
    assert change(2.13, "percent") == "+2.1 points"
    assert change(-2.13, "points") == "−2.1 points"
    assert change(-720, "seconds") == "−12 min"
    assert change(0, "seconds") == "±0 s"
    assert change(None, "percent") == "–"


def test_an_interval_with_one_unknown_end_says_so() -> None:
    assert spread(28.1, 34.6, "percent") == "28.1 to 34.6"
    assert spread(60, None, "seconds") == "1 min to unknown"
    assert spread(None, None, "percent") == ""


def test_periods_are_called_by_their_names() -> None:
    assert period_name(date(2026, 10, 1), Grain.MONTH) == "October 2026"
    assert period_name(date(2026, 10, 1), "quarter") == "Q4 2026"
    assert period_name(date(2026, 10, 5), "week") == "week of 5 Oct 2026"
    assert period_name(date(2026, 10, 1), None, date(2026, 11, 1)) == "1 Oct 2026 to 31 Oct 2026"
    assert period_name(date(2026, 10, 1), None, date(2026, 10, 2)) == "1 Oct 2026"


@pytest.mark.parametrize(
    ("largest", "factor", "words"),
    [(90, 1, "seconds"), (1800, 60, "minutes"), (40_000, 3600, "hours"), (400_000, 86_400, "days")],
)
def test_an_axis_of_time_takes_the_unit_that_fits(largest: float, factor: float, words: str) -> None:
    assert scale_of("seconds", largest) == (factor, words)
