"""Surveys in a real browser: designed on our page, answered without scripts, and by the widget on another origin."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from wellheard.app import Workspace
from wellheard.serving import Door, services_of, taking_answers
from wellheard.surveys.catalogue import question_types
from wellheard.surveys.identity import signed
from wellheard.surveys.shelf import Shelf
from wellheard.surveys.survey import Survey, survey_from
from wellheard.web.server import make_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, Page, expect  # noqa: E402

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WAIT = 30_000
SECRET = "a secret of the site"
expect.set_options(timeout=WAIT)  # of a machine that is busy with other tests

# Waits until what moves in, such as the widget, stands: half faded in, its colours are others.
STILL = """() => Promise.all([...document.querySelectorAll("*")]
  .flatMap((at) => at.shadowRoot?.getAnimations() ?? []).map((animation) => animation.finished))"""

Rows = list[dict[str, Any]]


class Site:
    """A site of its own origin whose pages show the widget under a strict policy."""

    def __init__(self) -> None:
        self.door = ""
        self.tag = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = f'<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop</h1></main>{site.tag}'
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-security-policy", site.policy)
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def policy(self) -> str:
        return (
            f"default-src 'none'; script-src {self.door}; connect-src {self.door}; base-uri 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )


class Place:
    """A workspace with its pages and its door to the public, and a site of another origin."""

    def __init__(self, folder: Path, open_until_end: ExitStack, settings: str = "") -> None:
        (folder / "wellheard.toml").write_text(
            f'public_port = 0\nsurvey_secret = "{SECRET}"\nanswers_per_network = 10000\n{settings}', "utf-8"
        )
        self.workspace = open_until_end.enter_context(Workspace(folder))
        self.shelf = Shelf(folder / "surveys")
        self.door: Door = open_until_end.enter_context(taking_answers(self.workspace))
        server = uvicorn.Server(
            uvicorn.Config(make_app(services_of(self.workspace, self.door), warm=False), port=0, log_level="warning")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        self.pages = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        self.site = Site()
        self.site.door = self.door.address
        open_until_end.callback(self.site.server.shutdown)
        open_until_end.callback(thread.join)
        open_until_end.callback(setattr, server, "should_exit", True)

    def put(self, id: str, questions: list[dict[str, Any]], **more: Any) -> Survey:
        """A survey on the shelf that the site may show, once the public can reach it."""
        told = {"id": id, "name": id, "questions": questions, "origins": [self.site.origin], **more}
        self.shelf.save(survey_from(told), replaces=None)
        return until(lambda: (s := self.door.published.called(id)).key and s)

    def show(self, survey_id: str, **attributes: str) -> None:
        """The site's page shows the widget of a survey."""
        given = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
        self.site.tag = (self.door.widget(survey_id) or "").replace(" async", f"{given} async")

    def rows(self, survey_id: str, many: int) -> Rows:
        """The answers to a survey in the lake, once there are so many."""

        def found() -> Rows | None:
            with self.workspace.lake.reading():
                text = "select * from facts.main.survey_responses where survey_id = ? and not deleted"
                listed = self.workspace.lake.con.execute(text, [survey_id]).to_arrow_table().to_pylist()
            return listed if len(listed) >= many else None

        return until(found)


def until(make: Callable[[], Any]) -> Any:
    """What `make` gives as soon as it gives something."""
    end = time.monotonic() + WAIT / 1000
    while not (made := make()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("place"), stack)


class Visit:
    """A page of a browser, and all that went wrong on it."""

    def __init__(self, context: BrowserContext) -> None:
        context.add_init_script(path=AXE)
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.wrong: list[str] = []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"a dialog: {dialog.message}"), dialog.dismiss()))

    def check(self) -> None:
        """Nothing went wrong, nothing is wider than the screen, and axe-core finds no barrier at all."""
        assert self.wrong == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url
        self.page.evaluate(STILL)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        assert [f"{v['id']}: {[n['target'] for n in v['nodes']][:4]}" for v in found] == []


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    contexts: list[BrowserContext] = []

    def opened(width: int = 1280, **options: Any) -> Visit:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        return Visit(contexts[-1])

    yield opened
    for context in contexts:
        context.close()


