"""A conversation's page: reached from the rows behind a KPI, telling which minutes counted, safe with hostile words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from wellheard.serving import services_of
from wellheard.web.server import make_app

HOSTILE = "<script>alert(1)</script>\u202e{{ 7*7 }}"


@pytest.fixture(scope="module")
def client(new_desk: Callable[..., Any]) -> Iterator[TestClient]:
    desk = new_desk()
    case = {"source_id": HOSTILE, "opened_at": "2026-03-05T09:00:00Z", "opened_by": "customer", "topic": HOSTILE}
    said = [("customer", "09:00"), ("bot", "09:01"), ("human", "11:00")]
    desk.deliver({
        "conversations": [{**case, "first_response_seconds": 60}, {**case, "source_id": "plain", "topic": None}],
        "messages": [
            {"source_id": str(i), "conversation_id": HOSTILE, "author_type": who, "author_id": HOSTILE,
             "sent_at": f"2026-03-05T{at}:00Z", "body": HOSTILE} for i, (who, at) in enumerate(said)
        ],
        "status_events": [
            {"source_id": "s", "conversation_id": HOSTILE, "field": "status", "old": "open", "new": "solved",
             "actor_type": "human", "changed_at": "2026-03-05T12:00:00Z"}
        ],
    })  # fmt: skip
    with TestClient(make_app(services_of(desk.workspace), warm=False), base_url="http://127.0.0.1") as client:
        yield client


def linked(client: TestClient, kpi: str) -> list[str]:
    """The conversations that the rows behind a KPI lead to."""
    page = client.get(f"/kpi/{kpi}/rows?range=all&show=all")
    assert page.status_code == 200
    return re.findall(r'href="(/conversations/[^"]+)"', page.text)


@pytest.mark.slow
@pytest.mark.parametrize("kpi", ["first_response_time", "resolution_time"])
def test_the_rows_lead_to_it(client: TestClient, kpi: str) -> None:
    addresses = linked(client, kpi)
    assert len(set(addresses)) == 2
    assert all(client.get(address).status_code == 200 for address in addresses)


@pytest.mark.slow
def test_it_says_what_counted_and_why_the_source_differs(client: TestClient) -> None:
    pages = [client.get(address).text for address in linked(client, "first_response_time")]
    (page,) = [page for page in pages if "machine&#39;s reply" in page]
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]
    (first,) = [row for row in rows if "First response" in row]
    assert "2 h 0 min" in first or "2 h" in first
    assert "60 s" in first or "1 min" in first
    assert sum("no person had answered yet" in row for row in rows) == 1
    assert sum("|resolution|" in row and "the customer" in row for row in rows) == 1
    assert '<svg class="time"' in page


@pytest.mark.slow
def test_what_customers_write_stays_words(client: TestClient) -> None:
    for address in linked(client, "first_response_time"):
        page = client.get(address)
        assert "<script>alert" not in page.text
        assert "49" not in re.findall(r"<bdi>(.*?)</bdi>", page.text)
        assert "style=" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in client.get(a).text for a in linked(client, "resolution_time"))


@pytest.mark.slow
def test_one_that_does_not_exist_is_named(client: TestClient) -> None:
    page = client.get("/conversations/%3Cscript%3E")
    assert page.status_code == 404
    assert "there is no conversation" in page.text.lower()
    assert "<script>'" not in page.text


@pytest.mark.slow
def test_it_gives_the_customers_own_sentences_and_suggests_tags(
    new_desk: Callable[..., Any], harmless: Callable[[str], None]
) -> None:
    desk = new_desk()
    said = [
        ("customer", "The parcel arrived broken and late. Please send another one to a@x.example."),
        ("human", "We are sorry that our courier broke it, dear customer."),
        ("customer", f"The second parcel is broken too, the courier threw it. {HOSTILE}"),
        ("customer", "ok"),
    ]
    desk.deliver({
        "conversations": [{"source_id": "told", "opened_at": "2026-03-05T09:00:00Z", "opened_by": "customer"}],
        "messages": [
            {"source_id": str(n), "conversation_id": "told", "author_type": who, "body": body,
             "sent_at": f"2026-03-05T09:0{n}:00Z"} for n, (who, body) in enumerate(said)
        ],
    })  # fmt: skip
    desk.workspace.texts.read()
    with TestClient(make_app(services_of(desk.workspace), warm=False), base_url="http://127.0.0.1") as client:
        (address,) = set(linked(client, "first_response_time"))
        page = client.get(address).text
    harmless(page)
    words = page.split('id="words"')[1].split("</section>")[0]
    sentences = re.findall(r'<li dir="auto">(.*?)</li>', words)
    assert any("arrived broken and late" in each for each in sentences)
    assert all("we are sorry" not in each.lower() and "a@x.example" not in each for each in sentences)
    tags = re.findall(r"<bdi>(.*?)</bdi>", words)
    assert tags[:2] == ["complaint", "delivery"]
