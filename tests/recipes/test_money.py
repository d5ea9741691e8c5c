"""Money: orders, subscriptions and what is left of them, every figure against one computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Homes = Callable[..., Callable[..., list[dict[str, Any]]]]
Check = Callable[..., None]
Csv = Callable[..., pd.DataFrame]


def _repeats(orders: pd.DataFrame, days: int = 90) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Of the buyers in `orders` (who, order, at): who ever bought again, who within days, and whose days are over."""
    turns = orders.groupby(["who", "order"])["at"].min().reset_index().sort_values(["who", "at", "order"])
    first, second = (
        turns.groupby("who")["at"].apply(lambda at, n=n: at.iloc[n] if len(at) > n else pd.NaT) for n in (0, 1)
    )
    span = timedelta(days=days)
    return second.notna(), second - first <= span, first + span <= orders["at"].max()


def _lifespan(orders: pd.DataFrame) -> float:
    """The mean of customers' mean orders by their mean number of orders; `orders` has who, order and net."""
    each = orders.groupby("who").agg(net=("net", "sum"), deals=("order", "nunique"))
    return float((each["net"] / each["deals"]).mean() * each["deals"].mean())


def _repeat_figures(orders: pd.DataFrame) -> dict[str, tuple[float, int, int]]:
    """By variant of the repeat purchase: its figure, of how many, and how many are pending."""
    ever, soon, ripe = _repeats(orders)
    return {
        "repeat_purchase_ever": (100 * ever.mean(), len(ever), 0),
        "repeat_purchase": (100 * soon[ripe].mean(), int(ripe.sum()), int((~ripe).sum())),
    }


# compact discs


@pytest.fixture(scope="module")
def discs(data: Path) -> pd.DataFrame:
    names = ["master", "sample", "day", "discs", "net"]
    frame = pd.read_csv(
        data / "cdnow_sample/CDNOW_sample.txt.gz", sep=r"\s+", names=names, dtype={"master": str, "day": str}
    )
    frame["at"] = pd.to_datetime(frame["day"], format="%Y%m%d")
    return frame.assign(who=frame["master"], order=frame["master"] + " " + frame["day"])


@pytest.mark.slow
def test_cdnow(homes: Homes, same: Check, discs: pd.DataFrame) -> None:
    ask, buyers = homes("cdnow_sample"), discs["who"].nunique()
    same(ask("revenue_per_user")[0], discs["net"].sum() / buyers, buyers)
    same(ask("lifetime_value:revenue")[0], discs["net"].sum() / buyers, buyers)
    same(ask("lifetime_value:deal_size_x_lifespan")[0], _lifespan(discs), buyers)
    for variant, figure in _repeat_figures(discs).items():
        same(ask("retention_rate", variant=variant)[0], *figure)
    (median,) = ask("revenue_per_user:median")
    assert median["value"] == pytest.approx(discs.groupby("who")["net"].sum().median(), rel=1e-9)
    assert (len(discs), buyers, round(discs["net"].sum(), 2)) == (6919, 2357, 244_091.94)
    assert round(_repeats(discs)[0].mean(), 4) == 0.4832
    (historic,) = ask("lifetime_value:historic")
    assert (historic["value"], historic["n"]) == (None, 0)  # what the discs cost is not known, and no margin is set


def test_cdnow_lapsed(homes: Homes, same: Check, discs: pd.DataFrame) -> None:
    start, after, span = pd.Timestamp("1998-01-01"), pd.Timestamp("1998-04-01"), timedelta(days=90)

    def active(at: pd.Timestamp) -> set[str]:
        return set(discs.loc[(discs["at"] <= at) & (discs["at"] + span > at), "who"])

    before = active(start)
    (row,) = homes("cdnow_sample")("churn_rate:inactive", start="1998-01-01", end="1998-04-01")
    same(row, 100 * len(before - active(after)) / len(before), len(before))


def test_cdnow_active_by_quarter(homes: Homes, discs: pd.DataFrame) -> None:
    expected = discs.groupby(discs["at"].dt.to_period("Q"))["who"].nunique()
    rows = homes("cdnow_sample")("active_customers", grain="quarter")
    assert [row["value"] for row in rows] == expected.to_list()


# the British shop: what the other tests of it leave


