"""A small workspace with hostile texts in it, its application, and a client that speaks to it as a browser would."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from wellheard.app import ImportCall, Workspace
from wellheard.serving import services_of
from wellheard.web.server import make_app

LOCAL = "http://127.0.0.1"
CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = (
    "<script>window.hit=1</script>",
    "\"><img src=x onerror='window.hit=1'>",
    "javascript:window.hit=1",
    "{{ 7*7 }}${7*7}",
    "</title></textarea><svg onload=window.hit=1>",
    "' onfocus='window.hit=1' autofocus='",
)
# What runs, and where it would have to get out of: every pair of the two is one of the corpus.
RUNNING = (
    "<script>window.hit=1</script>", "<ScRiPt src=//hit.example/x></sCrIpT>", "<img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>", "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>",
    "<math><mi xlink:href='javascript:window.hit=1'>x</mi></math>", "<details open ontoggle=window.hit=1>x</details>",
    "<iframe srcdoc='&lt;script&gt;parent.hit=1&lt;/script&gt;'>", "<a href='javascript:window.hit=1' autofocus>x</a>",
    "[x](javascript:window.hit=1)", "<input autofocus onfocus=window.hit=1>", "<video><source onerror=window.hit=1>",
    "<object data='data:text/html,<script>hit=1</script>'>", "<base href='//hit.example/'>",
    "<meta http-equiv=refresh content='0;url=//hit.example'>", "<link rel=stylesheet href=//hit.example/x.css>",
    "<style>*{background:url(//hit.example/x)}</style>", "<form action=//hit.example><button>x</button></form>",
    "<noscript><p title='</noscript><img src=x onerror=window.hit=1>'>", "{{ 7*7 }}${7*7}<%= 7*7 %>",
)  # fmt: skip
LEAVING = ("", '">', "'>", "</title></textarea></style>", "-->", "]]>", "\u202e\ufeff<")
OURS = ("/", "#", "?")


class _Reader(HTMLParser):
    """Reads markup as a browser does and remembers whatever could run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("img", "iframe", "object", "embed", "base") or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "autofocus", "srcdoc"):
                self.found.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "hx-get", "hx-post") and not (value or "").startswith(
                OURS
            ):
                self.found.append(f"{tag} {name}={value}")

    handle_startendtag = handle_starttag


def assert_harmless(page: str) -> None:
    """No element, handler or address of the corpus has become one of the page's, and no template ran it."""
    reader = _Reader()
    reader.feed(page)
    assert reader.found == []
    assert "$49" not in page
    assert "49$" not in page


def write_answers(path: Path) -> Path:
    """Four months of answers, 60 a month and region, of which 30, 33, 36 and 39 are promoters and 12 detractors."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["source_id", "customer_id", "kind", "score", "answered_at", "attributes.place"])
        number = 0
        for month, promoters in zip(("05", "06", "07", "08"), (30, 33, 36, 39), strict=True):
            for place in ("North", "South", *HOSTILE[:2]):
                for index in range(60):
                    score = 10 if index < promoters else 3 if index >= 48 else 8
                    number += 1
                    day = f"2026-{month}-{index % 28 + 1:02d}T10:00:00Z"
                    out.writerow([f"a{number}", f"c{number}", "nps", score, day, place])
        out.writerow(["last", "c0", "nps", 9, "2026-08-31T23:00:00Z", "North"])
        out.writerow(["skipped", "c0", "nps", "", "2026-08-30T23:00:00Z", "North"])
    return path


def _filled(folder: Path) -> Workspace:
    workspace = Workspace(folder / "home")
    workspace.import_files(ImportCall(paths=(write_answers(folder / "answers.csv"),), table="survey_responses"))
    return workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Read by many tests; none of them changes it."""
    with _filled(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="session")
def app(workspace: Workspace) -> FastAPI:
    return make_app(services_of(workspace), warm=False)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=LOCAL, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Iterator[TestClient]:
    """An empty workspace of one's own, for tests that write."""
    shutil.copytree(template, tmp_path / "home")
    with (
        Workspace(tmp_path / "home") as made,
        TestClient(make_app(services_of(made), warm=False), base_url=LOCAL, raise_server_exceptions=False) as client,
    ):
        client.workspace = made  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def token_of() -> Callable[[TestClient], str]:
    """The token that a form of the import page carries."""

    def find(client: TestClient) -> str:
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get("/import").text)
        assert found is not None
        return found.group(1)

    return find


@pytest.fixture(scope="session")
def hostile() -> tuple[str, ...]:
    """Texts that try to become code."""
    return HOSTILE


@pytest.fixture(scope="session")
def corpus() -> tuple[str, ...]:
    """140 texts that try to become code, each in another way or out of another place."""
    return tuple(leaving + running for leaving in LEAVING for running in RUNNING)


@pytest.fixture(scope="session")
def harmless() -> Callable[[str], None]:
    """Judges whether one of them has."""
    return assert_harmless


@pytest.fixture(scope="module")
def make_workspace_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], FastAPI]]:
    """The application over a filled workspace of its own, for tests that both look and write."""
    with _filled(tmp_path_factory.mktemp("browser")) as made:
        yield lambda: make_app(services_of(made), warm=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, for as long as a module's tests drive it."""
    started = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with started() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()