def _everything() -> list[dict[str, Any]]:
    """A question of each type."""
    questions = []
    for name, type_ in question_types().items():
        options = next((dict(example.options) for example in type_.examples if example.options), {})
        options |= {"of": "nps"} if "of" in options else {}
        words = {key: f"What of {key}?" for key in type_.makes_words(type_.options(**options))}
        questions.append({"id": name, "type": name, "options": options, "words": {"en": words} if words else {}})
    return sorted(questions, key=lambda q: q["id"] != "nps")


def test_a_survey_is_designed_then_answered_without_scripts_and_moves_the_nps(
    place: Place, visit: Callable[..., Visit]
) -> None:
    there = visit()
    page = there.page
    page.goto(f"{place.pages}/surveys/new")
    there.check()
    page.get_by_label("Name, for you").fill("Designed here")
    page.get_by_label("In whose name it asks").fill("Larkfield")
    page.get_by_label("Recommendation").check()
    page.get_by_role("button", name="Make it").click()
    preview = page.frame_locator("iframe")
    expect(preview.get_by_text("How likely are you to recommend Larkfield")).to_be_visible()
    there.check()

    page.get_by_label("Question", exact=True).first.fill("Would you tell a friend about {brand}?")
    expect(preview.get_by_text("Would you tell a friend about Larkfield?")).to_be_visible()
    page.get_by_label("test mode: answers do not count").uncheck()
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_role("status")).to_contain_text("Saved as version 2.")
    address = until(lambda: place.door.page("designed-here"))
    page.reload()
    expect(page.get_by_role("link", name="Its page")).to_have_attribute("href", address)
    there.check()

    plain = visit(java_script_enabled=False).page
    plain.goto(f"{address}?a.recommend=9")
    expect(plain.get_by_role("radio", name="9", exact=True)).to_be_checked()
    assert place.workspace.kpi("nps").to_list()[0]["n"] == 0  # looking stores nothing
    plain.wait_for_timeout(1_100)  # nobody answers within a second: such an answer would be flagged
    plain.get_by_role("button", name="Send this answer").click()
    plain.get_by_label("What did you like most?").fill("The <b>people</b>")
    plain.get_by_role("button", name="Send").click()
    expect(plain.get_by_role("heading", name="Thank you")).to_be_visible()
    figure = until(lambda: (f := place.workspace.kpi("nps").to_list()[0])["n"] and f)
    assert (figure["n"], figure["value"]) == (1, 100.0)
    # The score reaches the lake alone where it is merged before the second page is sent.
    row = until(lambda: next((r for r in place.rows("designed-here", 1) if r["complete"]), None))
    assert (row["score"], row["complete"], row["question_version"][:4]) == (9, True, "own-")

    plain.get_by_role("link", name="Change my answer").click()
    plain.get_by_role("radio", name="2", exact=True).check(force=True)
    plain.wait_for_timeout(1_100)
    plain.get_by_role("button", name="Next").click()
    plain.get_by_role("button", name="Send").click()
    expect(plain.get_by_role("heading", name="Thank you")).to_be_visible()
    until(lambda: place.workspace.kpi("nps").to_list()[0]["value"] == -100.0)


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("en", 1280, "light"), ("ar", 360, "dark"), ("ja", 360, "light")]
)
def test_the_page_has_no_barrier(
    place: Place, visit: Callable[..., Visit], language: str, width: int, scheme: str
) -> None:
    if "whole" not in place.shelf.ids():
        place.put("whole", _everything(), languages=["en", "ar", "ja"])
    there = visit(width, color_scheme=scheme)
    there.page.goto(f"{place.door.page('whole')}?lang={language}")
    there.check()
    there.page.keyboard.press("Tab")
    there.page.keyboard.press("Space")
    there.page.keyboard.press("ArrowRight" if language != "ar" else "ArrowLeft")
    expect(there.page.get_by_role("radio", checked=True)).to_have_count(1)
    there.page.get_by_role("button").last.click()
    there.page.locator("textarea").last.wait_for()
    there.check()


