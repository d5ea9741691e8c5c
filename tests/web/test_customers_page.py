"""The pages of customers: the list with its filter, views and export, a dossier, and the models."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from wellheard.app import Workspace
from wellheard.desk import Desk
from wellheard.serving import services_of
from wellheard.web.server import make_app

LOCAL = "http://127.0.0.1"
HOSTILE = "<img src=x onerror='window.hit=1'>"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Two customers with scores, one of them with names that try to become code."""
    made = {"as_of": "2026-03-01", "currency": "EUR"}
    with Workspace(tmp_path_factory.mktemp("customers") / "home") as workspace:
        rows = {
            "customers": [
                {"source_id": "good", "name": "Ada", "segment": "SMB", "created_at": "2025-01-01"},
                {"source_id": "=bad", "name": HOSTILE, "segment": HOSTILE, "created_at": "2025-01-01"},
            ],
            "customer_scores": [
                {"source_id": "1", "customer_id": "good", "kind": "health", "value": 80, "coverage": 75, **made},
                {"source_id": "2", "customer_id": "=bad", "kind": "health", "value": 20, **made},
                {"source_id": "3", "customer_id": "good", "kind": "churn_risk_90d", "value": 0.12, "low": 0.05,
                 "high": 0.3, **made},
                {"source_id": "4", "customer_id": "=bad", "kind": "profit", "value": -50, **made},
            ],
            "survey_responses": [
                {"source_id": "a", "customer_id": "good", "kind": "nps", "score": 10, "answered_at": "2026-02-01",
                 "comment": HOSTILE}
            ],
            "conversations": [
                {"source_id": "t", "customer_id": "good", "opened_at": "2026-01-05", "topic": "billing",
                 "resolved_at": "2026-01-06", "first_response_seconds": 7200, "resolution_seconds": 86400}
            ],
            "subscriptions": [
                {"source_id": "s", "customer_id": "good", "plan": "team", "mrr": 20, "currency": "EUR",
                 "started_at": "2025-01-01", "ended_at": "2026-01-20"}
            ],
        }  # fmt: skip
        Desk(workspace).deliver(rows)
        application = make_app(services_of(workspace), warm=False)
        with TestClient(application, base_url=LOCAL, raise_server_exceptions=False) as made_client:
            yield made_client


@pytest.mark.slow
def test_the_list_shows_scores_and_obeys_its_filter(client: TestClient) -> None:
    page = client.get("/customers").text
    assert "2 customers" in page
    assert "75 % known" in page
    assert "12.0 %" in page
    assert "a source gave them, the newest as of" in page  # neither are they ours, nor is nobody scored
    assert "Nobody is scored" not in page
    only = client.get("/customers", params={"where": "health < 50"}).text
    assert "1 customer<" in only.replace("\n", "")
    assert "Ada" not in only
    wrong = client.get("/customers", params={"where": "luck > 1"})
    assert wrong.status_code == 404
    assert "luck" in wrong.text


@pytest.mark.slow
def test_no_name_or_text_becomes_code(client: TestClient) -> None:
    for path in ("/customers", "/customers/at-loss", "/customers/%3Dbad", "/customers/good"):
        found = client.get(path)
        assert found.status_code == 200
        assert "<img" not in found.text
        assert "onerror=" not in found.text.replace("onerror=&#39;", "")


@pytest.mark.slow
def test_the_export_holds_what_the_filter_leaves_and_no_formula(client: TestClient) -> None:
    found = client.get("/customers/export", params={"where": "health < 50"})
    assert found.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(found.text))
    assert (row["customer_id"], row["health"], row["profit"]) == ("'=bad", "20.0", "-50.0")
    assert "name" not in row


@pytest.mark.slow
def test_a_view_is_kept_and_forgotten(client: TestClient) -> None:
    def token() -> str:
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get("/customers").text)
        assert found is not None
        return found.group(1)

    given = {"form_token": token(), "name": "low_health", "where": "health < 50"}
    assert client.post("/customers/views", data=given, follow_redirects=False).status_code == 303
    assert "low_health" in client.get("/customers").text
    wrong = client.post("/customers/views", data=given | {"where": "luck > 1", "name": "other"})
    assert wrong.status_code == 404
    client.post("/customers/views/low_health/remove", data={"form_token": token()})
    assert "low_health" not in client.get("/customers").text
    assert client.post("/customers/views", data=given | {"form_token": "x"}).status_code >= 400


@pytest.mark.slow
def test_lists_with_evidence(client: TestClient) -> None:
    assert "recommends us with 10 of 10" in client.get("/customers/advocates").text
    loss = client.get("/customers/at-loss").text
    assert "−50.00 EUR" in loss
    assert "Ada" not in loss


@pytest.mark.slow
def test_a_dossier_and_who_is_not_there(client: TestClient) -> None:
    page = client.get("/customers/good").text
    assert "nps · 10" in page
    assert "Risk of leaving within 90 days" in page
    assert client.get("/customers/nobody").status_code == 404


@pytest.mark.slow
def test_the_timeline_tells_clocks_and_ends_and_can_be_cut_to_a_component(client: TestClient) -> None:
    page = client.get("/customers/good").text
    assert "first reply after 2 h" in page
    assert "resolved after 24 h" in page
    assert "ended: team" in page
    support = client.get("/customers/good", params={"of": "support"}).text
    assert "the rows behind support" in support
    assert "resolved after 24 h" in support
    assert "nps · 10" not in support
    assert "ended: team" not in support


@pytest.mark.slow
def test_models_have_pages_before_anything_is_fitted(client: TestClient) -> None:
    for kind in ("churn_risk_90d", "churn_risk_snapshot", "lifetime_value", "health", "profit", "early_signs"):
        found = client.get(f"/models/{kind}")
        assert found.status_code == 200
        assert "wellheard score" in found.text
    assert client.get("/models/luck").status_code == 404
