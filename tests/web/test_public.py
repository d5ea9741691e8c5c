"""The public's door: a look stores nothing, limits hold, tokens alone change answers, forms need no script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from wellheard.base.settings import Settings
from wellheard.store.inbox import Inbox
from wellheard.store.invitations import invite
from wellheard.store.layout import ANONYMOUS_ANSWERS, ANSWERS, INVITATIONS, SURVEYS, UNSUBSCRIBES, USED_INVITATIONS
from wellheard.store.store import open_store
from wellheard.store.tokens import new_token
from wellheard.surveys.identity import signed
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf
from wellheard.web.public import reception
from wellheard.web.public.application import make_public_app
from wellheard.web.public.limits import Limit, TooMany, caller, networks_of
from wellheard.web.public.reception import reception_of

SITE, SECRET = "https://shop.example", "a secret of the site"
RELATIONSHIP = f"""
name = "Relationship"
languages = ["en", "de"]
origins = ["{SITE}"]
[[questions]]
id = "nps"
type = "nps"
required = true
[[questions]]
id = "why"
type = "followup"
options = {{ of = "nps" }}
"""
OPEN_TEXT = 'name = "Staff"\nanonymous = true\n[[questions]]\nid = "nps"\ntype = "nps"\n'
SCANNERS = (
    "Mozilla/5.0", "Googlebot/2.1", "bingbot/2.0", "Slackbot-LinkExpanding 1.0", "Twitterbot/1.0", "WhatsApp/2.0",
    "facebookexternalhit/1.1", "LinkedInBot/1.0", "TelegramBot", "Discordbot/2.0", "SkypeUriPreview", "Outlook-iOS/2.0",
    "ZmEu", "curl/8.5", "python-requests/2.31", "Java/17", "Barracuda Sentinel", "Mimecast", "Proofpoint", "SafeLinks",
)  # fmt: skip


class Door:
    """The public application over a store of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        (folder / "surveys").mkdir()
        for id, text in (("relationship", RELATIONSHIP), ("staff", OPEN_TEXT)):
            (folder / "surveys" / f"{id}.toml").write_text(text, "utf-8")
        self.settings = Settings(**{"survey_secret": SECRET, "answers_per_network": 100_000, **settings})
        self.store = open_store(folder, self.settings)
        self.inbox = Inbox(self.store)
        published = Published(self.store, Shelf(folder / "surveys"), "main")
        self.keys = {survey.id: survey.key for survey in published.all()}
        self.app = make_public_app(reception_of("main", self.settings, self.store, self.inbox, published))
        self.client = TestClient(self.app, base_url="https://ask.example", raise_server_exceptions=False)
        self.path = f"/s/{self.keys['relationship']}"

    def close(self) -> None:
        self.inbox.close()
        self.store.close()

    def send(self, answers: dict[str, Any], survey: str = "relationship", headers: Any = None, **more: Any) -> Any:
        return self.client.post(f"/s/{self.keys[survey]}/answers", json={"answers": answers, **more}, headers=headers)

    def rows(self, table: sa.Table = ANSWERS) -> list[dict[str, Any]]:
        with self.store.reading() as con:
            return [dict(row) for row in con.execute(table.select()).mappings()]

    def invited(self, survey: str = "relationship", **how: Any) -> str:
        with self.store.writing() as con:
            return invite(con, "main", self.keys[survey], datetime.now(UTC), about={"customer_id": "c7"}, **how)[1]


Open = Callable[..., Door]


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Open]:
    opened: list[Door] = []

    def make(**settings: Any) -> Door:
        opened.append(Door(tmp_path, **settings))
        return opened[-1]

    yield make
    for door in opened:
        door.close()


@pytest.fixture
def door(open_door: Open) -> Door:
    return open_door()


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    assert found
    return dict(found)


