"""The pages of comments, topics and labels: what they show, what they change, and that customers' words stay inert."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from wellheard.app import Workspace
from wellheard.desk import Desk
from wellheard.enrich.text.comments import Wanted
from wellheard.serving import services_of
from wellheard.web.server import make_app

SAYS = {
    "the parcel came late again, the courier lost it": 1,
    "your courier delivered the parcel two weeks late": 1,
    "the invoice was wrong and I was charged twice": 1,
    "wrong charge on my invoice this month": 2,
    "the staff in the shop were lovely and kind": 5,
    "lovely friendly staff, thank you": 5,
}
PLACES = ("Lyon", "Kyiv", "Oslo", "Bonn", "Graz", "York", "Riga", "Turin", "Cork", "Porto")


def rows(hostile: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    texts = [(f"{text} in {place}", rating) for text, rating in SAYS.items() for place in PLACES]
    texts += [(text, 1) for text in hostile]
    return [
        {"source_id": str(n), "body": text, "rating": rating, "scale_min": 1, "scale_max": 5,
         "written_at": f"2026-03-{n % 28 + 1:02d}", "customer_id": f"c{n}"}
        for n, (text, rating) in enumerate(texts)
    ]  # fmt: skip


def fill(workspace: Workspace, hostile: tuple[str, ...] = ()) -> None:
    Desk(workspace).deliver({"feedback": rows(hostile)})


@pytest.mark.slow
def test_comments_are_read_found_put_into_topics_and_labelled(
    fresh: TestClient, token_of: Callable[[TestClient], str], harmless: Callable[[str], None], hostile: tuple[str, ...]
) -> None:
    workspace: Workspace = fresh.workspace  # type: ignore[attr-defined]
    assert "No texts are drawn yet" in fresh.get("/labels").text
    assert "None yet" in fresh.get("/topics").text
    fill(workspace, hostile)
    token = {"form_token": token_of(fresh)}
    assert "66 wait" in fresh.get("/comments").text
    assert fresh.post("/comments/read", data={"form_token": "x"}).status_code == 403
    page = fresh.post("/comments/read", data=token).text
    harmless(page)
    status = workspace.texts.status()
    assert status["read"] + sum(status["unread"].values()) == 66
    assert status["unread"]["no content"] == 1  # {{ 7*7 }}${7*7} has no letter
    assert f"{status['read']} texts were read" in page
    assert workspace.texts.waiting() == 0

    found = fresh.get("/comments?words=invoice").text
    assert "20 comments" in found
    assert "courier" not in found.split("</form>", 1)[1]
    assert "the staff" in fresh.get("/comments?like=nice+people+at+the+counter").text
    negative = fresh.get("/comments?sentiment=negative")
    harmless(negative.text)
    assert "In their words" in negative.text

    (address,) = set(re.findall(r'href="(/comments/feedback/[0-9a-f]+)"', fresh.get("/comments?words=kind+Lyon").text))
    one = fresh.get(address).text
    harmless(one)
    words, things = one.split('id="things"')
    assert re.search(r"<bdi>lovely</bdi></th><td class=\"num\">\+", words)
    assert re.search(r"<bdi>Lyon</bdi></th><td>place</td>", things)
    assert re.search(r"<bdi>staff</bdi></th><td>feature</td><td>staff</td><td>positive</td>", things)
    assert fresh.get("/comments/feedback/0123").status_code == 404
    assert fresh.get("/comments?start=yesterday").status_code == 422

    assert fresh.post("/topics/find", data={**token, "k": "1"}).status_code == 422
    topics = fresh.post("/topics/find", data={**token, "k": "3"})
    harmless(topics.text)
    before = workspace.texts.topics()
    one, other = before.topics[0], before.topics[1]
    sizes = workspace.texts.counted("topic_id")
    merged = fresh.post("/topics/merge", data={**token, "topic": other.id, "into": one.id}).text
    assert "merged into" in merged
    assert workspace.texts.counted("topic_id")[one.id] == sizes[one.id] + sizes[other.id]
    fresh.post("/topics/rename", data={**token, "topic": one.id, "name": "<b>Money</b>"})
    assert {c.read["topic_name"] for c in workspace.texts.comments(Wanted(topic=one.id))} == {"<b>Money</b>"}
    compared = fresh.get("/topics?before=1&after=3").text
    harmless(compared)
    assert "gone: " in compared
    assert "is called" in compared
    assert fresh.post("/topics/merge", data={**token, "topic": "t99", "into": one.id}).status_code == 404

    assert fresh.post("/labels/draw", data={**token, "n": "7"}).status_code == 422
    fresh.post("/labels/draw", data={**token, "n": "50"})
    page = fresh.get("/labels?rater=Anna").text
    harmless(page)
    assert "Anna, text 1 of" in page
    said = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("table", "id", "rater")}  # type: ignore[index]
    assert "text 2 of" in fresh.post("/labels", data={**token, **said, "sentiment": "positive"}).text
    assert workspace.texts.receipt().labels == 1
    assert fresh.post("/labels", data={**token, **said, "sentiment": "good"}).status_code == 422
    assert fresh.post("/labels", data={**token, **said, "id": "other", "sentiment": "neutral"}).status_code == 404
    assert "60 are needed" in fresh.post("/labels/learn", data={**token, "what": "labels"}).text
    assert "1,000 are needed" in fresh.post("/labels/learn", data={**token, "what": "pt"}).text
    (answer,) = workspace.kpi("sentiment:corrected").to_list()
    assert answer["n"] == status["read"]


@pytest.fixture
def address(template: Path, tmp_path: Path) -> Iterator[str]:
    import shutil
    import threading

    shutil.copytree(template, tmp_path / "home")
    with Workspace(tmp_path / "home") as workspace:
        fill(workspace)
        workspace.texts.read()
        workspace.texts.find_topics(3)
        workspace.texts.draw_labels(50)
        config = uvicorn.Config(make_app(services_of(workspace), warm=False), port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            with suppress(RuntimeError):
                thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


@pytest.mark.browser
@pytest.mark.slow
def test_in_a_browser_somebody_labels_merges_topics_and_opens_quotes(browser: Any, address: str) -> None:
    from playwright import sync_api as api

    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{address}/labels")
        page.get_by_label("Who are you?").fill("Anna")
        page.get_by_role("button", name="Begin").click()
        for turn in (2, 3):
            page.get_by_role("button", name="negative").click()
            api.expect(page.get_by_text(f"Anna, text {turn} of")).to_be_visible(timeout=30_000)
        api.expect(page.get_by_text("2 of 60 texts are labelled")).to_be_visible()

        page.goto(f"{address}/topics")
        heads = page.locator("tbody th[scope=row] a")
        api.expect(heads).to_have_count(3)
        page.locator("tbody summary").first.click()
        page.locator("tbody tr").first.get_by_role("button", name="Merge").click()
        api.expect(heads).to_have_count(2, timeout=30_000)
        heads.first.click()
        api.expect(page).to_have_url(re.compile(r"/comments\?topic=t\d"))
        api.expect(page.locator("tbody tr").first).to_be_visible()
        assert page.evaluate("window.hit") is None
