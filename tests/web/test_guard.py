"""Who may call: this machine by its own names, and forms from our own pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from wellheard.web.guard import host_of


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8710", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8710"])
def test_our_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8710", "127.0.0.1@evil.example", "", "[::2]", "0.0.0.0"],
)
def test_a_name_that_a_foreign_site_points_here_is_not(client: TestClient, host: str) -> None:
    response = client.get("/", headers={"host": host})
    assert response.status_code == 421
    assert response.json()["error"]["hint"]
    assert host_of(host) not in ("127.0.0.1", "localhost", "::1")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_foreign_form_is_refused(client: TestClient, headers: dict[str, str], token_of: Callable[..., str]) -> None:
    token = token_of(client)
    response = client.post(
        "/import/upload", data={"form_token": token}, files={"file": ("a.csv", "x")}, headers=headers
    )
    assert response.status_code == 403


def test_a_form_needs_the_page_s_token_and_cookie(client: TestClient, token_of: Callable[..., str]) -> None:
    token = token_of(client)
    files = {"file": ("a.csv", "score\n1\n")}
    assert client.post("/import/upload", files=files).status_code == 403
    assert client.post("/import/upload", data={"form_token": "0" * 64}, files=files).status_code == 403
    without = client.post("/import/upload", data={"form_token": token}, files=files, headers={"cookie": "a=b"})
    assert without.status_code == 403
    assert client.post("/imports/any/undo", data={"form_token": "x"}).status_code == 403


def test_the_cookie_is_kept_from_scripts_and_other_sites(fresh: TestClient) -> None:
    cookie = fresh.get("/import").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("path", ["/", "/kpi/nps?wait=1", "/kpis", "/import", "/nowhere", "/api/v1/kpis", "/health"])
def test_every_answer_forbids_foreign_and_inline_code(client: TestClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.headers["content-type"].startswith("text/html"):
        assert not re.search(r"<script(?![^>]*\ssrc=)", response.text)
        assert not re.search(r'(src|href)="(https?:)?//', response.text)


def test_our_files_are_kept_for_ever_and_nothing_else_is_served(client: TestClient) -> None:
    address = re.search(r'href="(/static/[0-9a-f]+/wellheard.css)"', client.get("/kpis").text)
    assert address is not None
    response = client.get(address.group(1))
    assert response.status_code == 200
    assert "immutable" in response.headers["cache-control"]
    for name in ("package.json", "..%2fserver.py", "LICENCES.md"):
        assert client.get(f"/static/x/{name}").status_code == 404
