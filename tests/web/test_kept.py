"""A page that was made is sent again until something that it shows changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from wellheard.app import ImportCall
from wellheard.web.kept import PAGES, KeptPages, lasting


class Shop:
    """Three pages and how often each was made: one that lasts, one that does not, and one that fails."""

    def __init__(self) -> None:
        self.state, self.made = 1, 0
        app = Starlette(routes=[Route("/lasting", self.page), Route("/form", self.page), Route("/failing", self.page)])
        self.client = TestClient(KeptPages(app, lambda: self.state))

    def page(self, request: Request) -> Response:
        self.made += 1
        answer = PlainTextResponse(f"{self.made}", 500 if request.url.path == "/failing" else 200)
        answer.set_cookie("visitor", f"{self.made}")
        return answer if request.url.path == "/form" else lasting(request, answer)

    def read(self, path: str = "/lasting") -> str:
        return self.client.get(path).text


def test_a_page_is_made_once_for_a_state_and_an_address() -> None:
    shop = Shop()
    assert [shop.read(), shop.read()] == ["1", "1"]
    assert shop.read("/lasting?all=1") == "2"
    shop.state = 2
    assert [shop.read(), shop.read()] == ["3", "3"]


def test_what_belongs_to_a_visitor_or_failed_is_made_anew() -> None:
    shop = Shop()
    assert [shop.read("/form"), shop.read("/form")] == ["1", "2"]
    assert [shop.read("/failing"), shop.read("/failing")] == ["3", "4"]
    assert "set-cookie" in shop.client.get("/lasting").headers
    assert "set-cookie" not in shop.client.get("/lasting").headers


def test_a_change_while_a_page_is_made_is_not_hidden_by_it() -> None:
    shop = Shop()
    shown, page = [], Shop.page

    def changing(request: Request) -> Response:
        shop.state = 2
        return page(shop, request)

    app = Starlette(routes=[Route("/lasting", changing)])
    client = TestClient(KeptPages(app, lambda: shop.state))
    shown += [client.get("/lasting").text, client.get("/lasting").text, client.get("/lasting").text]
    assert shown == ["1", "2", "2"]


def test_so_many_pages_are_kept_and_no_more() -> None:
    shop = Shop()
    for number in range(PAGES + 1):
        shop.read(f"/lasting?{number}")
    assert shop.read(f"/lasting?{PAGES}") == f"{PAGES + 1}"
    assert shop.read("/lasting?0") == f"{PAGES + 2}"


@pytest.mark.slow
def test_the_scorecard_follows_an_import_and_a_target(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str]
) -> None:
    def take(name: str, score: int) -> None:
        rows = [f"{name}{i},nps,{score},2026-0{6 + i // 39}-{1 + i % 28:02d}T10:00:00Z" for i in range(40)]
        (tmp_path / name).write_text("source_id,kind,score,answered_at\n" + "\n".join(rows), encoding="utf-8")
        workspace.import_files(ImportCall(paths=(tmp_path / name,), table="survey_responses"))

    workspace = fresh.workspace
    take("first.csv", 10)
    before = fresh.get("/?wait=1").text
    assert fresh.get("/?wait=1").text == before
    take("second.csv", 0)
    after = fresh.get("/?wait=1").text
    assert after != before
    aim = {"kpi": "nps", "value": "20", "owner": "", "where": "", "from": "2026-06-01", "by": "2026-08-31"}
    fresh.post("/targets", data={**aim, "form_token": token_of(fresh)})
    assert "20" in fresh.get("/?wait=1").text
    assert fresh.get("/?wait=1").text != after