def slow(page: str) -> dict[str, str]:
    """The hidden fields as somebody sends them who took a minute."""
    given = fields_of(page)
    return given | ({"shown": str(int(given["shown"]) - 60_000)} if "shown" in given else {})


def test_s10_survey_addresses_are_random_and_no_id_opens_one(door: Door) -> None:
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in door.keys.values())
    assert door.client.get("/s/relationship").status_code == 404
    assert door.client.get(f"/s/{'0' * 32}").status_code == 404


@pytest.mark.slow
def test_s10_scanners_that_open_every_link_store_nothing(door: Door) -> None:
    token, edit = door.invited(), door.send({"nps": 9}).json()["edit"]
    before = door.rows()
    links = [f"{door.path}?i={token}", f"{door.path}?i={token}&a.nps={{}}", f"{door.path}?edit={edit}&a.nps=0",
             f"{door.path}/widget", f"{door.path}/delete", f"{door.path}/answers?a.nps=3", f"/u/{token}"]  # fmt: skip
    for agent in SCANNERS:
        for link in links:
            for score in (0, 10):
                door.client.get(link.replace("{}", str(score)), headers={"user-agent": agent})
                door.client.head(link.replace("{}", str(score)), headers={"user-agent": agent})
    assert door.rows() == before
    assert door.rows(UNSUBSCRIBES) == []
    assert [(row["seen_at"], row["unsubscribed_at"]) for row in door.rows(INVITATIONS)] == [(None, None)]


def test_a_score_in_a_mail_is_confirmed_by_a_button_and_then_stored_once(door: Door) -> None:
    token = door.invited()
    page = door.client.get(f"{door.path}?i={token}&a.nps=9&lang=de").text
    assert re.search(r'<input[^>]*value="9"[^>]*checked', page)
    assert 'lang="de"' in page
    form = slow(page) | {"a.nps": "9"}
    first = door.client.post(door.path, data=form)
    assert first.status_code == 200
    (row,) = door.rows()
    said = json.loads(row["given"])
    assert [(a["question_id"], a["score"], a["scale_max"]) for a in said] == [("nps", 9, 10)]
    assert (row["customer_id"], row["language"], row["flag"]) == ("c7", "de", None)
    # The follow-up stands on the next page; it changes the same answer.
    more = slow(first.text) | {"a.nps": "9", "a.why": "Quick & kind"}
    thanks = door.client.post(door.path, data=more)
    assert "form" not in thanks.text
    (row,) = door.rows()
    assert (json.loads(row["given"])[0]["comment"], row["complete"]) == ("Quick & kind", True)
    assert door.client.post(door.path, data=more).status_code == 200  # the page is loaded again
    assert len(door.rows()) == 1


def test_answers_that_were_not_offered_are_shown_again_and_not_stored(door: Door) -> None:
    form = slow(door.client.get(door.path).text)
    for wrong in ({"a.nps": "11"}, {"a.nps": ""}, {"a.nps": "9'; drop table answers"}):
        page = door.client.post(door.path, data=form | wrong)
        assert (page.status_code, 'role="alert"' in page.text) == (422, True)
    for wrong_json in ({"nps": 11}, {"nps": {"a": 1}}, {"nps": [9]}, {"nps": True}, {"other": 1}, {}):
        said = door.send(wrong_json)
        assert (said.status_code, said.json()["error"]["code"]) == (422, "bad_answer")
    assert door.rows() == []


def test_s10_an_answer_is_changed_by_its_token_alone(door: Door) -> None:
    kept = door.send({"nps": 9}, key=new_token()).json()
    for wrong in (new_token(), kept["id"], door.keys["relationship"]):
        assert door.send({"nps": 1}, edit=wrong).status_code == 404
    assert door.send({"nps": 1}, survey="staff", edit=kept["edit"]).status_code == 404
    assert door.send({"nps": 2}, edit=kept["edit"]).json()["state"] == "changed"
    assert [json.loads(row["given"])[0]["score"] for row in door.rows()] == [2]


