"""A survey from the designer to the NPS: sent by mail, answered from the mail, on its page and by the widget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.sink import Sink, mail_sink, text_of

from wellheard.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect  # noqa: E402
from tests.web.test_survey_browser import Place, Visit, until, visit  # noqa: E402

__all__ = ["visit"]


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with mail_sink() as made:
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Place]:
    settings = "".join(f"{name} = {value!r}\n" for name, value in sink.settings.items())
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("asking")
        yield Place(folder, stack, f'{settings}internal_hosts = ["127.0.0.1"]\n')


def nps(place: Place) -> tuple[Any, int]:
    row = place.workspace.kpi("nps").to_list()[0]
    return row["value"], row["n"]


def test_a_survey_is_designed_sent_and_answered_from_mail_page_and_widget(
    place: Place, sink: Sink, visit: Callable[..., Visit]
) -> None:
    now = datetime.now(UTC)
    Desk(place.workspace).deliver(
        {
            "customers": [{"source_id": "ada", "email": "ada@x.example"}],
            "conversations": [
                {"source_id": "t1", "customer_id": "ada", "opened_at": now - timedelta(hours=1), "resolved_at": now}
            ],
        },
        source="crm",
    )
    _design(place, visit)
    place.door.asker.plan()
    until(lambda: sink.mails)  # the server sends by itself what is planned
    assert sink.recipients == ["ada@x.example"]
    assert nps(place)[1] == 0

    links = re.findall(r'href="([^"]+)"', text_of(sink.mails[0], "html"))
    links = [link.replace("&amp;", "&") for link in links]
    plain = visit(java_script_enabled=False).page
    for link in links:  # as a mail scanner does
        assert plain.request.get(link).status == 200
    (nine,) = [link for link in links if link.endswith("a.recommend=9")]
    plain.goto(nine)
    expect(plain.get_by_role("radio", name="9", exact=True)).to_be_checked()
    assert nps(place)[1] == 0  # looking at any of the links stores nothing
    plain.wait_for_timeout(1_100)
    plain.get_by_role("button", name="Send this answer").click()
    plain.get_by_role("button", name="Send").click()
    expect(plain.get_by_role("heading", name="Thank you")).to_be_visible()
    until(lambda: nps(place) == (100.0, 1))
    (row,) = place.rows("after-support", 1)
    assert (row["customer_id"], row["conversation_id"], row["channel"]) == ("ada", "t1", "email")

    page = visit().page
    page.goto(str(place.door.page("after-support")))
    page.get_by_role("radio", name="3", exact=True).check(force=True)
    page.wait_for_timeout(1_100)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Send").click()
    until(lambda: nps(place) == (0.0, 2))

    place.show("after-support")
    shop = visit()
    shop.page.goto(place.site.origin)
    shop.page.get_by_role("radio", name="9", exact=True).check(force=True)
    shop.page.wait_for_timeout(1_100)
    shop.page.get_by_role("button", name="Next").click()
    shop.page.get_by_role("button", name="Send").click()
    until(lambda: nps(place)[1] == 3)
    assert nps(place)[0] == pytest.approx(100 / 3)
    assert shop.wrong == []

    _leave(plain, sink, place)


def _design(place: Place, visit: Callable[..., Visit]) -> None:
    """Makes the survey in the designer, with what sets it off."""
    there = visit()
    page = there.page
    page.goto(f"{place.pages}/surveys/new")
    page.get_by_label("Name, for you").fill("After support")
    page.get_by_label("Recommendation").check()
    page.get_by_role("button", name="Make it").click()
    page.get_by_label("What sets it off").select_option("conversation_resolved")
    page.get_by_label("Quiet from, where the person lives").fill("00:00")
    page.get_by_label("Quiet until").fill("00:00")
    page.get_by_label("Sites that may show the widget").fill(place.site.origin)
    page.get_by_label("test mode: answers do not count").uncheck()
    page.get_by_role("button", name="Forecast with these rules").click()
    expect(page.get_by_text("What to expect in the next three months")).to_be_visible()
    there.check()
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_role("status")).to_contain_text("Saved as version 2.")
    until(lambda: place.door.page("after-support"))


def _leave(plain: Any, sink: Sink, place: Place) -> None:
    """Leaves by the mail's own header with one POST (RFC 8058), and then nothing more is sent."""
    address = str(sink.mails[0]["List-Unsubscribe"]).strip("<>")
    answer = plain.request.post(address, form={"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    made = place.door.asker.invite("after-support", "ada", "link", "again")
    assert made is not None
    assert made.reason == "opted_out"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_of_who_was_asked_has_no_barrier(
    place: Place, visit: Callable[..., Visit], width: int, scheme: str
) -> None:
    there = visit(width, color_scheme=scheme)
    there.page.goto(f"{place.pages}/surveys/asked")
    there.check()
