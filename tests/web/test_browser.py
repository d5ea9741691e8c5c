"""The pages in a real browser: what a person does on them, without console errors and without barriers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WAIT = 60_000
DEVICES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}
expect.set_options(timeout=WAIT)  # of a machine that is busy with other tests
LOOKS = [(device, scheme) for device in DEVICES for scheme in ("light", "dark")]


def _served(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def address(make_workspace_app: Callable[[], FastAPI]) -> Iterator[str]:
    yield from _served(make_workspace_app())


@dataclass
class Visit:
    """A page and everything that went wrong on it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Waits until nothing is being computed."""
        self.page.wait_for_function("() => !document.querySelector('[aria-busy=true]')", timeout=WAIT)

    def check(self) -> None:
        """No console error, nothing wider than the screen, no axe-core violation of level serious or above."""
        assert self.wrong == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url
        found = self.page.evaluate("async () => (await axe.run()).violations")
        barriers = [
            f"{v['id']} ({v['impact']}): {[n['target'] for n in v['nodes']][:4]}"
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert barriers == [], self.page.url


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Opens the pages on a device, in light or dark; axe-core is there without weakening the pages' own policy."""
    contexts: list[Any] = []

    def opened(device: str = "desktop", scheme: str = "light", **options: Any) -> Visit:
        context = browser.new_context(viewport=DEVICES[device], color_scheme=scheme, **options)
        contexts.append(context)
        context.add_init_script(path=AXE)
        made = Visit(context.new_page(), address)
        made.page.set_default_timeout(WAIT)
        made.page.on("console", lambda m: made.wrong.append(m.text) if m.type in ("error", "warning") else None)
        made.page.on("pageerror", lambda error: made.wrong.append(str(error)))
        return made

    yield opened
    for context in contexts:
        context.close()


def test_scorecard_and_kpi_page_dimension_and_grain_rows_and_import(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    there = visit()
    page = there.page
    there.open("/")
    expect(page.locator("#tile-nps .number")).to_have_text("+45.2")
    there.check()

    page.get_by_role("link", name="Net Promoter Score").click()
    there.settle()
    expect(page.locator("#trend svg.chart-wide .mark")).to_have_count(4)
    page.get_by_label("Break down by").select_option("place")
    expect(page.locator("#breakdown tbody tr")).to_have_count(4)
    there.settle()
    page.get_by_label("A point for every").select_option("quarter")
    expect(page.locator("#trend svg.chart-wide .mark")).to_have_count(2)
    assert "grain=quarter" in page.url
    assert "by=place" in page.url
    there.settle()
    there.check()

    page.get_by_role("link", name="not counted 1").click()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page.locator("#rows tbody")).to_contain_text("the question was skipped")
    there.check()

    file = tmp_path / "april.csv"
    file.write_text("Mark,Day,Shop\n5,2026-04-01,West\n4,2026-04-02,East\n1,2026-04-03,West\nx,2026-04-03,West\n")
    page.get_by_role("link", name="Import").click()
    page.get_by_label("CSV, TSV").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Each row of the file is one of these").select_option("survey_responses")
    page.get_by_label("Mark is taken as").select_option("score")
    page.get_by_label("Day is taken as").select_option("answered_at")
    page.get_by_label("Shop is taken as").select_option("+")
    page.locator("#set-0").select_option("kind")
    page.locator("#value-0").fill("csat")
    there.check()
    page.get_by_role("button", name="Show what would happen").click()
    expect(page.get_by_role("heading", name="This is what would happen")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("1 rows would be set aside")
    there.check()
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="It is in")).to_be_visible()
    expect(page.get_by_role("heading", name="What this data can feed")).to_be_visible()
    there.check()
    page.goto(there.address + "/kpi/csat?range=all&by=Shop")
    there.settle()
    expect(page.locator("#headline")).to_contain_text("66.7")
    there.check()


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/kpi/nps?by=place",
        "/kpis",
        "/import",
        "/api/v1/docs",
        "/kpi/churn_rate",
        "/parity?product=zendesk",
        "/silent?kpi=nps&range=all&wait=1",
    ],
)
def test_no_page_has_a_serious_barrier(visit: Callable[..., Visit], path: str, device: str, scheme: str) -> None:
    there = visit(device, scheme)
    there.open(path)
    there.check()


def test_an_error_page_has_no_barrier_and_leads_on(visit: Callable[..., Visit]) -> None:
    there = visit()
    there.open("/kpi/npx")
    there.wrong = [text for text in there.wrong if "404" not in text]
    there.check()
    there.page.get_by_role("link", name="To the scorecard").click()
    expect(there.page.get_by_role("heading", name="Scorecard")).to_be_visible()


def test_pages_work_without_scripts(visit: Callable[..., Visit]) -> None:
    there = visit(java_script_enabled=False)
    page = there.page
    page.goto(there.address + "/?wait=1")
    expect(page.locator("#tile-nps .number")).to_have_text("+45.2")
    page.goto(there.address + "/kpi/nps?wait=1")
    page.get_by_label("A point for every").select_option("quarter")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#trend svg.chart-wide .mark")).to_have_count(2)
    page.goto(there.address + "/kpis")
    page.get_by_label("Look for a word").fill("promoters")
    page.get_by_role("button", name="Look").click()
    expect(page.locator(".entry")).to_have_count(1)


def test_keyboard_reaches_the_content_and_every_tile(visit: Callable[..., Visit]) -> None:
    there = visit()
    there.open("/")
    page = there.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    seen = []
    tiles = page.evaluate("[...document.querySelectorAll('.tile h3 a')].map(a => a.id)")
    for _ in range(2 * len(tiles) + 10):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
    assert [name for name in seen if name in tiles][: len(tiles)] == tiles


def test_a_chosen_theme_stays(visit: Callable[..., Visit]) -> None:
    there = visit(scheme="light")
    there.open("/kpis")
    light = there.page.evaluate("getComputedStyle(document.body).backgroundColor")
    there.page.get_by_role("button", name="Use dark colours").click()
    there.page.reload()
    assert there.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    there.check()


def test_S21_hostile_text_runs_nowhere(visit: Callable[..., Visit], hostile: tuple[str, ...], tmp_path: Path) -> None:
    there = visit()
    page = there.page
    for path in ("/kpi/nps?by=place", "/kpi/nps?by=place&where=" + "place contains 'script'"):
        there.open(path)
        page.locator("#breakdown .chart-wide .mark").first.hover()
    name = "".join(ch for ch in hostile[1] if ch != "/") + ".csv"
    columns = ",".join(json.dumps(text).replace('\\"', '""') for text in hostile)
    file = {"name": name, "mimeType": "text/csv", "buffer": f"score,{columns}\n9,{columns}\n".encode()}
    there.open("/import")
    page.get_by_label("CSV, TSV").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What do the columns mean?")).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert there.wrong == []
