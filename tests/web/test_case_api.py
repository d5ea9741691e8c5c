"""The API of following up, and W2: a call that is repeated with its key has one effect and one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wellheard.store import keyed_calls
from wellheard.store.cases import Opening, entries, open_case


@pytest.fixture
def calls(fresh: TestClient) -> Any:
    loop = fresh.app.state.site.services.loop()  # type: ignore[attr-defined]
    with loop.store.writing() as con:
        open_case(con, "main", Opening("answer", "s", "NPS 2", {"text": "never came"}), loop.sender.now())
    fresh.loop = loop  # type: ignore[attr-defined]
    return fresh


def comments(client: Any) -> list[str]:
    with client.loop.store.reading() as con:
        return [e.words for e in entries(con, 1) if e.kind == "comment"]


def test_w2_fifty_calls_at_once_with_one_key_are_one_effect_and_one_answer(calls: Any) -> None:
    def call(_: int) -> tuple[int, str]:
        made = calls.post("/api/v1/cases/1/comments", json={"words": "hello"}, headers={"idempotency-key": "k1"})
        return made.status_code, made.text

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(call, range(50)))
    assert len(answers) == 1
    assert answers.pop()[0] == 200
    assert comments(calls) == ["hello"]


def test_w2_a_key_is_for_one_body_one_workspace_and_one_credential(calls: Any) -> None:
    head = {"idempotency-key": "k1"}
    first = calls.post("/api/v1/cases/1/comments", json={"words": "hello"}, headers=head)
    again = calls.post("/api/v1/cases/1/comments", json={"words": "hello"}, headers=head)
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    for path, body in (("/api/v1/cases/1/comments", {"words": "other"}), ("/api/v1/cases/1/acknowledge", None)):
        other = calls.post(path, json=body, headers=head)
        assert (other.status_code, other.json()["error"]["code"]) == (422, "other_body")
    assert comments(calls) == ["hello"]
    now, store = calls.loop.sender.now(), calls.loop.store
    assert keyed_calls.begin(store, "other", "owner", "k1", "x" * 64, now) is True
    assert keyed_calls.begin(store, "main", "somebody", "k1", "x" * 64, now) is True


def test_w2_a_key_holds_for_a_day_and_a_broken_call_may_be_repeated(calls: Any) -> None:
    now, store = calls.loop.sender.now(), calls.loop.store
    assert keyed_calls.begin(store, "main", "owner", "k", "b" * 64, now) is True
    assert keyed_calls.begin(store, "main", "owner", "k", "b" * 64, now + timedelta(seconds=1)) is False
    assert keyed_calls.begin(store, "main", "owner", "k", "b" * 64, now + timedelta(seconds=61)) is True
    keyed_calls.settle(store, "main", "owner", "k", 200, "{}")
    later = keyed_calls.begin(store, "main", "owner", "k", "b" * 64, now + timedelta(hours=24))
    assert later == keyed_calls.Given(200, "{}")
    assert keyed_calls.begin(store, "main", "owner", "k2", "b" * 64, now) is True
    keyed_calls.settle(store, "main", "owner", "k2", 500, "{}")
    assert keyed_calls.begin(store, "main", "owner", "k2", "b" * 64, now) is True
    assert calls.post("/api/v1/cases/1/acknowledge", headers={"idempotency-key": "x" * 300}).status_code == 422


def test_cases_and_deliveries_are_read_and_changed(calls: Any) -> None:
    (case,) = calls.get("/api/v1/cases").json()
    assert (case["number"], case["title"], case["details"]["text"]) == (1, "NPS 2", "never came")
    assert calls.post("/api/v1/cases/1/acknowledge").json()["state"] == "acknowledged"
    assert calls.post("/api/v1/cases/1/assign", json={"owner": "anna"}).json()["owner"] == "anna"
    assert calls.post("/api/v1/cases/1/snooze", json={"hours": 4}).json()["state"] == "snoozed"
    assert calls.post("/api/v1/cases/1/close", json={"outcome": "recovered"}).json()["outcome"] == "recovered"
    assert calls.get("/api/v1/cases").json() == []
    assert calls.get("/api/v1/cases?state=all").json()[0]["number"] == 1
    for path, body, status in (
        ("/api/v1/cases/9/acknowledge", None, 404),
        ("/api/v1/cases/1/comments", {"words": {"a": 1}}, 422),
        ("/api/v1/cases/1/comments", {"words": "x", "workspace": "other"}, 422),
        ("/api/v1/deliveries/1/replay", None, 404),
    ):
        refused = calls.post(path, json=body)
        assert refused.status_code == status
        assert set(refused.json()["error"]) == {"code", "message", "hint", "field"}
    assert calls.get("/api/v1/deliveries").json() == []
