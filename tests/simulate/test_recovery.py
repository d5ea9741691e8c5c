"""The product's own KPIs find in the rows what `truth.json` says: rates, drivers, anomalies, topics, silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from wellheard.app import ImportCall, Workspace
from wellheard.simulate import Written, simulate

pytestmark = pytest.mark.slow

SEGMENTS = ["SMB", "Mid-market", "Enterprise"]
REGIONS = ["Europe", "North America", "Asia-Pacific"]
READ = (
    "touchpoints", "fx_rates", "accounts", "customers", "subscriptions", "survey_invitations", "survey_responses",
    "carts", "conversations",
)  # fmt: skip
KNOWN = {"where": "customer_id is not null"}


def load(workspace: Workspace, written: Written, tables: tuple[str, ...]) -> None:
    files = {table: path for table, path, _ in written.files}
    for table in tables:
        workspace.import_files(ImportCall(paths=(files[table],), table=table, source="simulated"))


@pytest.fixture(scope="module")
def ask(history: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Asks a KPI of two years of 3,000 contacts, in UTC."""
    with Workspace(tmp_path_factory.mktemp("larkfield-home")) as workspace:
        load(workspace, history.written, READ)
        first = history.truth["months"][0]  # contracts are older than what is told of them
        yield lambda name, **how: workspace.kpi(name, start=first, **how).to_list()


@pytest.fixture(scope="module")
def sums(history: Any) -> dict[str, np.ndarray]:
    """Expected sums by month, segment and region."""
    return {name: np.array(values) for name, values in history.truth["expected"]["sums"].items()}


def counted(rows: list[dict[str, Any]]) -> float:
    """How many rows of a share are good, over all groups of an answer."""
    return sum(row["value"] / 100 * row["n"] for row in rows if row["n"])


# What each KPI should show, as the sums above and below the line.
RATES: dict[str, tuple[dict[str, str], Callable[[dict[str, Any]], Any], Callable[[dict[str, Any]], Any]]] = {
    "nps": ({}, lambda s: s["nps_promoters"] - s["nps_detractors"], lambda s: s["nps_answers"]),
    "csat": (
        {},
        lambda s: s["csat_after_support_satisfied"] + s["csat_after_purchase_satisfied"],
        lambda s: s["csat_after_support_answers"] + s["csat_after_purchase_answers"],
    ),
    "ces": ({}, lambda s: s["ces_easy"], lambda s: s["ces_answers"]),
    "churn_rate": ({"variant": "by_account"}, lambda s: s["churn_expected"], lambda s: s["churn_at_risk"]),
    "cart_abandonment_rate": (KNOWN, lambda s: s["carts_known"] - s["carts_bought"], lambda s: s["carts_known"]),
}


@pytest.mark.parametrize(("dimension", "axis"), [("segment", 2), ("region", 1)])
def test_95_of_100_intervals_hold_the_true_rate_of_their_month_and_group(
    ask: Callable[..., Any], sums: dict[str, Any], history: Any, dimension: str, axis: int
) -> None:
    names = SEGMENTS if dimension == "segment" else REGIONS
    held = []
    for kpi, (how, above, below) in RATES.items():
        truth = 100 * above(sums).sum(axis=axis) / np.maximum(below(sums).sum(axis=axis), 1e-12)
        for row in ask(kpi, by=dimension, grain="month", **how):
            if row[dimension] in names and row["n"]:
                month = history.truth["months"].index(row["period_start"])
                value = truth[month, names.index(row[dimension])]
                held.append(row["low"] - 1e-9 <= value <= row["high"] + 1e-9)
    assert len(held) > 340
    noise = 3 * np.sqrt(0.95 * 0.05 / len(held))
    assert abs(np.mean(held) - 0.95) < noise, (np.mean(held), len(held))