@pytest.mark.slow
def test_retail_lapsed(homes: Homes, same: Check, data: Path) -> None:
    columns = ["InvoiceNo", "InvoiceDate", "CustomerID"]
    lines = pd.read_parquet(data / "online_retail/online_retail.parquet", columns=columns).dropna()
    lines = lines[~lines["InvoiceNo"].astype(str).str.startswith("C")]
    lines["at"] = pd.to_datetime(lines["InvoiceDate"]).dt.tz_localize("Europe/London")
    orders = lines.groupby(["CustomerID", "InvoiceNo"])["at"].min().reset_index()
    start, after = (pd.Timestamp(day, tz="UTC") for day in ("2023-06-01", "2023-09-01"))

    def active(at: pd.Timestamp) -> set[str]:
        return set(orders.loc[(orders["at"] <= at) & (orders["at"] + timedelta(days=90) > at), "CustomerID"])

    before = active(start)
    (row,) = homes("online_retail")("churn_rate:inactive", start="2023-06-01", end="2023-09-01")
    same(row, 100 * len(before - active(after)) / len(before), len(before))


def test_retail_revenue_to_date_by_country(homes: Homes, data: Path) -> None:
    columns = ["InvoiceNo", "Quantity", "UnitPrice", "CustomerID", "Country"]
    lines = pd.read_parquet(data / "online_retail/online_retail.parquet", columns=columns).dropna()
    lines["net"] = (lines["UnitPrice"] * 10_000).round().astype("int64") * lines["Quantity"]
    lines["who"] = lines["CustomerID"].where(~lines["InvoiceNo"].astype(str).str.startswith("C"))
    each = lines.groupby("Country").agg(net=("net", "sum"), buyers=("who", "nunique"))
    rows = {row["country"]: row for row in homes("online_retail")("revenue_per_user", by="country")}
    assert {country for country, row in rows.items() if row["n"]} == set(each.index)
    assert all(row["value"] is None for row in rows.values() if not row["n"])  # nobody is named there
    for country, (net, buyers) in each.iterrows():
        assert rows[str(country)]["n"] == buyers
        assert rows[str(country)]["value"] == pytest.approx(net / 10_000 / buyers, rel=1e-9)


def test_retail_revenue_to_date(homes: Homes, same: Check, data: Path) -> None:
    columns = ["InvoiceNo", "Quantity", "UnitPrice", "CustomerID"]
    lines = pd.read_parquet(data / "online_retail/online_retail.parquet", columns=columns).dropna()
    lines["net"] = (lines["UnitPrice"] * 10_000).round().astype("int64") * lines["Quantity"]
    buyers = lines.loc[~lines["InvoiceNo"].astype(str).str.startswith("C"), "CustomerID"].unique()
    brought = lines.groupby("CustomerID")["net"].sum()[buyers] / 10_000  # who only sent back has no order that stands
    same(homes("online_retail")("lifetime_value:revenue")[0], brought.mean(), len(buyers))


# the web shop's clicks


@pytest.mark.slow
def test_clicks_revenue_per_user(homes: Homes, same: Check, csv: Csv) -> None:
    frame = csv("shop_clickstream/2019-Oct.csv.gz")
    bought = frame[frame["event_type"] == "purchase"]
    (row,) = homes("shop_clickstream")("revenue_per_user")
    same(row, bought["price"].astype(float).sum() / bought["user_id"].nunique(), bought["user_id"].nunique())


# office supplies


@pytest.fixture(scope="module")
def supplies(csv: Csv) -> pd.DataFrame:
    frame = csv("superstore/superstore.csv.gz")
    frame["at"] = pd.to_datetime(frame["Order Date"])
    numbers = {"net": frame["Sales"].astype(float), "profit": frame["Profit"].astype(float)}
    return frame.assign(who=frame["Customer ID"], order=frame["Order ID"], **numbers)


