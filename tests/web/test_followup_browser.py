"""Following up in a browser: no barriers on any page, and a case worked through with keys alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.web.test_browser import AXE, DEVICES, WAIT, Visit, _served

from wellheard.actions.broadcast import broadcast_from
from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.message import Message
from wellheard.actions.sending import queue_message
from wellheard.app import Workspace
from wellheard.desk import Desk
from wellheard.serving import services_of
from wellheard.store import deliveries as outbox
from wellheard.store.broadcasts import save_broadcast
from wellheard.store.cases import Opening, case, open_case
from wellheard.store.connections import keep_connection
from wellheard.store.hooks import keep_hook
from wellheard.web.server import make_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RULE = 'name = "Detractors"\n[when]\ntrigger = "answer"\nkind = "nps"\nat_most = 6\n[[do]]\naction = "case"\n'
PAGES = ("/cases", "/cases/1", "/cases/4", "/alerts", "/incidents", "/rules", "/rules/detractors", "/rules/new",
         "/deliveries", "/deliveries/1", "/deliveries?channel=zendesk", "/broadcasts", "/broadcasts/new")  # fmt: skip
EMPTY = ("/cases", "/alerts", "/incidents", "/rules", "/deliveries", "/broadcasts")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Workspace(tmp_path_factory.mktemp("empty") / "home") as workspace:
        yield from _served(make_app(services_of(workspace), warm=False))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    with Workspace(tmp_path_factory.mktemp("filled") / "home") as workspace:
        services = services_of(workspace)
        _fill(workspace, services.loop())
        for address in _served(make_app(services, warm=False)):
            yield address, workspace


def _fill(workspace: Workspace, loop: ClosedLoop) -> None:
    now = loop.sender.now()
    answers = [
        {"source_id": f"a{n}", "kind": "nps", "score": n, "answered_at": now - timedelta(days=n)} for n in range(8)
    ]
    Desk(workspace).deliver({"survey_responses": answers})
    loop.book.save("detractors", RULE)
    told = {"text": "The parcel never came.", "facts": [["score", "2"]], "customers": ["c1", "c2"],
            "customer": {"id": "c1", "email": "a@x.example"}}  # fmt: skip
    with loop.store.writing() as con:
        vault = loop.sender.vault
        keep_connection(con, "main", vault, "mail", "email", {"host": "mail.invalid", "from": "cx@x.example"}, {}, now)
        keep_hook(con, "main", vault, "help", "freshdesk", "a-secret-of-the-test", now)
        for kind, n in (("answer", 1), ("answer", 2), ("alert", 3), ("incident", 4)):
            due = now - timedelta(hours=1) if n == 2 else now + timedelta(hours=5)
            open_case(
                con, "main", Opening(kind, str(n), f"Title {n}", told, "detractors", owner="anna", due_at=due), now
            )
        queue_message(con, loop.sender, Message("0" * 32, "notice", "Late", "text", made_at=now), "mail")
        (claimed,) = outbox.claim(con, "main", vault, now + timedelta(seconds=5))
        outbox.settle_failed(con, claimed.number, "the mail server said no", now, 0.2, retry=False)
        file = {"name": "News", "through": "mail", "subject": "Hi", "text": "Hello"}
        save_broadcast(con, "main", "News", broadcast_from(file).model_dump(mode="json"), "owner", now)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def opened(address: str, device: str = "desktop", scheme: str = "light") -> Visit:
        context = browser.new_context(viewport=DEVICES[device], color_scheme=scheme)  # type: ignore[arg-type]
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


@pytest.mark.parametrize(("device", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_no_page_of_following_up_has_a_serious_barrier(
    visit: Callable[..., Visit], filled: tuple[str, Workspace], empty: str, device: str, scheme: str
) -> None:
    for address, pages in ((filled[0], PAGES), (empty, EMPTY)):
        there = visit(address, device, scheme)
        for path in pages:
            there.open(path)
            there.check()


def test_a_case_is_worked_through_with_keys_alone(visit: Callable[..., Visit], filled: tuple[str, Workspace]) -> None:
    address, workspace = filled
    there = visit(address)
    page = there.page
    there.open("/cases")
    page.keyboard.press("j")  # the overdue one stands first
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 · Title 2")
    there.settle()
    page.keyboard.press("e")
    expect(page.locator(".lead").first).to_contain_text("In hand")
    there.settle()
    page.keyboard.press("m")
    page.keyboard.type("called them, j and e are letters here")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("called them, j and e are letters here")
    there.settle()
    page.keyboard.press("c")
    page.keyboard.press("Tab")
    page.keyboard.type("refunded")
    page.keyboard.press("Enter")
    expect(page.locator(".lead").first).to_contain_text("recovered")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cases")
    assert there.wrong == []
    loop = services_of(workspace).loop()
    with loop.store.reading() as con:
        closed = case(con, "main", 2)
    loop.store.close()
    assert (closed.state, closed.outcome, closed.reason) == ("closed", "recovered", "refunded")