def test_the_widget_asks_on_another_origin_under_a_strict_policy(place: Place, visit: Callable[..., Visit]) -> None:
    questions = [
        {"id": "recommend", "type": "nps", "required": True},
        {"id": "why", "type": "followup", "options": {"of": "recommend"}},
        {"id": "solved", "type": "resolution", "when": {"question": "recommend", "outcome": ["low"]}},
    ]
    place.put("widget", questions)
    place.show("widget", identity=signed(SECRET, {"customer_id": "c7"}))
    there = visit(390)
    page = there.page
    page.goto(place.site.origin)
    box = page.get_by_role("dialog", name="Survey")
    expect(box).to_be_visible()
    there.check()
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("alert")).to_have_text("Please answer this question.")
    box.get_by_role("radio", name="3", exact=True).check(force=True)
    box.get_by_role("button", name="Next").click()
    box.get_by_label("What went wrong").fill("It was <late>")
    box.get_by_role("radio", name="No").check()
    there.check()
    box.get_by_role("button", name="Send").click()
    expect(box.get_by_role("heading", name="Thank you")).to_be_visible()
    rows = {row["question_id"]: row for row in place.rows("widget", 2)}
    assert (rows["recommend"]["score"], rows["recommend"]["customer_id"]) == (3, "c7")
    assert (rows["solved"]["choice"], rows["solved"]["channel"], rows["solved"]["complete"]) == ("no", "widget", True)
    assert len({row["submission_id"] for row in rows.values()}) == 1
    assert there.context.cookies() == []
    there.check()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(box).to_have_count(0)  # it has been asked


def test_the_widget_keeps_answers_while_there_is_no_network(place: Place, visit: Callable[..., Visit]) -> None:
    place.put("offline", [{"id": "easy", "type": "ease"}])
    place.show("offline", identity="c8.forged")
    there = visit()
    there.page.goto(place.site.origin)
    box = there.page.get_by_role("dialog")
    box.get_by_role("radio", name="6", exact=True).check(force=True)
    there.context.set_offline(True)
    box.get_by_role("button", name="Send").click()
    expect(box.get_by_role("status")).to_contain_text("It will be sent again later.")
    assert there.page.evaluate("JSON.parse(localStorage['wellheard-queue']).length") == 1
    there.context.set_offline(False)
    (row,) = place.rows("offline", 1)
    assert (row["score"], row["customer_id"]) == (6, None)  # what is not signed names nobody
    until(lambda: there.page.evaluate("localStorage['wellheard-queue']") == "[]")


def test_an_anonymous_answer_by_the_widget_is_whole_and_leaves_nothing_on_the_device(
    place: Place, visit: Callable[..., Visit]
) -> None:
    questions = [{"id": "mood", "type": "satisfaction"}, {"id": "why", "type": "followup", "options": {"of": "mood"}}]
    survey = place.put("unnamed", questions, anonymous=True)
    place.show("unnamed", identity=signed(SECRET, {"customer_id": "c9"}))
    there = visit()
    there.page.goto(place.site.origin)
    box = there.page.get_by_role("dialog")
    expect(box).to_contain_text("This survey is anonymous.")
    box.get_by_role("radio", name=re.compile("^2")).check(force=True)
    box.get_by_role("button", name="Next").click()
    box.get_by_label("What went wrong").fill("Nobody listens")
    box.get_by_role("button", name="Send").click()
    code = box.locator("code")
    expect(code).to_be_visible()
    there.check()
    kept = there.page.evaluate("JSON.stringify(Object.entries(localStorage).filter(([key]) => !key.includes('seen')))")
    assert code.inner_text() not in kept
    with place.door.published.store.reading() as con:
        columns = "given, complete, answered_in"
        (row,) = con.exec_driver_sql(f"select {columns} from anonymous_answers where survey_key = '{survey.key}'").all()
    (said,) = json.loads(row.given)
    assert (said["score"], said["comment"], row.complete) == (2, "Nobody listens", 1)
    assert "c9" not in str(tuple(row))
    assert re.search(r":00:00", str(row.answered_in))


def test_S20_the_widget_stays_away_from_sites_that_the_survey_does_not_name(
    place: Place, visit: Callable[..., Visit]
) -> None:
    place.put("elsewhere", [{"id": "easy", "type": "ease"}], origins=["https://www.example.com"])
    place.show("elsewhere")
    there = visit()
    with there.page.expect_console_message(lambda message: message.type == "error"):
        there.page.goto(place.site.origin)
    assert there.wrong
    assert all("CORS" in text or "Failed to load" in text or "403" in text for text in there.wrong), there.wrong
    assert there.page.get_by_role("dialog").count() == 0


