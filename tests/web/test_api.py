"""The API: rows as the workspace gives them, and one shape for everything that goes wrong."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from wellheard.app import Workspace
from wellheard.metrics.catalogue import metrics


@pytest.mark.slow
def test_the_catalogue_is_that_of_the_command_line(client: TestClient) -> None:
    assert client.get("/api/v1/kpis").json()["data"] == [kpi.described() for kpi in metrics().values()]


def test_rows_are_the_answer_s_own(client: TestClient, workspace: Workspace) -> None:
    given = client.get("/api/v1/kpis/nps", params={"by": ["place", "channel"], "grain": "month", "compare": "previous"})
    answer = workspace.kpi("nps", by=("place", "channel"), grain="month", compare="previous")
    assert given.status_code == 200
    assert given.json()["data"] == answer.to_list()
    assert given.json()["data_end"] == "2026-08-31"
    assert given.json()["snapshot"] == answer.snapshot


def test_every_parameter_reaches_the_question(client: TestClient, workspace: Workspace) -> None:
    asked = {"from": "2026-06-01", "to": "2026-08-01", "where": "place = 'North'", "variant": "mean", "level": 0.9}
    answer = workspace.kpi(
        "nps", start="2026-06-01", end="2026-08-01", where="place = 'North'", variant="mean", level=0.9
    )
    assert client.get("/api/v1/kpis/nps", params=asked).json()["data"] == answer.to_list()
    first = workspace.lake.snapshot()
    assert client.get(f"/api/v1/kpis/nps?as_of={first}").json()["data"][0]["n"] == 961


def test_rows_behind_a_number_are_bounded(client: TestClient) -> None:
    body = client.get("/api/v1/kpis/nps?rows=true&limit=7").json()
    assert len(body["data"]) == 7
    assert body["limit"] == 7
    assert {"why", "counted", "score"} <= set(body["data"][0])


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/v1/kpis/npx", 404, "kpi"),
        ("/api/v1/kpis/nps?by=nothing", 404, "by"),
        ("/api/v1/kpis/nps?grain=eon", 422, "grain"),
        ("/api/v1/kpis/nps?from=yesterday", 422, "from"),
        ("/api/v1/kpis/nps?from=2026-02-01&to=2026-01-01", 422, "to"),
        ("/api/v1/kpis/nps?level=2", 422, "level"),
        ("/api/v1/kpis/nps?limit=0", 422, "limit"),
        ("/api/v1/kpis/nps?where=((", 422, "where"),
        ("/api/v1/kpis/nps?compare=never", 422, "compare"),
        ("/api/v1/kpis/nps?as_of=999999", 422, "as_of"),
        ("/api/v1/nothing", 404, None),
    ],
)
def test_every_error_has_one_shape(client: TestClient, path: str, status: int, field: str | None) -> None:
    response = client.get(path)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint", "field"}
    assert error["message"]
    assert error["hint"]
    assert error["field"] == field


def test_another_method_and_our_own_failure_have_the_shape_too(
    client: TestClient, app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = client.post("/api/v1/kpis")
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    figures = app.state.site.figures  # type: ignore[attr-defined]

    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(figures, "answer", broken)
    response = client.get("/api/v1/kpis/nps")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "failed"
    assert "secret" not in response.text


@pytest.mark.slow
def test_the_description_lists_every_operation_and_the_page_shows_it(client: TestClient) -> None:
    schema = client.get("/api/v1/openapi.json").json()
    assert set(schema["paths"]) >= {
        "/api/v1/kpis", "/api/v1/kpis/{name}", "/api/v1/kpis/{name}/silence", "/api/v1/surveys/{id}/invitations",
    }  # fmt: skip
    names = {p["name"] for p in schema["paths"]["/api/v1/kpis/{name}"]["get"]["parameters"]}
    assert names == {
        "name",
        "by",
        "grain",
        "from",
        "to",
        "where",
        "variant",
        "compare",
        "as_of",
        "level",
        "rows",
        "limit",
        "top",
        "pooled",
    }
    page = client.get("/api/v1/docs").text
    assert all(f">{name}" in page for name in names)
    assert "http" not in page.replace("http-equiv", "")


def test_a_misspelt_parameter_is_refused_and_not_answered_for_the_whole(client: TestClient) -> None:
    answer = client.get("/api/v1/kpis/nps", params={"wher": "region = 'EU'"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "wher"
