"""The page and the API of who stayed silent, on a workspace without customers and on an empty one."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.testclient import TestClient


def test_it_is_linked_from_a_kpi_of_answers_alone(client: TestClient) -> None:
    assert "/silent?kpi=nps" in client.get("/kpi/nps").text
    assert "/silent?kpi=" not in client.get("/kpi/churn_rate").text


def test_it_comes_with_its_figures_or_loads_them(client: TestClient, harmless: Callable[[str], None]) -> None:
    loading = client.get("/silent?kpi=nps").text
    assert 'aria-busy="true"' in loading
    figures = client.get("/silent/figures?kpi=nps&range=all").text
    assert "as answered and weighed" in figures
    assert "no customers are known" in figures
    assert "No invitations are known" in figures
    whole = client.get("/silent?kpi=nps&range=all&wait=1").text
    assert "as answered and weighed" in whole
    harmless(whole)


def test_groups_bear_whatever_customers_are_called(client: TestClient, harmless: Callable[[str], None]) -> None:
    harmless(client.get("/silent?kpi=nps&survey=%3Cscript%3Ex%3C/script%3E&wait=1").text)
    wrong = client.get("/silent?kpi=nps&by=%22%3E%3Cimg%3E&wait=1")
    assert wrong.status_code == 200
    assert "no dimension of" in wrong.text
    harmless(wrong.text)


def test_what_is_not_there_is_said(client: TestClient, fresh: TestClient) -> None:
    assert client.get("/silent?kpi=churn_rate").status_code == 404
    assert "there is no range" in client.get("/silent?kpi=nps&range=7&wait=1").text.lower()
    assert "Nobody answered here" in fresh.get("/silent?wait=1").text


def test_the_api_gives_the_same(client: TestClient) -> None:
    found = client.get("/api/v1/kpis/nps/silence").json()["data"]
    nps = client.get("/api/v1/kpis/nps").json()["data"][0]
    assert (found["raw"]["n"], found["raw"]["value"]) == (nps["n"], nps["value"])
    assert [rate["per"] for rate in found["rates"]] == ["delivered", "sent", "seen"]
    error = client.get("/api/v1/kpis/churn_rate/silence")
    assert (error.status_code, error.json()["error"]["code"]) == (422, "bad_call")
    assert client.get("/api/v1/kpis/nps/silence?by=nothing").status_code == 404
