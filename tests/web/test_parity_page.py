"""The page of other products' numbers: what it shows, what it says where there is nothing, and how it waits."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from wellheard.app import ImportCall
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.parity import name_of, pairs, products


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_every_product_has_its_page(client: TestClient) -> None:
    for product in products(metrics().values()):
        page = client.get(f"/parity?product={product}&wait=1")
        assert page.status_code == 200
        assert f'<a href="/parity?product={product}" aria-current="true"' in page.text
        assert page.text.count('class="why"') == len([p for p in pairs(metrics().values()) if p.product == product])
        assert name_of(product) in text_of(page.text)


def test_without_a_product_the_first_is_shown(client: TestClient) -> None:
    assert client.get("/parity?wait=1").text == client.get("/parity?product=baremetrics&wait=1").text


def test_an_empty_workspace_says_what_to_do(fresh: TestClient) -> None:
    page = fresh.get("/parity?product=zendesk&wait=1").text
    assert "There is nothing to compare yet" in page
    assert 'href="/import"' in page
    assert "n = 0" in page


@pytest.mark.slow
def test_both_numbers_stand_side_by_side(fresh: TestClient, tmp_path) -> None:
    lines = ["source_id,kind,score,scale_min,scale_max,answered_at"]
    lines += [f"{n},csat,{score},1,5,2026-03-{n % 28 + 1:02d}" for n, score in enumerate([5] * 24 + [3] * 8 + [1] * 8)]
    lines += [f"s{n},csat,3,1,3,2026-03-05" for n in range(10)]  # a scale of 3, which theirs does not know
    lines += ["last,csat,5,1,5,2026-04-02"]
    file = tmp_path / "answers.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    fresh.workspace.import_files(ImportCall(paths=(file,), table="survey_responses"))
    shown = text_of(fresh.get("/parity?product=zendesk&wait=1").text)
    assert "Satisfaction score · March 2026 60.0 % 44.6 to 73.7 n = 40 68.0 %" in shown
    assert "n = 50" in shown
    assert "Formula only. Source: Zendesk help" in shown


def test_an_unknown_product_is_refused_with_those_there_are(client: TestClient) -> None:
    page = client.get("/parity?product=foo")
    assert page.status_code == 404
    assert "chatwoot" in page.text


@pytest.mark.parametrize("product", ["zendesk", "chartmogul"])
def test_the_table_alone_is_what_the_page_asks_for_again(client: TestClient, product: str) -> None:
    part = client.get(f"/parity/{product}/figures").text
    assert part.startswith('<section class="panel" id="parity"')
    assert "<html" not in part
