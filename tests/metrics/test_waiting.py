"""The Kaplan–Meier brick against a trial worked by hand and against simulated waiting whose median is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from wellheard.metrics.waiting import Waiting, quantiles

# Weeks to relapse of 21 patients (Freireich et al. 1963); + is "still well when last seen".
RELAPSE = """6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"""
START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3600


def counts(groups: dict[str, list[tuple[float, bool]]]) -> pa.Table:
    """What the engine gives: a row a group and time, in no order."""
    rows = [
        {"g": name, "x": t, "events": sum(e for at, e in waits if at == t), "leaving": sum(at == t for at, _ in waits)}
        for name, waits in groups.items()
        for t in {at for at, _ in waits}
    ]
    return pa.Table.from_pylist(rows[::-1])


def test_the_published_trial() -> None:
    """Median 23 weeks, its lower limit 13, no upper one: D. Collett, Modelling Survival Data, 3rd ed. 2015."""
    waits = [(float(word.strip("+")), not word.endswith("+")) for word in RELAPSE.split()]
    found = quantiles([("drug",), ("nobody",)], ["g"], counts({"drug": waits}), 0.5, 0.95)
    assert found["value"][0] == 23
    assert found["low"][0] == 13
    assert np.isnan(found["high"][0])
    assert all(np.isnan(found[name][1]) for name in found)


def test_a_quantile_that_is_not_reached_has_no_limits_either() -> None:
    found = quantiles([("a",)], ["g"], counts({"a": [(1.0, True), (2.0, False), (3.0, False)]}), 0.9, 0.95)
    assert all(np.isnan(found[name][0]) for name in ("value", "low", "high"))


def test_units_that_repeat_heavily_are_few() -> None:
    """10 customers with 20 cases each are not 200 independent waits."""

    def parts(units: int, each: int) -> dict[str, Any]:
        n, moments = np.array([float(units * each)]), {}
        for name, power in {"nn": 2, "nd": 2, "dd": 2, "nnn": 3, "nnd": 3, "ndd": 3, "ddd": 3}.items():
            moments[name] = np.array([float(units * each**power)])
        return {"n": n, "units": np.array([float(units)]), "num": n, "den": n, **moments}

    assert Waiting().few(parts(10, 20)).tolist() == [True]
    assert Waiting().few(parts(1000, 20)).tolist() == [True]
    assert Waiting().few(parts(200, 1)).tolist() == [False]
    assert Waiting().few(parts(100, 2)).tolist() == [False]


@pytest.mark.slow
def test_who_still_waits_is_taken_in(desk: Any) -> None:
    """Waits are exponential with a known median; nearly half outlast the data. The plain median is far off."""
    rng = np.random.default_rng(3)
    n, end, median = 900, 60 * HOUR, 24 * HOUR
    waits = rng.exponential(median / np.log(2), n).round()
    opened = rng.integers(0, end, n)
    cases = []
    for i, (at, wait) in enumerate(zip(opened.tolist(), waits.tolist(), strict=True)):
        start = START + timedelta(seconds=at)
        reply = {"first_human_reply_at": start + timedelta(seconds=wait)} if at + wait <= end else {}
        cases.append({"source_id": str(i), "opened_at": start, "opened_by": "customer", **reply})
    last = {"source_id": "end", "opened_at": START + timedelta(seconds=end), "spam": True}
    desk.deliver({"conversations": [*cases, last]})
    row = desk.one("first_response_time:km_median")
    assert row["n"] == n
    assert row["pending"] == 0
    assert row["low"] < median < row["high"]
    assert row["state"] == "ok"
    answered = desk.one("first_response_time")
    assert answered["n"] + answered["pending"] == n
    assert answered["high"] < 0.75 * median
    assert answered["pending"] > 0.4 * n
    assert desk.one("first_response_time:km_p90")["value"] is None
    days = desk.kpi("first_response_time:km_median", grain="day", compare="previous")
    assert sum(day["n"] for day in days) == n
    assert all(d["change_low"] <= d["change"] <= d["change_high"] for d in days if d["change_low"] is not None)