@pytest.mark.slow
def test_superstore_profit(homes: Homes, same: Check, alike: Check, supplies: pd.DataFrame) -> None:
    ask, profit = homes("superstore"), supplies.groupby("who")["profit"].sum()
    same(ask("customer_profitability")[0], profit.mean(), len(profit))
    same(ask("lifetime_value:historic")[0], profit.mean(), len(profit))
    same(ask("customer_profitability:share_at_loss")[0], 100 * (profit < 0).mean(), len(profit))
    same(ask("customer_profitability:total")[0], profit.sum(), len(profit))
    by = supplies.groupby("Segment").agg(profit=("profit", "sum"), n=("who", "nunique"))
    expected = {segment: tuple(figures) for segment, figures in by.iterrows()}
    alike(ask("customer_profitability:total", by="segment"), "segment", expected)
    assert (round(profit.sum(), 2), round((profit < 0).mean(), 4)) == (221_704.36, 0.1953)


def test_superstore_orders(homes: Homes, same: Check, supplies: pd.DataFrame) -> None:
    ask, buyers = homes("superstore"), supplies["who"].nunique()
    same(ask("revenue_per_user")[0], supplies["net"].sum() / buyers, buyers)
    same(ask("lifetime_value:deal_size_x_lifespan")[0], _lifespan(supplies), buyers)
    for variant, figure in _repeat_figures(supplies).items():
        same(ask("retention_rate", variant=variant)[0], *figure)
    assert (buyers, supplies["order"].nunique(), round(supplies["net"].sum(), 2)) == (558, 3512, 1_640_848.21)


# electronics with add-ons


@pytest.mark.slow
def test_electronics(homes: Homes, same: Check, csv: Csv) -> None:
    frame = csv("electronics_addons/electronic_sales.csv.gz")
    price, more = frame["Total Price"].astype(float), frame["Add-on Total"].astype(float)
    frame = frame.assign(
        who=frame["Customer ID"], net=price + more, more=more, at=pd.to_datetime(frame["Purchase Date"])
    )
    frame["order"] = frame["who"] + frame["SKU"] + frame["Purchase Date"] + frame["Add-on Total"]
    done = frame[frame["Order Status"] == "Completed"]
    ask, buyers = homes("electronics_addons"), done["who"].nunique()
    same(ask("revenue_per_user")[0], done["net"].sum() / buyers, buyers)
    (rate,) = ask("upsell_rate:with_cross_sell")
    assert rate["value"] == pytest.approx(100 * done["more"].sum() / done["net"].sum(), rel=1e-9)
    takers = done.loc[done["Add-ons Purchased"] != "", "who"].nunique()
    same(ask("upsell_rate:takers+with_cross_sell")[0], 100 * takers / buyers, buyers)
    (active,) = ask("active_customers")
    assert active["value"] == buyers
    ever, soon, ripe = _repeats(done)
    # the last cancelled order, too, says up to when there are data
    ripe = done.groupby("who")["at"].min() + timedelta(days=90) <= frame["at"].max()
    same(ask("retention_rate:repeat_purchase_ever")[0], 100 * ever.mean(), buyers)
    same(ask("retention_rate:repeat_purchase")[0], 100 * soon[ripe].mean(), int(ripe.sum()), int((~ripe).sum()))
    assert (round(done["more"].sum(), 2), round((price[done.index]).sum(), 2)) == (502_496.18, 25_991_012.14)
    assert (round((frame["Order Status"] == "Cancelled").mean(), 4), round(ever.mean(), 4)) == (0.3259, 0.3241)


# the telephone companies


@pytest.mark.slow
def test_maven_referrals(homes: Homes, same: Check, csv: Csv) -> None:
    made = csv("telco_referrals_maven/telecom_customer_churn.csv.gz")["Numberofreferrals "].astype(int)
    ask, quarter = homes("telco_referrals_maven"), {"start": "2022-04-01", "end": "2022-07-01"}
    same(ask("referral_rate", **quarter)[0], 100 * (made > 0).mean(), len(made))
    same(ask("referral_rate:referrals", **quarter)[0], 100 * made.mean(), len(made))
    assert (round((made > 0).mean(), 4), round(made.mean(), 4), made.max()) == (0.4542, 1.9365, 11)


