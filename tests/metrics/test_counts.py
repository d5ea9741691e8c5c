"""Complete counts and sums: no limits, never few, and a change that is judged as noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from wellheard.metrics.ask import Ask
from wellheard.metrics.counts import Count, Total
from wellheard.metrics.metric import Metric, Need, Variant
from wellheard.metrics.query import query
from wellheard.metrics.question import question

NONE = np.full((1, 0), np.nan)


def parts(*amounts: float) -> dict[str, Any]:
    """The parts of one row whose units have these sums."""
    x = np.array(amounts)
    return {"n": np.array([float(len(x))]), "num": np.array([x.sum()]), "nn": np.array([(x**2).sum()])}


def rows(ask: Ask) -> Any:
    t = ask.facts("orders")
    return ask.rows(t, out=[(t.customer_id.isnull(), "nobody")], num=t.revenue)


ORDERS = Metric(
    name="orders_taken", title="Orders", question="How many?", formula="orders", unit="count", direction="up",
    rows=rows, brick=Count(), needs=(Need("orders", ("ordered_at",)),), examples=(), source="none",
    variants=(
        Variant("money", "Their revenue.", Total(), unit="money"),
        Variant("people", "Who ordered.", Count(once="any")),
        Variant("held", "As a stock.", Total(stock=True)),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def asked(new_desk: Any) -> Any:
    desk = new_desk()
    taken = {"2026-01": "abcd", "2026-02": "aabc", "2026-03": "abcdefg"}
    desk.deliver({"orders": [
        {"source_id": f"{month}{i}", "customer_id": who, "ordered_at": f"{month}-{i + 2:02d}", "revenue": 10 + i,
         "currency": "EUR"}
        for month, people in taken.items() for i, who in enumerate(people)
    ]})  # fmt: skip

    def ask(variant: str | None = None, **how: Any) -> list[dict[str, Any]]:
        workspace = desk.workspace
        return query(workspace.lake, workspace.settings, ORDERS, question("x", variant=variant, **how)).to_list()

    return ask


@pytest.mark.slow
def test_a_count_is_whole_from_its_first_row_on(asked: Any) -> None:
    for variant, values in ((None, [4, 4, 7]), ("money", [46, 46, 91]), ("people", [4, 3, 7])):
        months = asked(variant, grain="month")
        assert [row["value"] for row in months] == values
        assert {(row["low"], row["high"], row["state"]) for row in months} == {(None, None, "ok")}


@pytest.mark.slow
def test_a_month_without_a_row_has_no_count(asked: Any) -> None:
    (row,) = asked(start="2026-05-01", end="2026-06-01", compare="previous")
    assert (row["value"], row["n"], row["state"], row["change"], row["p"]) == (None, 0, "none", None, None)


@pytest.mark.slow
def test_a_stock_changes_by_who_came_and_went(asked: Any) -> None:
    (row,) = asked("held", start="2026-03-01", end="2026-04-01", compare="previous")
    before, now = {"a": 21, "b": 12, "c": 13}, {"a": 10, "b": 11, "c": 12, "d": 13, "e": 14, "f": 15, "g": 16}
    noise = sum((now.get(who, 0) - before.get(who, 0)) ** 2 for who in {*before, *now})
    reach = stats.norm.ppf(0.975) * noise**0.5
    assert (row["previous"], row["change"]) == (46, 45)
    assert (row["change_low"], row["change_high"]) == pytest.approx((45 - reach, 45 + reach))
    assert row["p"] == pytest.approx(2 * stats.norm.sf(45 / noise**0.5), rel=1e-6)


def test_the_noise_of_single_events_is_poissons() -> None:
    """Where nothing has changed, about one change in twenty is marked: here of 4,000 pairs of counts with mean 60."""
    rng = np.random.default_rng(5)
    old, new = rng.poisson(60, 4000).astype(float), rng.poisson(60, 4000).astype(float)
    sides = [{"n": x, "num": x, "nn": x} for x in (new, old)]
    change = Count().changes(*sides, 0.0, np.full((4000, 0), np.nan))(np.asarray(0.95))
    marked = np.mean((change.low > 0) | (change.high < 0))
    assert 0.04 < marked < 0.06


def test_amounts_that_come_by_chance_are_not_news() -> None:
    """Sums of skewed amounts whose number is left to chance: about one change in twenty is marked."""
    rng = np.random.default_rng(6)

    def side() -> dict[str, Any]:
        drawn = [rng.lognormal(3, 0.5, rng.poisson(200)) for _ in range(2000)]
        n, num, nn = (np.array([f(x) for x in drawn]) for f in (len, np.sum, lambda x: np.sum(x**2)))
        return {"n": n.astype(float), "num": num, "nn": nn}

    change = Total().changes(side(), side(), 0.0, np.full((2000, 0), np.nan))(np.asarray(0.95))
    assert 0.035 < np.mean((change.low > 0) | (change.high < 0)) < 0.065


def test_a_series_that_jumps_about_is_believed_less() -> None:
    now, then = parts(*[1.0] * 160), parts(*[1.0] * 100)
    calm = Count().changes(now, then, 0.0, np.array([[100.0, 101, 99]]))(np.asarray(0.95))
    wild = Count().changes(now, then, 0.0, np.array([[60.0, 150, 90]]))(np.asarray(0.95))
    assert calm.low[0] > 0 > wild.low[0]
    total = Total().changes(now, then, 0.0, np.array([[60.0, 150, 90]]))(np.asarray(0.95))
    assert total.high[0] - total.low[0] == pytest.approx(2 * 1.959964 * (2 * np.var([60, 150, 90], ddof=1)) ** 0.5)


def test_rows_that_come_in_bunches_are_believed_less() -> None:
    single, bunched = parts(*[1.0] * 100), parts(*[10.0] * 10)
    alone = Count().changes(single, single, 0.0, NONE)(np.asarray(0.95))
    together = Count().changes(bunched, bunched, 0.0, NONE)(np.asarray(0.95))
    assert together.high[0] - together.low[0] > 3 * (alone.high[0] - alone.low[0])
