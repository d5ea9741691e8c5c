"""Pages of KPIs of customers and money: cohort curves, complete counts without limits, and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wellheard.serving import services_of
from wellheard.web.server import make_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(new_desk: Any) -> Iterator[TestClient]:
    """Subscribers of whom one left, one new customer who left again, and a cost that names nobody."""
    desk = new_desk()
    spans = [
        ("a", "2026-01-05", None), ("b", "2026-01-10", "2026-03-20"), ("c", "2026-03-02", "2026-03-25"),
        ("d", "2026-05-20", None),
    ]  # fmt: skip
    desk.deliver({
        "subscriptions": [
            {"source_id": who, "customer_id": who, "mrr": 1234, "currency": "EUR", "started_at": a, "ended_at": b}
            for who, a, b in spans
        ],
    })  # fmt: skip
    with TestClient(
        make_app(services_of(desk.workspace), warm=False), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as client:
        yield client


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_retention_page_has_cohort_curves(shop: TestClient) -> None:
    page = shop.get("/kpi/retention_rate", params={"range": "all"}).text
    assert "/kpi/retention_rate/curves" in page
    part = shop.get("/kpi/retention_rate/curves", params={"range": "all"})
    assert part.status_code == 200
    assert "share still there" in part.text
    (january,) = [row for row in part.text.split("<tr")[1:] if "January 2026" in row]
    shares = re.findall(r'<td class="num" title="[^"]+">(\d+)<', january)
    assert shares == ["100", "100", "50", "50"]
    whole = shop.get("/kpi/retention_rate", params={"range": "all", "wait": "1"}).text
    assert "Cohorts by the month they started in" in whole


def test_other_pages_have_none(shop: TestClient) -> None:
    assert "/kpi/mrr/curves" not in shop.get("/kpi/mrr").text
    assert shop.get("/kpi/mrr/curves").status_code == 404


def test_a_complete_count_stands_without_limits(shop: TestClient) -> None:
    for part in ("headline", "trend", "breakdown", "rows"):
        found = shop.get(f"/kpi/mrr/{part}", params={"range": "all"})
        assert found.status_code == 200
        assert "could not be computed" not in found.text
    trend = words(shop.get("/kpi/mrr/trend", params={"range": "all"}).text)
    assert "2,468.00" in trend
    assert "unknown" not in trend
    assert "The band is" not in trend
    tiles = shop.get("/").text
    assert "Monthly recurring revenue" in tiles


def test_notes_stand_on_the_page_and_in_the_api(shop: TestClient) -> None:
    asked = {"from": "2026-03-01", "to": "2026-04-01"}
    given = shop.get("/api/v1/kpis/retention_rate:formula", params=asked).json()
    (note,) = given["notes"]
    assert note.startswith("1 of the new customers had left again")
    assert "notes" not in given["data"][0]
    page = words(shop.get("/kpi/retention_rate/headline", params={"figure": "formula", "range": "all"}).text)
    assert "1 of the new customers had left again" in page
    assert shop.get("/api/v1/kpis/retention_rate", params=asked).json()["notes"] == []