@pytest.mark.slow
def test_maven_churn_and_revenue(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("telco_referrals_maven/telecom_customer_churn.csv.gz").rename(columns=str.strip)
    charge = frame["Monthlycharge"].astype(float).clip(lower=0)  # a credit is no price
    left, old = frame["Customerstatus"] == "Churned", frame["Tenureinmonths"].astype(int) > 3
    ask, quarter = homes("telco_referrals_maven"), {"start": "2022-04-01", "end": "2022-07-01"}
    same(ask("churn_rate", **quarter)[0], 100 * left[old].mean(), int(old.sum()))
    same(ask("retention_rate", **quarter)[0], 100 * (~left[old]).mean(), int(old.sum()))
    kept = 100 * charge[old & ~left].sum() / charge[old].sum()
    same(ask("gross_revenue_retention:quarterly", **quarter)[0], kept, int(old.sum()))
    same(ask("mrr", **quarter)[0], charge[~left].sum(), int((~left).sum()))
    moved = int((old | ~left).sum())
    same(ask("mrr:churn", **quarter)[0], -charge[old & left].sum(), moved)
    same(ask("mrr:new", **quarter)[0], charge[~old & ~left].sum(), moved)
    contracts = {c: (100 * gone.mean(), len(gone)) for c, gone in left[old].groupby(frame["Contract"])}
    alike(ask("churn_rate", by="segment", **quarter), "segment", contracts)
    revenue, refunds = frame["Totalrevenue"].astype(float), frame["Totalrefunds"].astype(float)
    same(ask("revenue_per_user")[0], revenue.mean(), len(frame))
    same(ask("revenue_per_user:gross")[0], (revenue + refunds).mean(), len(frame))
    same(ask("lifetime_value:revenue")[0], revenue.mean(), len(frame))
    reasons = ask("mrr:churn", by="churn_category", where="churn_category is not null", **quarter)
    named = old & left & ~frame["Churncategory"].isin(["", "NA", "None"])
    lost = charge[named].groupby(frame["Churncategory"]).sum().to_dict()
    assert {row["churn_category"]: -row["value"] for row in reasons} == pytest.approx(lost)
    assert (round(revenue.sum(), 2), round(refunds.sum(), 2)) == (12_809_285.99, 8_434.69)


@pytest.mark.slow
def test_telco_revenue(homes: Homes, same: Check, csv: Csv) -> None:
    frame = csv("telco_churn_ibm/Telco-Customer-Churn.csv.gz")
    charge, left = frame["MonthlyCharges"].astype(float), frame["Churn"] == "Yes"
    ask, month = homes("telco_churn_ibm"), {"start": "2023-12-01", "end": "2024-01-01"}
    same(ask("retention_rate", **month)[0], 100 * (~left).mean(), len(frame))
    same(ask("net_revenue_retention:monthly", **month)[0], 100 * charge[~left].sum() / charge.sum(), len(frame))
    same(ask("mrr", **month)[0], charge[~left].sum(), int((~left).sum()))
    same(ask("mrr:churn", **month)[0], -charge[left].sum(), len(frame))
    # who left did so on the last day, of which they did not pay
    paid = charge.where(~left, charge * 30 / 31)
    same(ask("revenue_per_user", **month)[0], paid.mean(), len(frame))
    # in November all who came before it paid all of it
    november = frame["tenure"].astype(int) >= 1
    (row,) = ask("revenue_per_user", start="2023-11-01", end="2023-12-01")
    same(row, charge[november].mean(), int(november.sum()))
    (value,) = ask("lifetime_value:arpu_over_churn", **month)
    assert value["value"] == pytest.approx(charge.sum() / left.sum(), rel=1e-9)
    assert round(charge.mean(), 4) == 64.7617


# RavenStack


@pytest.fixture(scope="module")
def plans(csv: Csv) -> pd.DataFrame:
    frame = csv("ravenstack_saas/ravenstack_subscriptions.csv.gz")
    frame["start"] = pd.to_datetime(frame["start_date"])
    frame["end"] = pd.to_datetime(frame["end_date"].replace("", None)).fillna(pd.Timestamp("2100-01-01"))
    frame["mrr"] = frame["mrr_amount"].astype(float)
    return frame[(frame["is_trial"].str.upper() != "TRUE") & (frame["mrr"] > 0) & (frame["end"] > frame["start"])]


def _running(plans: pd.DataFrame, at: pd.Timestamp) -> pd.Series:
    return plans[(plans["start"] <= at) & (plans["end"] > at)].groupby("account_id")["mrr"].sum()


@pytest.mark.slow
def test_ravenstack_mrr_and_its_bridge(homes: Homes, plans: pd.DataFrame) -> None:
    ask = homes("ravenstack_saas")
    quarter: dict[str, Any] = {"grain": "quarter", "start": "2024-01-01", "end": "2025-01-01"}
    parts = {part: ask(f"mrr:{part}", **quarter) for part in ("new", "expansion", "contraction", "churn", "change")}
    parts["reactivation"] = ask("mrr:reactivation", **quarter)
    for number, row in enumerate(ask("mrr", **quarter)):
        first, last = pd.Timestamp(row["period_start"]), pd.Timestamp(row["period_end"])
        after = _running(plans, last)
        assert (row["value"], row["n"]) == (after.sum(), len(after))
        expected = _bridge(plans, first, last)
        found = {part: rows[number]["value"] for part, rows in parts.items()}
        assert found == pytest.approx(expected)
        assert sum(v for part, v in found.items() if part != "change") == found["change"]


def _bridge(plans: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, float]:
    before, after = _running(plans, first), _running(plans, last)
    both = pd.concat([before, after], axis=1, keys=["a", "b"]).fillna(0.0)
    known = set(plans.loc[plans["start"] <= first, "account_id"])
    window = plans[(plans["start"] <= last) & (plans["end"] > first)].sort_values(["start", "end"])
    left = {who for who, spans in window.groupby("account_id") if who in before.index and _gap(spans, first)}
    come, gone = both["a"] == 0, (both["b"] == 0) | both.index.isin(left)
    back = (come & both.index.isin(known)) | (both.index.isin(left) & (both["b"] > 0))
    grown, kept = both["b"] - both["a"], (both["a"] > 0) & ~gone
    return {
        "new": both.loc[come & ~both.index.isin(known), "b"].sum(),
        "expansion": grown[kept].clip(lower=0).sum(),
        "contraction": grown[kept].clip(upper=0).sum(),
        "churn": -both.loc[gone & (both["a"] > 0), "a"].sum(),
        "reactivation": both.loc[back, "b"].sum(),
        "change": after.sum() - before.sum(),
    }


def _gap(spans: pd.DataFrame, first: pd.Timestamp) -> bool:
    """Whether all subscriptions of a customer had ended at some time of the window before another began."""
    reach = spans["end"].cummax().shift().fillna(first).clip(lower=first)
    return bool((spans["start"] > reach).any())


def test_ravenstack_expansion(homes: Homes, same: Check, plans: pd.DataFrame) -> None:
    first, last = pd.Timestamp("2024-10-01"), pd.Timestamp("2025-01-01")
    before = _running(plans, first)
    (row,) = homes("ravenstack_saas")("upsell_rate:expansion", start="2024-10-01", end="2025-01-01")
    same(row, 100 * _bridge(plans, first, last)["expansion"] / before.sum(), len(before))


def test_ravenstack_revenue_per_account(homes: Homes, same: Check, plans: pd.DataFrame) -> None:
    first, last = pd.Timestamp("2024-12-01"), pd.Timestamp("2025-01-01")
    month = plans[(plans["start"] < last) & (plans["end"] > first)]
    days = (month["end"].clip(upper=last) - month["start"].clip(lower=first)).dt.total_seconds() / 86400
    accounts = month["account_id"].nunique()
    (row,) = homes("ravenstack_saas")("revenue_per_user", start="2024-12-01", end="2025-01-01")
    same(row, (month["mrr"] * days / 31).sum() / accounts, accounts)


def test_ravenstack_usage(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    owners = csv("ravenstack_saas/ravenstack_subscriptions.csv.gz").set_index("subscription_id")["account_id"]
    usage = csv("ravenstack_saas/ravenstack_feature_usage.csv.gz")
    usage = usage.assign(who=usage["subscription_id"].map(owners), at=pd.to_datetime(usage["usage_date"]))
    usage = usage[usage["usage_count"] != "0"]
    ask = homes("ravenstack_saas")
    quarters = usage.groupby(usage["at"].dt.to_period("Q"))["who"].nunique()
    assert [row["value"] for row in ask("active_customers", grain="quarter")] == quarters.to_list()
    active = usage["who"].nunique()
    shares = {f: (100 * who.nunique() / active, active) for f, who in usage.groupby("feature_name")["who"]}
    alike(ask("feature_adoption", by="feature"), "feature", shares)