def churned(ask: Callable[..., Any], by: str, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Accounts lost and accounts at risk, over all months, by group."""
    rows = ask("churn_rate", variant="by_account", by=by, grain="month")
    mine = [[row for row in rows if row[by] == name] for name in names]
    return np.array([counted(each) for each in mine]), np.array([sum(row["n"] for row in each) for each in mine])


@pytest.mark.parametrize(("driver", "names"), [("segment", SEGMENTS), ("region", REGIONS)])
def test_drivers_of_churn(ask: Callable[..., Any], history: Any, driver: str, names: list[str]) -> None:
    lost, risk = churned(ask, driver, names)
    truth = history.truth["churn_drivers"][driver]
    for place, name in enumerate(names[1:], 1):
        found = np.log((lost[place] / risk[place]) / (lost[0] / risk[0]))
        # Groups differ in mood and contracts by chance too, so the parameter is met within the noise of both counts.
        assert abs(found - np.log(truth[name])) < 3 * np.sqrt(1 / lost[place] + 1 / lost[0]), name


def test_dropout_of_lifetimes(ask: Callable[..., Any], sums: dict[str, Any], history: Any) -> None:
    lost, _ = churned(ask, "segment", SEGMENTS)
    expected = sums["churn_expected"].sum(axis=(0, 2))
    assert (np.abs(lost - expected) < 3 * np.sqrt(expected)).all()
    told = history.truth["lifetimes"]["dropout_a_month"]
    assert told == {each["name"]: each["churn"] for each in history.truth["parameters"]["segments"]}


def test_orders_of_lifetimes(ask: Callable[..., Any], sums: dict[str, Any], history: Any) -> None:
    rows = ask("cart_abandonment_rate", by="segment", **KNOWN)
    expected, months = sums["orders"].sum(axis=(0, 2)), sums["contact_months"].sum(axis=(0, 2))
    orders = np.array([sum(r["n"] for r in rows if r["segment"] == s) for s in SEGMENTS])
    orders = orders - np.array([counted([r for r in rows if r["segment"] == s]) for s in SEGMENTS])
    assert (np.abs(orders - expected) < 3.5 * np.sqrt(expected)).all()
    # Season, growth and mood move every segment alike, so what is left between segments are the parameters.
    rate = expected / months
    told = np.array([history.truth["lifetimes"]["orders_a_month"][s] for s in SEGMENTS])
    assert rate / rate[0] == pytest.approx(told / told[0], rel=0.1)


def test_anomalies_stand_out_in_their_month_and_region(ask: Callable[..., Any], history: Any) -> None:
    told = {each["rate"]: each for each in history.truth["anomalies"]}
    month = history.truth["months"].index(told["volume"]["months"][0])
    assert month == history.truth["incident"]["month"]
    volume = np.zeros((24, 3))
    for row in ask("conversation_volume", by="region", grain="month"):
        if row["region"] in REGIONS:
            volume[history.truth["months"].index(row["period_start"]), REGIONS.index(row["region"])] = row["value"]
    jump = volume[3:] / (volume[:-3] + volume[1:-2] + volume[2:-1]) * 3
    assert np.unravel_index(jump.argmax(), jump.shape) == (month - 3, 0)  # Europe
    size = told["volume"]["size_by_region"]["Europe"][0]
    assert abs(np.log(jump[month - 3, 0] / size)) < 0.25
    rows = {row["period_start"]: row for row in ask("nps", grain="month", where="region = 'Europe'")}
    bad = rows[told["nps"]["months"][0]]
    before = [rows[day]["value"] for day in history.truth["months"][month - 6 : month]]
    assert told["nps"]["size_by_region"]["Europe"][0] < 0
    assert bad["high"] < np.mean(before)


def test_topics(ask: Callable[..., Any], history: Any) -> None:
    topics = history.truth["topics"]
    shares = np.array(topics["shares"])
    seen = np.zeros(shares.shape)
    for row in ask("conversation_volume", by=["region", "topic"], grain="month"):
        if row["region"] in REGIONS and row["topic"]:
            month = history.truth["months"].index(row["period_start"])
            seen[month, REGIONS.index(row["region"]), topics["names"].index(row["topic"])] = row["value"]
    expected = seen.sum(axis=2, keepdims=True) * shares
    for place, region in enumerate(REGIONS):
        found, meant = seen[:, place].sum(axis=0), expected[:, place].sum(axis=0)
        assert stats.chisquare(found, meant * found.sum() / meant.sum()).pvalue > 0.001, region
    slow, bad = topics["names"].index("performance"), history.truth["incident"]["month"]
    assert seen[bad, 0, slow] / seen[bad, 0].sum() > 2 * seen[:bad, 0, slow].sum() / seen[:bad, 0].sum()


def test_silence(ask: Callable[..., Any], sums: dict[str, Any], history: Any) -> None:
    """Who answers is gladder than who was asked: the product shows the one, and the truth tells both."""
    part = {name: values.sum() for name, values in sums.items()}
    naive = 100 * (part["nps_promoters"] - part["nps_detractors"]) / part["nps_answers"]
    true = 100 * (part["nps_invited_promoters"] - part["nps_invited_detractors"]) / part["nps_invited_answers"]
    (row,) = ask("nps")
    assert row["low"] < naive < row["high"]
    assert naive - true > 2
    told = history.truth["nonresponse"]
    # Invitations of the last month may be answered after the history's end.
    answering = told["complete"] * sums["answering_relationship"][:-1].sum(axis=(0, 2))
    delivered = (1 - told["bounced"]) * sums["invited_relationship"][:-1].sum(axis=(0, 2))
    rows = {
        r["segment"]: r for r in ask("response_rate", variant="for_nps", by="segment", end=history.truth["months"][-1])
    }
    for segment, rate in zip(SEGMENTS, answering / delivered, strict=True):
        half = (rows[segment]["high"] - rows[segment]["low"]) / 2
        assert abs(rows[segment]["value"] - 100 * rate) < 1.6 * half, segment  # three standard errors


def test_seasons(ask: Callable[..., Any], history: Any) -> None:
    """The parameters' season is what the carts of two years show, once growth is taken out."""
    rows = ask("cart_abandonment_rate", grain="month")
    carts = np.array([row["n"] for row in rows[:24]]) / (1 + 0.012 * np.arange(24))
    season = np.array(history.truth["parameters"]["season_by_calendar_month"])
    month = np.array([int(row["period_start"][5:7]) - 1 for row in rows[:24]])
    noise = np.sqrt(carts)
    scale = carts.sum() / season[month].sum()
    assert ((carts - scale * season[month]) ** 2 / (1.5 * noise**2)).mean() < 2.5
    assert np.corrcoef(carts, season[month])[0, 1] > 0.8


def test_duplicates_change_no_figure(tmp_path: Path) -> None:
    tables = ("accounts", "customers", "survey_responses", "subscriptions", "conversations")
    answers = []
    for name, share in (("plain", 0.0), ("twice", 0.2)):
        with Workspace(tmp_path / f"{name}-home") as workspace:
            load(workspace, simulate(tmp_path / name, customers=250, months=9, duplicates=share), tables)
            asked = [("nps", "month"), ("csat", None), ("churn_rate", "month"), ("conversation_volume", "month")]
            found = [workspace.kpi(kpi, grain=grain).to_list() for kpi, grain in asked]
            answers.append([[{k: v for k, v in r.items() if k != "snapshot"} for r in rows] for rows in found])
    assert answers[0] == answers[1]
    assert all(rows for rows in answers[0])
