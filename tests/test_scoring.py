"""Scores from rows to the list of customers: made once, never rewritten, gone on with, and taken back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from wellheard.base.errors import BadCall, BadInput
from wellheard.cli import app
from wellheard.enrich.judging import auc
from wellheard.enrich.snapshot import outcomes, score_snapshot, train_snapshot
from wellheard.insights.customers import Wanted, customers, plain
from wellheard.insights.dossier import dossier
from wellheard.scoring import cards, score, score_from_snapshot
from wellheard.serving import services_of
from wellheard.warehouse import scores
from wellheard.web.server import make_app

START = np.datetime64("2025-01-01")
LEFT = {"c7": "2026-02-20", "c8": "2025-01-02"}  # c8 has bought since


def _shop(customers: int = 120) -> dict[str, list[dict[str, Any]]]:
    """A shop: everybody buys at a pace of their own and some stop; the first costs more than he brings."""
    rng = np.random.default_rng(11)
    orders = []
    for number in range(customers):
        day, pace = rng.integers(0, 200), rng.gamma(2.0, 25.0)
        while day < 420 and len(orders) < 4000:
            orders.append((f"c{number}", str(START + int(day)), float(rng.gamma(4.0, 10.0))))
            day += 1 + rng.exponential(pace)
            if rng.random() < 0.25:
                break
    rows = [
        {"source_id": str(n), "customer_id": who, "ordered_at": day, "revenue": round(paid, 2), "currency": "EUR",
         "goods_cost": round(paid / 2, 2), "kind": "new"}
        for n, (who, day, paid) in enumerate(orders)
    ]  # fmt: skip
    people = [
        {"source_id": f"c{n}", "created_at": "2025-01-01", "segment": "even" if n % 2 == 0 else "odd",
         "ended_at": LEFT.get(f"c{n}")}
        for n in range(customers)
    ]  # fmt: skip
    costs = [
        {"source_id": "1", "customer_id": "c0", "kind": "acquisition", "amount": 5000, "currency": "EUR",
         "incurred_at": "2025-06-01"},
        {"source_id": "2", "kind": "tooling", "amount": 240, "currency": "EUR", "incurred_at": "2025-06-01"},
    ]  # fmt: skip
    return {"orders": rows, "customers": people, "costs": costs}


@pytest.fixture(scope="module")
def shop(new_desk: Any) -> Any:
    desk = new_desk()
    desk.deliver(_shop())
    score(desk.workspace)
    return desk


def listed(desk: Any, **how: Any) -> list[dict[str, Any]]:
    with desk.workspace.lake.reading():
        return plain(customers(desk.workspace.lake, Wanted(**how)))


@pytest.mark.slow
def test_one_row_a_customer_with_what_was_scored(shop: Any) -> None:
    rows = listed(shop)
    assert len(rows) == 120
    assert len({row["customer_id"] for row in rows}) == 120
    margins = "select customer_id, sum(revenue - goods_cost)::double as margin from facts.main.orders group by 1"
    spent = shop.sql(margins).set_index("customer_id")["margin"]
    bought = [row for row in rows if row["customer_id"] in spent.index]
    for row in bought:
        cost = 5000 if row["customer_id"] == "c0" else 0
        assert row["profit"] == pytest.approx(spent[row["customer_id"]] - cost)
        assert row["lifetime_value_low"] <= row["lifetime_value"] + 1e-9 <= row["lifetime_value_high"] + 1e-6, row
        assert row["lifetime_value"] >= spent[row["customer_id"]] - 0.01
        assert 0 <= (row["churn_risk_90d"] if row["churn_risk_90d"] is not None else 0) <= 1
        assert row["currency"] == "EUR"
    assert {row["as_of"] for row in bought} == {rows_as_of(shop)}


def rows_as_of(shop: Any) -> str:
    (at,) = scores.instants(shop.workspace.lake)
    return at.isoformat()


@pytest.mark.slow
def test_who_has_left_brings_nothing_more(shop: Any) -> None:
    stored = shop.sql("select * from facts.main.customer_scores where kind = 'lifetime_value' and as_of > '2026-01-01'")
    by_id = stored.set_index("customer_id")
    ahead = {who: float(dict(attributes)["ahead"]) for who, attributes in by_id["attributes"].items()}
    assert ahead["c7"] == 0
    assert by_id.loc["c7", "low"] == by_id.loc["c7", "value"] == by_id.loc["c7", "high"]
    assert ahead["c8"] > 0


@pytest.mark.slow
def test_filters_orders_and_columns(shop: Any) -> None:
    low = listed(shop, where="profit < 0", columns=("customer_id", "profit"))
    assert [row["customer_id"] for row in low] == ["c0"]
    assert set(low[0]) == {"customer_id", "profit"}
    even = listed(shop, where="segment = 'even' and lifetime_value > 0", order="-lifetime_value", limit=5)
    values = [row["lifetime_value"] for row in even]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)


@pytest.mark.slow
def test_the_kpis_read_what_was_scored(shop: Any) -> None:
    found = listed(shop, where="lifetime_value is not null")
    one = shop.one("lifetime_value")
    assert one["n"] == len(found)
    assert one["value"] == pytest.approx(np.mean([row["lifetime_value"] for row in found]))
    total = shop.one("customer_profitability", variant="total")
    assert total["value"] == pytest.approx(sum(row["profit"] for row in found))


@pytest.mark.slow
def test_a_score_is_made_once_and_a_run_goes_on_where_it_was_broken_off(shop: Any) -> None:
    lake = shop.workspace.lake
    before = shop.sql("select * from facts.main.customer_scores order by id")
    at, steps = score(shop.workspace)
    assert [step.rows for step in steps] == [0] * len(steps)
    assert shop.sql("select * from facts.main.customer_scores order by id").equals(before)

    earlier = datetime(2025, 11, 1, tzinfo=UTC)
    _, first = score(shop.workspace, earlier, ("lifetime_value",))
    assert first[0].rows > 0
    _, rest = score(shop.workspace, earlier, ("lifetime_value", "profit"))
    assert (rest[0].rows, rest[1].rows > 0) == (0, True)
    assert scores.instants(lake) == (at, earlier)
    again = shop.sql("select * from facts.main.customer_scores where as_of > '2025-12-01' order by id")
    assert again.equals(before)

    for step in (first[0], rest[1]):
        shop.workspace.undo(step.import_id)
    assert scores.instants(lake) == (at,)


@pytest.mark.slow
def test_scores_name_their_model_and_the_state_of_the_data(shop: Any) -> None:
    models = set(
        shop.sql("select distinct model from facts.main.customer_scores where kind = 'lifetime_value'")["model"]
    )
    card = cards(shop.workspace, "lifetime_value")[0]
    assert models == {f"bg-nbd-1+gamma-gamma-1@{card['snapshot']}"}
    assert card["models"]["bg-nbd-1+gamma-gamma-1"]["buying"]["parameters"]["r"]["value"] > 0
    assert card["margin"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_a_dossier_tells_what_happened_and_what_to_do(shop: Any) -> None:
    with shop.workspace.lake.reading():
        told = dossier(shop.workspace.lake, "customer", "c0")
    assert {score["kind"] for score in told.scores} >= {"profit", "lifetime_value"}
    assert [event.table for event in told.events].count("orders") == len(
        shop.sql("select 1 from facts.main.orders where customer_id = 'c0'")
    )
    assert list(told.events) == sorted(told.events, key=lambda e: e.at, reverse=True)
    assert told.next_action[0]


@pytest.mark.slow
def test_the_command_lists_customers_as_json(shop: Any) -> None:
    home = str(shop.workspace.home)
    ran = CliRunner().invoke(app, ["--home", home, "customers", "--where", "profit < 0", "--format", "json"])
    assert ran.exit_code == 0, ran.output
    (row,) = json.loads(ran.stdout)
    needed = {"customer_id", "as_of", "health", "health_coverage", "churn_risk_90d", "lifetime_value", "profit"}
    assert needed <= set(row)
    ran = CliRunner().invoke(app, ["--home", home, "customers", "--columns", "luck"])
    assert ran.exit_code != 0
    assert "luck" in str(ran.exception)


def _snapshot(rows: int, seed: int = 6) -> pd.DataFrame:
    """A row a customer and no dates: a number, a trait, who left, and a column that was filled in afterwards."""
    rng = np.random.default_rng(seed)
    calls, plan = rng.poisson(2.0, rows), rng.choice(["monthly", "yearly"], rows)
    left = rng.random(rows) < 1 / (1 + np.exp(2.5 - 0.8 * calls + 1.5 * (plan == "yearly")))
    return pd.DataFrame(
        {"who": [f"s{n}" for n in range(rows)], "calls": calls, "plan": plan, "gone": np.where(left, "Yes", "No"),
         "farewell": np.where(left, 1.0, np.nan)}
    )  # fmt: skip


@pytest.mark.slow
def test_a_snapshot_is_learned_from_and_marked_as_one(new_desk: Any, tmp_path: Path) -> None:
    desk = new_desk()
    rows = _snapshot(900)
    rows.loc[rows.index[-5:], "gone"] = ""  # of whom nothing is known yet
    file, chances = tmp_path / "customers.csv", tmp_path / "chances.csv"
    rows.to_csv(file, index=False)
    told = ["--snapshot", str(file), "--outcome", "gone=Yes", "--key", "who", "--out", str(chances), "--format", "json"]
    ran = CliRunner().invoke(app, ["--home", str(desk.workspace.home), "score", *told])
    assert ran.exit_code == 0, ran.output
    (found,) = json.loads(ran.stdout)
    assert found["validated"] == "by 10 parts of the customers of a labelled snapshot"
    assert (found["examples"], found["rows"], found["left_out"]) == (895, 900, "farewell")

    written = pd.read_csv(chances)
    known = written["left"].notna().to_numpy()
    seen = auc(written["left"][known], written["chance"][known])
    assert found["auc"] == pytest.approx(seen.auc, abs=1e-4)
    assert 0.7 < seen.auc < 0.9

    stored = desk.sql("select * from facts.main.customer_scores where kind = 'churn_risk_snapshot'")
    by_key = stored.set_index("customer_id").loc[rows["who"], "value"].to_numpy()
    gone = (rows["gone"] == "Yes").to_numpy()
    assert np.isnan(by_key[gone]).all()  # who has left is at no risk any more
    assert by_key[~gone] == pytest.approx(written["chance"].to_numpy()[~gone])
    assert set(stored["model"].str.split(" ").str[0]) == {"churn-snapshot-1"}

    (card,) = cards(desk.workspace, "churn_risk_snapshot")
    assert card["file_hash"] == hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    assert set(stored["model"].str.split("@").str[1]) == {f"{card['snapshot']}+{card['file_hash']}"}
    at = datetime.fromisoformat(card["as_of"])
    with pytest.raises(BadCall, match="already"):
        score_from_snapshot(desk.workspace, file, "gone=Yes", "who", as_of=at)
    assert cards(desk.workspace, "churn_risk_snapshot") == [card]

    with TestClient(make_app(services_of(desk.workspace), warm=False), base_url="http://127.0.0.1") as client:
        page = client.get("/models/churn_risk_snapshot").text
        assert "Who has gone = Yes in customers.csv" in page
        assert "by 10 parts of the customers of a labelled snapshot" in page
        assert "farewell" in page
        listing = client.get("/customers", params={"order": "-churn_risk_snapshot"}).text
        assert "These are risks by a labelled snapshot alone" in listing
        assert "Nobody is scored" not in listing
        assert "Risk of leaving, by a labelled snapshot" in client.get(f"/customers/{rows['who'].iloc[0]}").text


@pytest.mark.parametrize(
    ("outcome", "says"), [("gone", "names no outcome"), ("gone=Perhaps", "0 of 900"), ("luck=Yes", "no column 'luck'")]
)
def test_a_snapshot_that_cannot_be_learned_from_says_why(
    outcome: str, says: str, shared_desk: Any, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    _snapshot(900).to_csv(file, index=False)
    with pytest.raises(BadCall, match=says):
        score_from_snapshot(shared_desk.workspace, file, outcome)


def test_outcomes_are_told_as_they_are_written() -> None:
    found = outcomes(pd.Series(["1", "0", "1.0", " 1 ", "", None]), "1")
    assert found[:4].tolist() == [1, 0, 1, 1]
    assert np.isnan(found[4:]).all()
    assert outcomes(pd.Series(["Yes", "no", "yes"]), "Yes").tolist() == [1, 0, 1]


@pytest.mark.parametrize("keys", [["a", "a"], ["a", None]])
def test_a_snapshot_names_each_customer_once(keys: list[Any]) -> None:
    learned = train_snapshot(_snapshot(400), "gone", "Yes", "who", parts=2)
    names = pd.Series([f"s{n}" for n in range(398)] + keys, name="who")
    with pytest.raises(BadInput, match=r"missing|there twice"):
        score_snapshot(learned, names, "snapshot", "1")


def test_without_rows_there_is_nothing_to_score(desk: Any) -> None:
    with pytest.raises(BadInput, match="nothing to score"):
        score(desk.workspace)
    assert listed(desk) == []