def test_the_widget_draws_every_type_for_keys_and_calm_eyes(place: Place, visit: Callable[..., Visit]) -> None:
    place.put("types", _everything(), languages=["en", "ar"])
    place.show("types", language="ar")
    there = visit(360, reduced_motion="reduce", color_scheme="dark")
    there.page.goto(place.site.origin)
    box = there.page.get_by_role("dialog")
    expect(box).to_have_attribute("dir", "rtl")
    assert box.evaluate("at => getComputedStyle(at).animationName") == "none"
    there.check()
    box.locator("input").first.focus()
    there.page.keyboard.press("ArrowLeft")
    there.page.keyboard.press("Enter")
    expect(box.locator("textarea")).not_to_have_count(0)
    assert there.page.evaluate("document.activeElement.shadowRoot.activeElement !== null")
    there.check()


def test_S8_hostile_words_stay_words_in_page_and_widget(
    place: Place, visit: Callable[..., Visit], hostile: tuple[str, ...]
) -> None:
    text = " ".join(hostile)
    questions = _everything()
    for question in questions:
        keys = question["words"].get("en", {})
        question["words"] = {"en": {"title": text, **dict.fromkeys(keys, text)}}
    told = {"title": text, "intro": text}
    ends = [{"words": {"en": {"title": text, "text": text, "link": text}}, "link": "https://example.com/"}]
    place.put("hostile", questions, words={"en": told}, thanks=ends, branding={"name": hostile[1]})
    place.show("hostile")
    there = visit()
    asked: list[str] = []
    there.page.on("request", lambda request: asked.append(request.url))
    there.page.goto(place.site.origin)
    box = there.page.get_by_role("dialog")
    expect(box).to_contain_text("window.hit")
    box.get_by_role("button").last.click()
    expect(box.locator("textarea").first).to_be_visible()
    box.locator("textarea").first.fill(text)
    box.get_by_role("button").last.click()
    expect(box.get_by_role("heading")).to_contain_text("window.hit")
    there.page.goto(f"{place.door.page('hostile')}?a.text=%3Cscript%3Ewindow.hit%3D1%3C/script%3E")
    assert there.page.evaluate("window.hit") is None
    ours = re.compile(rf"({re.escape(place.site.origin)}|{re.escape(place.door.address)})/")
    assert [url for url in asked if not ours.match(url)] == []
    assert there.wrong == []


def test_S8_none_of_140_hostile_texts_runs_in_page_or_widget(
    place: Place, visit: Callable[..., Visit], corpus: tuple[str, ...]
) -> None:
    questions = []
    for number in range(0, len(corpus), 35):
        keys = [f"o{n}" for n in range(35)]
        words = {"title": corpus[number], **dict(zip(keys, corpus[number : number + 35], strict=True))}
        questions.append({"id": f"q{number}", "type": "choices", "options": {"choices": keys}, "words": {"en": words}})
    place.put("corpus", questions)
    place.show("corpus")
    there = visit()
    asked: list[str] = []
    there.page.on("request", lambda request: asked.append(request.url))
    for address in (place.site.origin, place.door.page("corpus") or ""):
        there.page.goto(address)
        expect(there.page.get_by_role("checkbox")).to_have_count(140)
        assert there.page.evaluate("window.hit") is None
    ours = re.compile(rf"({re.escape(place.site.origin)}|{re.escape(place.door.address)})/")
    assert [url for url in asked if not ours.match(url)] == []
    assert there.wrong == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_the_designer_has_no_barrier(place: Place, visit: Callable[..., Visit], width: int, scheme: str) -> None:
    id = f"drawn-{width}"
    place.put(id, _everything(), languages=["en", "ar"], test=True, thanks=[{"words": {"en": {"title": "Good"}}}])
    there = visit(width, color_scheme=scheme)
    for path in ("/surveys", "/surveys/new", f"/surveys/{id}?lang=ar"):
        there.page.goto(place.pages + path)
        there.page.evaluate("document.querySelectorAll('details').forEach((at) => { at.open = true; })")
        there.check()


def test_the_designer_works_without_scripts(place: Place, visit: Callable[..., Visit]) -> None:
    place.put("plain", [{"id": "easy", "type": "ease"}])
    page = visit(java_script_enabled=False).page
    page.goto(f"{place.pages}/surveys/plain")
    page.get_by_role("button", name="Satisfaction", exact=True).click()
    expect(page.get_by_role("heading", name="2. Satisfaction")).to_be_visible()
    page.get_by_label("What to show").select_option("thanks:")
    page.get_by_role("button", name="Show as it is now").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Thank you")).to_be_visible()
    page.get_by_role("button", name="Move question 2 up").click()
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert [q.type for q in place.shelf.survey("plain").questions] == ["satisfaction", "ease"]
