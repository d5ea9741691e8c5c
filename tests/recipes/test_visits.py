"""Visits and carts: every figure against one computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

Homes = Callable[..., Callable[..., list[dict[str, Any]]]]
Check = Callable[..., None]
Csv = Callable[..., pd.DataFrame]


def _shares(good: pd.Series, by: pd.Series) -> dict[Any, tuple[float, int]]:
    return {key: (100 * part.mean(), len(part)) for key, part in good.groupby(by)}


@pytest.mark.slow
def test_shoppers_conversion(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("online_shoppers/online_shoppers_intention.csv.gz")
    bought, ask = frame["Revenue"].str.upper() == "TRUE", homes("online_shoppers")
    same(ask("conversion_rate")[0], 100 * bought.mean(), len(frame))
    same(ask("conversion_rate:by_visit")[0], 100 * bought.mean(), len(frame))
    for by, column in (("visitor_type", "VisitorType"), ("channel", "TrafficType")):
        alike(ask("conversion_rate:by_visit", by=by), by, _shares(bought, frame[column]))
    assert (len(frame), round(bought.mean(), 4)) == (8640, 0.1557)


@pytest.mark.slow
def test_bank_conversion(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("bank_marketing/bank.csv.gz")
    took, ask = frame["deposit"] == "yes", homes("bank_marketing")
    same(ask("conversion_rate")[0], 100 * took.mean(), len(frame))
    for by, column in (("previous_outcome", "poutcome"), ("job", "job")):
        alike(ask("conversion_rate", by=by), by, _shares(took, frame[column]))
    assert (len(frame), round(took.mean(), 4)) == (31745, 0.1166)


@pytest.mark.slow
def test_leads_conversion(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    leads = csv("olist/olist_marketing_qualified_leads_dataset.csv.gz")
    won, ask = leads["mql_id"].isin(csv("olist/olist_closed_deals_dataset.csv.gz")["mql_id"]), homes("olist")
    same(ask("conversion_rate")[0], 100 * won.mean(), len(leads))
    rows = ask("conversion_rate", by="channel")
    alike(
        rows,
        "channel",
        _shares(won, leads["origin"].replace("", None).fillna("?").replace("?", None))
        | {None: (100 * won[leads["origin"] == ""].mean(), int((leads["origin"] == "").sum()))},
    )
    referred = next(row["n"] for row in rows if row["channel"] == "referral")
    assert (len(leads), int(won.sum()), round(referred / len(leads), 4)) == (5563, 256, 0.0361)


def test_olist_buyers_by_month(homes: Homes, csv: Csv) -> None:
    frame = csv("olist/olist_orders_dataset.csv.gz")
    frame = frame[~frame["order_status"].isin(["canceled"])]
    at = pd.to_datetime(frame["order_purchase_timestamp"]).dt.tz_localize("America/Sao_Paulo", ambiguous=True)
    month = at.dt.tz_convert("UTC").dt.strftime("%Y-%m-01")
    found = {row["period_start"]: row["value"] for row in homes("olist")("active_customers", grain="month") if row["n"]}
    assert found == frame.groupby(month)["customer_id"].nunique().to_dict()


# the small shop's funnel


@pytest.fixture(scope="module")
def steps(csv: Csv) -> pd.DataFrame:
    frame = csv("simple_shop_events/simple-onlineshop.csv.gz")
    return frame.assign(at=pd.to_datetime(frame["timestamp"]))


@pytest.mark.slow
def test_shop_funnel(homes: Homes, same: Check, alike: Check, steps: pd.DataFrame) -> None:
    ask, visitors = homes("simple_shop_events"), steps["user_id"].nunique()
    reached = steps.groupby("event")["user_id"].nunique()
    alike(
        ask("feature_adoption", by="feature"),
        "feature",
        {event: (100 * n / visitors, visitors) for event, n in reached.items()},
    )
    same(ask("conversion_rate")[0], 100 * reached["payment_done"] / visitors, visitors)
    assert (visitors, reached["catalog"], reached["cart"], reached["payment_done"]) == (3751, 3611, 1924, 653)
    months = steps.groupby(steps["at"].dt.to_period("M"))["user_id"].nunique()
    assert [row["value"] for row in ask("active_customers", grain="month")] == months.to_list()


def test_shop_carts(homes: Homes, same: Check, steps: pd.DataFrame) -> None:
    first = steps.pivot_table(index="user_id", columns="event", values="at", aggfunc="min")
    carts = first[first["cart"].notna()]
    left = carts["payment_done"].isna()
    whole = homes("simple_shop_events", WELLHEARD_CART_MINUTES="0")
    for variant in ("cart_abandonment_rate", "cart_abandonment_rate:by_visitor"):
        same(whole(variant)[0], 100 * left.mean(), len(carts))
    out = carts["delivery_choice"].notna()
    same(whole("cart_abandonment_rate:checkout")[0], 100 * left[out].mean(), int(out.sum()))
    assert (len(carts), round(left.mean(), 4)) == (1924, 0.6606)
    last = steps.groupby("user_id")["at"].max()[carts.index]
    ripe = last + pd.Timedelta(minutes=30) <= steps["at"].max()
    (row,) = homes("simple_shop_events")("cart_abandonment_rate")
    same(row, 100 * left[ripe].mean(), int(ripe.sum()), int((~ripe).sum()))