def test_s11_limits_by_network_survey_and_invitation(open_door: Open) -> None:
    door = open_door(answers_per_network=8, answers_per_survey=5, answers_per_invitation=2)
    token = door.invited()
    sent = [door.send({"nps": 9}, invitation=token).status_code for _ in range(3)]
    assert sent == [201, 200, 429]
    assert [door.send({"nps": 9}).status_code for _ in range(3)] == [201, 201, 429]  # the survey's own limit
    refused = door.client.get(f"/s/{door.keys['staff']}")
    assert [door.client.get("/u/x").status_code for _ in range(2)] == [200, 429]
    assert refused.status_code == 200
    assert int(door.client.get("/u/x").headers["retry-after"]) > 0


@pytest.mark.slow
def test_s11_a_thousand_forged_addresses_are_one_caller(open_door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "Limit", partial(Limit, clock=lambda: 0.0))  # however long the test takes
    door = open_door(answers_per_network=20)
    answers = [door.send({"nps": 9}, headers={"x-forwarded-for": f"203.0.{i // 250}.{i % 250}"}) for i in range(1000)]
    assert sum(a.status_code == 201 for a in answers) == 20
    assert len(door.rows()) == sum(a.status_code == 201 for a in answers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "counted"),
    [
        ("198.51.100.7", None, (), "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", (), "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.2", "6.6.6.6, 203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.2", "6.6.6.6, 203.0.113.9, 10.0.0.5", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.2", "not an address", ("10.0.0.0/8",), "10.0.0.2"),
        ("192.0.2.1", "203.0.113.9", ("10.0.0.0/8",), "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", None, (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, (), "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", None, (), "198.51.100.7"),
        ("10.0.0.2", "2001:db8:9:9::1", ("10.0.0.0/8",), "2001:db8:9:9::/64"),
    ],
)
def test_s11_whom_a_call_is_counted_for(
    peer: str, forwarded: str | None, trusted: tuple[str, ...], counted: str
) -> None:
    assert caller(peer, forwarded, networks_of(trusted)) == counted


def test_s11_a_limit_fills_again_with_time_and_r10_not_by_turning_the_clock() -> None:
    now = [1000.0]
    limit = Limit("here", 60, lambda: now[0])
    for _ in range(60):
        limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")
    limit.take("b")
    now[0] -= 3600
    with pytest.raises(TooMany):
        limit.take("a")
    now[0] += 3600 + 2
    limit.take("a")
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


def test_s11_bodies_are_bounded_in_size_depth_and_text(door: Door) -> None:
    path = f"{door.path}/answers"
    json_type = {"content-type": "application/json"}
    big = b'{"answers": {"nps": 9}, "website": "' + b"x" * 64_000 + b'"}'
    assert door.client.post(path, content=big, headers=json_type).status_code == 413
    streamed = door.client.post(path, content=(b"x" * 1_000 for _ in range(100)), headers=json_type)
    assert streamed.status_code == 413
    assert door.client.post(door.path, content=b"a.nps=9&x=" + b"y" * 64_000).status_code == 413
    for bad in (b"[" * 60_000, b'{"answers":' * 5_000, b"{", b"null", b'"x"', b'{"answers": [1]}', b"\xff\xfe", b""):
        assert door.client.post(path, content=bad, headers=json_type).status_code == 422, bad[:20]
    deep: Any = "x"
    for _ in range(8):
        deep = {"a": deep}
    assert door.send({"nps": deep}).json()["error"]["code"] == "bad_answer"  # ten levels are read, and none fits
    assert door.send({"nps": {"a": deep}}).json()["error"]["code"] == "bad_call"
    long = "x" * 9_000
    for field in ("key", "invitation", "edit", "identity", "language", "channel", "touchpoint", "website"):
        assert door.send({"nps": 9}, **{field: long}).status_code == 422, field
    assert door.send({"nps": long}).status_code == 422
    assert door.send({"nps": 9, "why": "x" * 4_001}).status_code == 422
    assert door.send({str(i): 1 for i in range(61)}).status_code == 422
    for extra in ("customer_id", "workspace", "flag", "submission_id", "answered_at"):  # S5: nothing else is taken
        assert door.send({"nps": 9}, **{extra: "x"}).status_code == 422
    assert door.rows() == []


def test_s20_pages_of_other_origins_may_answer_only_where_the_survey_names_them(door: Door) -> None:
    asked = {"origin": SITE, "access-control-request-method": "POST"}
    allowed = door.client.options(f"{door.path}/answers", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-credentials" not in allowed.headers
    kept = door.send({"nps": 9}, headers={"origin": SITE})
    assert (kept.status_code, kept.headers["access-control-allow-origin"]) == (201, SITE)
    for origin in ("https://evil.example", "null", SITE + ".evil.example", "http://shop.example"):
        for said in (
            door.send({"nps": 1}, headers={"origin": origin}),
            door.client.get(f"{door.path}/widget", headers={"origin": origin}),
            door.client.options(f"{door.path}/answers", headers={**asked, "origin": origin}),
        ):
            assert said.status_code == 403
            assert "access-control-allow-origin" not in said.headers
    # Without an announcement as JSON a page of any origin could send it unasked.
    plain = door.client.post(f"{door.path}/answers", content=b'{"answers": {"nps": 1}}')
    assert plain.status_code == 422
    assert len(door.rows()) == 1


def test_an_identity_counts_only_when_the_site_signed_it(door: Door) -> None:
    now = datetime.now(UTC).timestamp()
    good = signed(SECRET, {"customer_id": "c9", "until": int(now) + 60})
    late = signed(SECRET, {"customer_id": "c9", "until": int(now) - 1})
    forged = (signed("another secret!!", {"customer_id": "c9"}), good[:-4] + "AAAA", "x.y", "é.é", late, good + "x")
    door.send({"nps": 1}, identity=good)
    for statement in forged:
        assert door.send({"nps": 2}, identity=statement).status_code == 201
    assert [row["customer_id"] for row in door.rows()] == ["c9"] + [None] * len(forged)


def test_programs_are_flagged_and_their_answers_kept(door: Door) -> None:
    page = door.client.get(door.path).text
    door.client.post(door.path, data=slow(page) | {"a.nps": "10", "website": "https://spam.example"})
    door.client.post(door.path, data=fields_of(door.client.get(door.path).text) | {"a.nps": "10"})
    said = door.send({"nps": 10}, website="x")
    assert [row["flag"] for row in door.rows()] == ["spam", "too_fast", "spam"]
    assert "spam" not in said.text


def test_p3_an_anonymous_answer_keeps_no_address_no_agent_and_no_finer_time_than_the_hour(door: Door) -> None:
    token = door.invited("staff", anonymous=True)
    identity = signed(SECRET, {"customer_id": "customer-7", "agent_id": "agent-3"})
    headers = {"user-agent": "Telltale/1.0", "x-forwarded-for": "203.0.113.77"}
    said = door.send({"nps": 9}, "staff", headers=headers, invitation=token, identity=identity)
    (row,) = door.rows(ANONYMOUS_ANSWERS)
    told = json.dumps(row, default=str)
    for trace in ("Telltale", "203.0.113", "testclient", "customer-7", "agent-3", token, said.json()["edit"]):
        assert trace not in told
    assert (row["answered_in"].minute, row["answered_in"].second, row["answered_in"].microsecond) == (0, 0, 0)
    assert said.json()["id"] is None
    assert len(door.rows(USED_INVITATIONS)) == 1
    assert door.rows() == []


def test_p3_a_person_deletes_an_anonymous_answer_by_its_receipt(door: Door) -> None:
    path = f"/s/{door.keys['staff']}"
    form = slow(door.client.get(path).text) | {"a.nps": "3"}
    page = door.client.post(path, data=form).text
    (receipt,) = re.findall(r"<code>([^<]+)</code>", page)
    assert door.client.post(f"{path}/delete", data={"receipt": new_token()}).status_code == 404
    assert door.client.post(f"{path}/delete", data={"receipt": f" {receipt} "}).status_code == 200
    kept = door.send({"nps": 1}, "staff").json()["edit"]
    for status in (204, 404):
        assert door.client.request("DELETE", f"{path}/receipt", json={"receipt": kept}).status_code == status
    assert [row["deleted"] for row in door.rows(ANONYMOUS_ANSWERS)] == [True, True]


def test_an_invitation_that_ran_out_or_never_was_takes_no_answer(door: Door) -> None:
    old = door.invited(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert door.send({"nps": 9}, invitation=old).status_code == 410
    assert door.send({"nps": 9}, invitation=new_token()).status_code == 404
    assert door.client.post(door.path, data={"a.nps": "9", "i": old, "step": "0"}).status_code == 410
    assert door.rows() == []


def test_whoever_is_asked_can_leave_with_one_press(door: Door) -> None:
    token = door.invited()
    assert door.client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert door.client.post(f"/u/{token}").status_code == 200
    assert door.client.post(f"/u/{new_token()}").status_code == 404
    assert [row["customer_id"] for row in door.rows(UNSUBSCRIBES)] == ["c7"]


def test_a_survey_that_is_closed_takes_nothing_and_a_changed_file_is_served(door: Door, tmp_path: Path) -> None:
    path = tmp_path / "surveys" / "relationship.toml"
    path.write_text("open = false\n" + RELATIONSHIP, "utf-8")
    reception = door.app.state.reception
    reception.published._looked = -10.0  # as a second later
    assert door.client.get(door.path).status_code == 410
    assert (door.send({"nps": 9}).status_code, door.client.post(door.path, data={"a.nps": "9"}).status_code) == (
        410,
        410,
    )
    assert door.rows() == []
    assert len(door.rows(SURVEYS)) == 2


def test_what_goes_wrong_on_our_side_is_told_without_what_was_said(door: Door) -> None:
    door.store.engine.dispose()
    with door.store.writing() as con:
        con.execute(sa.text("drop table anonymous_answers"))
    said = door.send({"nps": 9}, "staff", key="k" * 20)
    assert said.status_code == 503
    assert "anonymous_answers" not in said.text
    assert door.send({"nps": 9}).status_code == 201  # other surveys go on


def seen_at(door: Door) -> list[Any]:
    return [row["seen_at"] for row in door.rows(INVITATIONS)]


def test_an_invitation_was_seen_when_a_person_moves_on_its_page_and_not_when_the_page_is_fetched(door: Door) -> None:
    token = door.invited()
    page = door.client.get(f"{door.path}?i={token}")
    assert seen_at(door) == [None]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text)
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{mark}'; connect-src 'self'" in page.headers["content-security-policy"]

    assert door.client.post(f"{door.path}/seen", data={"i": token}).status_code == 204
    first = seen_at(door)
    assert first != [None]
    assert door.client.post(f"{door.path}/seen", data={"i": token}).status_code == 204
    assert seen_at(door) == first
    assert door.client.post(f"{door.path}/seen", data={"i": "x" * 22}).status_code == 404
    assert door.client.get(f"{door.path}/seen?i={token}").status_code == 405


def test_p3_of_an_anonymous_invitation_nobody_learns_when_it_was_seen(door: Door) -> None:
    token = door.invited("staff", anonymous=True)
    path = f"/s/{door.keys['staff']}"
    assert "<script" not in door.client.get(f"{path}?i={token}").text
    assert door.client.post(f"{path}/seen", data={"i": token}).status_code == 204
    assert seen_at(door) == [None]


def test_a_page_without_an_invitation_has_no_script(door: Door) -> None:
    page = door.client.get(door.path)
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
