"""The pages as a client without scripts sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from wellheard.app import ImportCall
from wellheard.metrics.catalogue import metrics
from wellheard.web.site import worded


def text_of(html: str) -> str:
    """What a reader reads."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_the_scorecard_shows_the_last_complete_month_of_every_kpi(client: TestClient) -> None:
    page = client.get("/?wait=1").text
    for name, kpi in metrics().items():
        assert f'href="/kpi/{name}"' in page
        assert kpi.title in page
    (tile,) = re.findall(r'<article[^>]*id="tile-nps".*?</article>', page, re.S)
    said = text_of(tile)
    # 4 places with 39 promoters and 12 detractors of 60, and one promoter more: 100 × (157 − 48) / 241 = 45.2
    assert "+45.2 points" in said
    assert "n = 241" in said
    assert "August 2026" in said
    assert "data up to 31 Aug 2026" in said
    # July: 100 × (144 − 48) / 240 = 40.0
    assert "+5.2 points" in said
    assert "against July 2026, no clear change" in said
    assert "95 % interval" in text_of(page)
    assert "stricter" in text_of(page)


def test_a_kpi_without_data_says_what_is_missing(client: TestClient) -> None:
    page = client.get("/?wait=1").text
    (tile,) = re.findall(r'<article[^>]*id="tile-csat".*?</article>', page, re.S)
    assert "no rows in survey_responses with kind = csat" in text_of(tile)


@pytest.mark.slow
def test_an_empty_workspace_leads_to_the_import_page(fresh: TestClient) -> None:
    page = fresh.get("/?wait=1").text
    assert "There are no data yet" in page
    assert 'href="/import"' in page
    assert "simulated" not in text_of(page)


@pytest.mark.slow
def test_every_page_of_a_simulated_workspace_says_so(fresh: TestClient) -> None:
    (fresh.workspace.folder / "simulated").write_text("{}")  # type: ignore[attr-defined]
    for path in ("/", "/kpis", "/kpi/nps", "/import", "/api/v1/docs", "/nowhere"):
        assert ">simulated</span>" in fresh.get(path).text, path


@pytest.mark.slow
def test_a_page_does_not_wait_for_figures_and_the_grid_fetches_them(fresh: TestClient) -> None:
    first = fresh.get("/").text
    if 'aria-busy="true"' in first:
        assert 'hx-get="/scorecard/tiles"' in first
    for _ in range(100):
        grid = fresh.get("/scorecard/tiles").text
        if 'aria-busy="false"' in grid:
            break
    assert 'aria-busy="false"' in grid
    assert "hx-get" not in grid


@pytest.mark.parametrize(
    "query", ["", "?grain=week&range=all", "?by=place", "?compare=year&figure=mean&mode=latest_per_customer"]
)
def test_a_kpi_page_is_whole_without_scripts(client: TestClient, query: str) -> None:
    response = client.get(f"/kpi/nps{query}{'&' if query else '?'}wait=1")
    assert response.status_code == 200
    for part in ("headline", "trend", "breakdown", "rows", "definition"):
        assert f'id="{part}"' in response.text, part
    assert 'aria-busy="true"' not in response.text
    assert response.text.count('role="img"') >= 5  # each chart for wide and narrow screens, with words for both
    assert "style=" not in response.text


def test_the_kpi_page_shows_the_api_s_figures(client: TestClient) -> None:
    rows = client.get("/api/v1/kpis/nps?grain=month&compare=previous").json()["data"]
    said = text_of(client.get("/kpi/nps/trend").text)
    assert len(rows) == 4
    for row in rows:
        assert f"{row['value']:+.1f} points" in said
        assert f"{row['low']:+.1f} to {row['high']:+.1f}".replace("-", "−") in said


def test_a_filter_narrows_every_part(client: TestClient) -> None:
    said = text_of(client.get("/kpi/nps/rows?where=place = 'South'&by=place").text)
    assert "all 240" in said
    assert "counted 240" in said
    assert "not counted 0" in said
    said = text_of(client.get("/kpi/nps/breakdown?where=place = 'South'&by=place").text)
    assert "South" in said
    assert "North" not in said


