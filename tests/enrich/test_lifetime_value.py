"""What customers will bring: half a year and more of real purchases held back, and ranges that hold what came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wellheard.enrich.ahead import DAYS_A_MONTH, LEVEL, MONTHS, discounts, from_contracts, from_purchases
from wellheard.enrich.buying import fit_buying, histories
from wellheard.enrich.profit import allocations
from wellheard.enrich.renewing import fit_renewing
from wellheard.enrich.spending import fit_spending

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "cdnow_sample"
END, LAST = pd.Timestamp("1997-09-30"), pd.Timestamp("1998-06-30")


@pytest.fixture(scope="module")
def held_back() -> pd.DataFrame:
    """By customer: days with purchases up to 30 September 1997, and those of the 39 weeks after, held back."""
    if not CDNOW.is_dir():
        pytest.skip("the CDNOW sample is not here")
    rows = pd.read_csv(
        CDNOW / "CDNOW_sample.txt.gz",
        sep=r"\s+",
        names=["master", "customer", "day", "discs", "value"],
        dtype={"day": str},
    )
    rows["day"] = pd.to_datetime(rows["day"])
    daily = rows.groupby(["customer", "day"])["value"].sum().reset_index()
    seen, later = daily[daily["day"] <= END], daily[daily["day"] > END]
    first, last = seen.groupby("customer")["day"].min(), seen.groupby("customer")["day"].max()
    valued = seen[seen["value"] > 0].groupby("customer")["value"]
    table = pd.DataFrame(
        {
            "repeats": seen.groupby("customer").size() - 1,
            "recency": (last - first).dt.days,
            "age": (END - first).dt.days,
            "valued": valued.size(),
            "mean": valued.mean(),
            "bought": later.groupby("customer").size(),
            "sales": later.groupby("customer")["value"].sum(),
        }
    )
    return table.fillna(0.0)


def test_what_was_held_back_is_foretold(held_back: pd.DataFrame) -> None:
    t = held_back
    seen = histories(t["repeats"], t["recency"], t["age"])
    buying, spending = fit_buying(seen), fit_spending(t["valued"], t["mean"])
    days = float((LAST - END).days)
    orders = buying.expected(seen, days)[seen.place]
    sales = orders * spending.expected(t["valued"], t["mean"])
    assert orders.sum() == pytest.approx(t["bought"].sum(), rel=0.20)
    assert sales.sum() == pytest.approx(t["sales"].sum(), rel=0.20)

    carried_on = t["repeats"] / t["age"].clip(lower=1) * days
    assert abs(orders.sum() - t["bought"].sum()) < abs(carried_on.sum() - t["bought"].sum())
    assert np.abs(orders - t["bought"]).mean() < np.abs(carried_on - t["bought"]).mean()


def test_who_is_ranked_higher_bought_more(held_back: pd.DataFrame) -> None:
    """In groups that split nobody alike: six of ten never came back, and are told apart by their age alone."""
    t = held_back
    seen = histories(t["repeats"], t["recency"], t["age"])
    expected = fit_buying(seen).expected(seen, float((LAST - END).days))[seen.place]
    ranked = pd.Series(expected).rank(method="first").to_numpy() / len(t)
    tenth = np.minimum(np.floor(10 * (ranked - 1e-9)), 9)
    group = t["bought"].groupby(np.maximum(tenth, (t["repeats"] == 0).mean() // 0.1))
    mean, error = group.mean().to_numpy(), group.sem().to_numpy()
    assert len(mean) == 5
    assert np.all(np.diff(mean) > 1.96 * np.hypot(error[1:], error[:-1]))

    # By tenths: those of one group differ by .06 in what is expected of them, and by no more than chance in what came.
    tenths = t["bought"].groupby(tenth)
    assert np.ptp(pd.Series(expected).groupby(tenth).mean()[:6]) < 0.07
    fall = np.diff(tenths.mean()) / np.hypot(tenths.sem().to_numpy()[1:], tenths.sem().to_numpy()[:-1])
    assert fall.min() > -1.96
    assert np.all(np.diff(tenths.mean()[5:]) > 0)

    # As the model was published: by how often customers had come back, what is expected and what came rise together.
    came_back = np.minimum(t["repeats"], 7)
    foretold = pd.Series(expected, index=t.index).groupby(came_back).mean()
    bought = t["bought"].groupby(came_back).mean()
    assert np.all(np.diff(bought) > 0)
    assert np.all(np.diff(foretold) > 0)
    assert foretold.to_numpy() == pytest.approx(bought.to_numpy(), rel=0.30)


@pytest.mark.slow
def test_ranges_hold_what_customers_then_spent() -> None:
    rng = np.random.default_rng(7)
    n, ahead = 12_000, MONTHS * DAYS_A_MONTH
    rate, stop = rng.gamma(0.8, 1 / 40.0, n), rng.beta(1.0, 4.0, n)
    scale = rng.gamma(6.0, 1 / 90.0, n)  # of what a customer spends: gamma(3, scale) a purchase
    age = rng.uniform(60, 500, n).round()
    at, last, repeats, future, value, spent = (np.zeros(n) for _ in range(6))
    value += rng.gamma(3.0, 1 / scale)
    there = np.arange(n)
    while there.size:
        at[there] += rng.exponential(1 / rate[there])
        there = there[at[there] < age[there] + ahead]
        now = at[there] < age[there]
        paid = rng.gamma(3.0, 1 / scale[there])
        repeats[there] += now
        value[there] += now * paid
        last[there] = np.where(now, at[there], last[there])
        future[there] += ~now
        spent[there] += ~now * paid
        there = there[rng.random(there.size) > stop[there]]
    seen = histories(repeats, np.where(repeats > 0, np.minimum(np.ceil(last), age), 0), age)
    buying, spending = fit_buying(seen), fit_spending(repeats + 1, value / (repeats + 1))
    found = from_purchases(buying, spending, seen, repeats + 1, value / (repeats + 1))
    worth_now = spent * found.mean.sum() / (buying.expected(seen, ahead)[seen.place] * spending.expected(
        repeats + 1, value / (repeats + 1))).sum()  # fmt: skip
    held = np.mean((found.low <= worth_now) & (worth_now <= found.high))
    assert LEVEL - 0.03 < held < LEVEL + 0.03
    assert found.mean.sum() == pytest.approx(worth_now.sum(), rel=0.05)


def test_contracts_bring_what_their_survival_says() -> None:
    renewed = np.repeat(np.arange(12.0), 50)
    model = fit_renewing(renewed, np.tile(np.arange(50) < 8, 12))
    monthly = from_contracts(model, [0, 6], [0, 0], 1, [100, 100])
    by_hand = [100 * (discounts() * model.survival(n, np.arange(1, MONTHS + 1))).sum() for n in (0, 6)]
    assert monthly.mean == pytest.approx(by_hand)
    assert np.all(monthly.low <= monthly.mean)
    assert np.all(monthly.mean <= monthly.high)
    yearly = from_contracts(model, [2], [5], 12, [100])
    chance = np.concatenate([np.zeros(5), np.full(12, model.survival(2, 1)), np.full(7, model.survival(2, 2))])
    assert yearly.mean == pytest.approx([100 * (discounts() * chance).sum()])


def test_a_contract_that_has_ended_brings_nothing() -> None:
    model = fit_renewing(np.repeat(np.arange(5.0), 20), np.tile(np.arange(20) < 5, 5))
    found = from_contracts(model, [3], [0], 1, [0.0])
    assert (found.mean[0], found.low[0], found.high[0]) == (0, 0, 0)


def test_costs_of_nobody_are_shared_out_whole() -> None:
    found = allocations(np.array([300.0, 100.0, -50.0]), 80.0)
    assert found["shared_alike"].tolist() == pytest.approx([80 / 3] * 3)
    assert found["shared_by_revenue"].tolist() == [60.0, 20.0, 0.0]
    assert allocations(np.array([0.0]), 5.0)["shared_by_revenue"].tolist() == [0.0]
