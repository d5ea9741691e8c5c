"""Curves of cohorts: counted by hand, and held against SciPy's."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wellheard.metrics.catalogue import metric
from wellheard.metrics.curves import repurchase_curves, retention_curves
from wellheard.metrics.question import question

pytestmark = pytest.mark.slow


def curves(desk: Any, make: Any = retention_curves, **how: Any) -> dict[date, Any]:
    workspace = desk.workspace
    kpi = metric("retention_rate")
    return {c.start: c for c in make(workspace.lake, workspace.settings, kpi, question("retention_rate", **how))}


def plan(number: int, who: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    row = {"source_id": str(number), "customer_id": who, "mrr": 10, "currency": "EUR"}
    return {**row, "started_at": start, "ended_at": end, **more}


def test_five_lives_by_hand(desk: Any) -> None:
    """Of four who began in January one left in the first month, one in the third; February's one is still there."""
    desk.deliver({"subscriptions": [
        plan(1, "a", "2026-01-05", "2026-01-20"), plan(2, "b", "2026-01-10", "2026-04-01"),
        plan(3, "c", "2026-01-31"), plan(4, "d", "2026-01-15", "2026-02-15"), plan(5, "d", "2026-02-15"),
        plan(6, "e", "2026-02-10"), plan(7, "z", "2026-05-01"),
    ]})  # fmt: skip
    found = curves(desk)
    january = found[date(2026, 1, 1)]
    assert (january.customers, january.months, january.few) == (4, (0, 1, 2, 3), True)
    assert january.value == pytest.approx((100, 75, 75, 50))
    assert january.at_risk == (4, 4, 3, 3)
    february = found[date(2026, 2, 1)]
    assert (february.months, february.value) == ((0, 1, 2), (100, 100, 100))
    assert found[date(2026, 5, 1)].months == (0,)


def test_who_left_and_came_back_has_left(desk: Any) -> None:
    desk.deliver({"subscriptions": [
        plan(1, "a", "2026-01-05", "2026-02-01"), plan(2, "a", "2026-03-01"), plan(3, "z", "2026-05-10"),
    ]})  # fmt: skip
    (first, last) = curves(desk).values()
    assert first.value == (100, 0, 0, 0, 0)[: len(first.value)]
    assert (first.customers, last.start) == (1, date(2026, 5, 1))


def test_a_month_that_is_not_over_for_a_customer_does_not_count(desk: Any) -> None:
    """The data end on 20 March: of two who began in February, only the one of the 10th has a whole month behind."""
    desk.deliver({"subscriptions": [
        plan(1, "a", "2026-02-10"), plan(2, "b", "2026-02-25", "2026-03-20"),
    ]})  # fmt: skip
    (february,) = curves(desk).values()
    assert (february.customers, february.at_risk, february.value) == (2, (2, 1), (100, 100))


def test_a_shops_customers_come_back_by_their_month(desk: Any) -> None:
    order = {"revenue": 10, "currency": "EUR"}
    days = [
        ("a", "2026-01-05"), ("a", "2026-01-25"), ("b", "2026-01-10"), ("b", "2026-03-15"), ("c", "2026-01-12"),
        ("d", "2026-01-20"), ("z", "2026-04-20"), (None, "2026-01-01"),
    ]  # fmt: skip
    rows = [{**order, "source_id": str(i), "customer_id": who, "ordered_at": day} for i, (who, day) in enumerate(days)]
    lines = {**order, "customer_id": "c", "ordered_at": "2026-01-12", "order_id": "4"}
    desk.deliver({"orders": [*rows, {**lines, "source_id": "line"}]})
    january = curves(desk, repurchase_curves)[date(2026, 1, 1)]
    assert january.customers == 4
    assert january.value == pytest.approx((0, 25, 25, 50))


def test_limits_are_those_of_scipy(desk: Any) -> None:
    rng = np.random.default_rng(8)
    starts = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(1, 27, 60), "D")
    lengths = rng.geometric(0.15, 60)
    ends = [s + pd.DateOffset(months=int(n)) - pd.Timedelta(days=5) for s, n in zip(starts, lengths, strict=True)]
    after = pd.Timestamp("2026-02-01")
    rows = [
        plan(i, str(i), str(s), str(e) if e < after else None)
        for i, (s, e) in enumerate(zip(starts, ends, strict=True))
    ]
    desk.deliver({"subscriptions": [*rows, plan(99, "z", str(after))]})
    found = curves(desk)[date(2025, 1, 1)]
    left, still = lengths[lengths <= 12], np.full((lengths > 12).sum(), 12)
    fitted = stats.ecdf(stats.CensoredData(uncensored=left, right=still)).sf
    limits = fitted.confidence_interval(method="log-log")
    assert found.months == tuple(range(13))
    assert found.value[1:] == pytest.approx(100 * fitted.evaluate(np.arange(1, 13)))
    assert found.low[1:] == pytest.approx(100 * limits.low.evaluate(np.arange(1, 13)))
    assert found.high[1:] == pytest.approx(100 * limits.high.evaluate(np.arange(1, 13)))


def test_a_filter_and_a_range_choose_the_cohorts(desk: Any) -> None:
    desk.deliver({"subscriptions": [
        plan(1, "a", "2026-01-05", plan="x"), plan(2, "b", "2026-02-10", "2026-03-01", plan="y"),
        plan(3, "z", "2026-05-01", plan="x"),
    ]})  # fmt: skip
    assert list(curves(desk, where="plan = 'y'")) == [date(2026, 2, 1)]
    assert list(curves(desk, start="2026-02-01", end="2026-03-01")) == [date(2026, 2, 1)]


def test_no_data_give_no_curves(desk: Any) -> None:
    assert curves(desk) == {}
    assert curves(desk, repurchase_curves) == {}