def test_the_rows_behind_the_number_tell_why_each_counts(client: TestClient) -> None:
    everything = client.get("/api/v1/kpis/nps?rows=true&limit=5000").json()["data"]
    out = [row for row in everything if not row["counted"]]
    page = client.get("/kpi/nps/rows?show=out").text
    assert len(out) == 1
    assert page.count("<tr>") == 2
    assert out[0]["why"] in page
    second = client.get("/kpi/nps/rows?page=2").text
    assert "26 to 50 of 962" in text_of(second)
    month = text_of(client.get("/kpi/nps/rows?period=2026-05-01").text)
    assert "all 240" in month
    assert "May 2026" in month


def test_a_wrong_filter_is_told_where_it_was_typed(client: TestClient) -> None:
    response = client.get("/kpi/nps?where=place ! 3")
    assert response.status_code == 422
    assert "What to do" in response.text
    assert 'value="place ! 3"' in response.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/kpi/npx", 404),
        ("/nowhere", 404),
        ("/kpi/nps?grain=eon", 422),
        ("/kpi/nps?page=-1", 422),
        ("/kpi/nps?range=9", 422),
        ("/kpi/nps?from=x", 422),
        ("/kpi/nps/nothing", 404),
        ("/import/abc", 404),
    ],
)
def test_an_error_page_has_a_next_step(client: TestClient, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert "What to do" in response.text


def test_the_catalogue_is_searched_by_every_word(client: TestClient) -> None:
    found = re.findall(
        r'<article class="entry">.*?href="/kpi/(\w+)"', client.get("/kpis?q=promoters recommend").text, re.S
    )
    assert found == ["nps"]
    assert "No KPI has all of these words" in client.get("/kpis?q=zebra").text


def test_S21_hostile_dimension_values_are_only_text(client: TestClient, harmless: Callable[[str], None]) -> None:
    for path in ("/kpi/nps?by=place&wait=1", "/kpi/nps/breakdown?by=place", "/kpi/nps/rows?by=place"):
        page = client.get(path).text
        assert "&lt;script&gt;window.hit=1" in page, path
        harmless(page)


def test_S21_hostile_addresses_are_only_text(
    client: TestClient, hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    for text in hostile:
        for field in ("where", "by", "grain", "from", "figure", "mode", "period", "show", "page"):
            harmless(client.get("/kpi/nps", params={field: text}).text)
        harmless(client.get("/kpis", params={"q": text}).text)
        harmless(client.get("/kpi/" + text.replace("/", "")).text)


def test_a_figure_that_is_not_the_usual_one_says_so(client: TestClient) -> None:
    page = client.get("/kpi/nps?figure=mean&wait=1").text
    assert "mean: The average answer, 0 to 10: not NPS." in text_of(page)
    assert "Net Promoter Score, mean" in page  # the chart's title
    assert "not NPS" not in text_of(client.get("/kpi/nps/headline").text)


@pytest.mark.slow
def test_the_one_outcome_that_is_shown_is_named(fresh: TestClient, tmp_path: Path) -> None:
    rows = [f"{n},{choice},2026-03-{n + 1:02d}" for n, choice in enumerate(["support"] * 3 + ["informational"])]
    file = tmp_path / "intents.csv"
    file.write_text("\n".join(["source_id,choice,answered_at", *rows, "last,other,2026-04-02"]), encoding="utf-8")
    fresh.workspace.import_files(ImportCall(paths=(file,), table="survey_responses", constants={"kind": "intent"}))
    assert "Visitor intent: informational 25.0 %" in text_of(fresh.get("/?wait=1").text)
    page = fresh.get("/kpi/visitor_intent?wait=1").text
    assert 'value="informational" checked' in page
    assert "informational: The intent informational alone." in text_of(page)


def test_names_in_a_definition_are_set_as_such(client: TestClient) -> None:
    page = client.get("/kpi/nps").text
    assert "the variant <code>mean</code> says so" in page
    assert "`" not in text_of(page)
    assert worded("<b> `a<b`") == "&lt;b&gt; <code>a&lt;b</code>"
