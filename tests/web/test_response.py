"""What stands beside a figure of surveys: how many answered, and how far its interval can be relied on."""

from __future__ import annotations

from datetime import date

from fastapi.testclient import TestClient

from wellheard.metrics.catalogue import metric, metrics
from wellheard.metrics.coverage import table_of
from wellheard.metrics.question import question
from wellheard.web import response

SURVEYS = {"nps": "nps", "csat": "csat", "ces": "ces", "net_emotion_score": "emotion", "visitor_intent": "intent"}


def test_every_kpi_of_surveys_has_a_response_rate_beside_it() -> None:
    found = {name: kind for name, kpi in metrics().items() if (kind := response.kind_of(kpi))}
    assert SURVEYS.items() <= found.items()
    assert not {"sentiment", "churn_rate", "health_score", "response_rate"} & set(found)


def test_a_tile_asks_for_the_month_that_it_shows() -> None:
    asked = response.of_month(metric("ces"), date(2026, 7, 10))
    assert asked is not None
    assert (asked.kpi, asked.variants) == ("response_rate", ("for_ces",))
    assert (asked.start, asked.end) == (date(2026, 6, 1), date(2026, 7, 1))
    assert response.of_month(metric("churn_rate"), date(2026, 7, 10)) is None


def test_the_rate_beside_a_figure_has_its_days_and_its_filter() -> None:
    whole = question("nps", where="region = 'north'", start="2026-01-01", end="2026-04-01")
    asked = response.beside(whole, "nps")
    assert (asked.start, asked.end, asked.where) == (whole.start, whole.end, whole.where)


def test_a_page_shows_the_rate_and_the_reach_of_the_interval(client: TestClient) -> None:
    page = client.get("/kpi/nps?wait=1").text
    assert "Response rate of the surveys that ask it" in page
    assert "How far its interval can be relied on" in page
    assert all(f"{cell.mean:.1%}".replace("%", " %") in page for cell in table_of(metric("nps").brick))
    tiles = client.get("/?wait=1").text
    assert response.UNKNOWN in tiles  # this workspace has answers and no invitations
