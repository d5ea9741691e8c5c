"""The pages of following up: empty, filled with hostile texts, and what their forms do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pytest_httpserver import HTTPServer

from wellheard.actions.message import Message
from wellheard.actions.sending import queue_message
from wellheard.base.chat import Chat
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall
from wellheard.desk import Desk
from wellheard.store import deliveries as outbox
from wellheard.store import hooks
from wellheard.store.broadcasts import people_of
from wellheard.store.cases import Opening, Search, case, cases, change_case, entries, open_case
from wellheard.store.connections import keep_connection
from wellheard.store.refusals import refuse

PAGES = ("/cases", "/alerts", "/incidents", "/rules", "/deliveries", "/broadcasts")
DETRACTORS = 'name = "Detractors"\n[when]\ntrigger = "answer"\nkind = "nps"\nat_most = 6\n[[do]]\naction = "case"\n'


class Team:
    """A browser over an empty workspace, and its closed loop."""

    def __init__(self, client: TestClient, token: str) -> None:
        self.client, self.token = client, token
        self.workspace = client.workspace  # type: ignore[attr-defined]
        self.loop = client.app.state.site.services.loop()  # type: ignore[attr-defined]
        self.desk = Desk(self.workspace)

    def post(self, path: str, **form: str) -> Any:
        return self.client.post(path, data={"form_token": self.token, **form}, follow_redirects=False)

    def open(self, kind: str = "answer", **more: Any) -> int:
        told = {"subject": f"s{datetime.now(UTC).timestamp()}", "title": "NPS 2", "details": {}, **more}
        with self.loop.store.writing() as con:
            return open_case(con, "main", Opening(kind=kind, **told), self.loop.sender.now())[0]

    def case(self, number: int) -> Any:
        with self.loop.store.reading() as con:
            return case(con, "main", number)

    def history(self, number: int) -> list[str]:
        with self.loop.store.reading() as con:
            return [entry.kind for entry in entries(con, number)]

    def mail(self) -> None:
        fields = {"host": "127.0.0.1", "port": "9", "from": "cx@x.example"}
        with self.loop.store.writing() as con:
            keep_connection(con, "main", self.loop.sender.vault, "mail", "email", fields, {}, self.loop.sender.now())


@pytest.fixture
def team(fresh: TestClient, token_of: Callable[[TestClient], str]) -> Team:
    return Team(fresh, token_of(fresh))


@pytest.mark.slow
def test_empty_pages_say_what_to_do_and_forms_need_their_token(team: Team) -> None:
    for path in (*PAGES, "/rules/new", "/broadcasts/new"):
        page = team.client.get(path)
        assert page.status_code == 200, path
        assert "yet" in page.text or "new" in path
    refused = team.client.post("/rules", data={"name": "x", "text": DETRACTORS})
    assert refused.status_code == 403
    for path in ("/cases/77", "/cases/x", "/deliveries/77", "/broadcasts/none", "/rules/none", "/cases/1/acknowledge"):
        assert team.client.get(path).status_code in (404, 405, 422), path


@pytest.mark.slow
def test_hostile_texts_stay_texts_on_every_page(
    team: Team, hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    for kind, text in (("answer", "\n".join(hostile)), ("alert", hostile[0]), ("incident", hostile[1])):
        told = {"text": text, "facts": [[text, text]], "customer": {"id": text, "name": text, "email": text},
                "customers": [text], "rule": text}  # fmt: skip
        number = team.open(kind, title=text, details=told, owner=text, play=text)
        team.post(f"/cases/{number}/comment", words=text)
        harmless(team.client.get(f"/cases/{number}").text)
    with team.loop.store.writing() as con:
        message = Message("0" * 32, "notice", hostile[0], hostile[1], facts=((hostile[2], hostile[3]),))
        queue_message(con, team.loop.sender, message, hostile[4])
    team.post("/cases/views", name=hostile[0], query="owner=x")
    for path in (*PAGES, "/deliveries/1", "/incidents/3/report", "/cases/figures"):
        page = team.client.get(path)
        assert page.status_code == 200
        if not path.endswith("report"):
            harmless(page.text)
    assert team.client.get("/incidents/3/report").headers["content-type"].startswith("text/markdown")


def test_a_case_goes_through_its_steps(team: Team) -> None:
    number, other = team.open(), team.open()
    assert team.post(f"/cases/{number}/acknowledge").status_code == 303
    assert (team.case(number).state, team.case(number).owner) == ("acknowledged", "owner")
    team.post(f"/cases/{number}/snooze", hours="24")
    assert team.case(number).snoozed_until > team.loop.sender.now() + timedelta(hours=23)
    team.post(f"/cases/{number}/assign", owner="anna")
    team.post(f"/cases/{number}/comment", words="called them")
    assert team.post(f"/cases/{number}/close", outcome="nonsense").status_code == 422
    team.post(f"/cases/{number}/close", outcome="recovered", words="they got a refund")
    closed = team.case(number)
    assert (closed.state, closed.outcome, closed.reason) == ("closed", "recovered", "they got a refund")
    assert team.post(f"/cases/{number}/acknowledge").status_code == 422
    team.post(f"/cases/{number}/reopen")
    team.post(f"/cases/{number}/merge", into=str(other))
    assert (team.case(number).state, team.case(number).merged_into) == ("merged", other)
    kinds = ["opened", "acknowledged", "snoozed", "assigned", "comment", "closed", "reopened", "merged"]
    assert team.history(number) == kinds
    assert "1 of 1" not in team.client.get("/cases/figures").text  # it was opened again, so none is closed


def test_the_inbox_is_narrowed_and_views_are_kept(team: Team) -> None:
    team.open(title="First", owner="anna", team="care")
    late = {"due_at": team.loop.sender.now() - timedelta(hours=1)}
    team.open(title="Second", details={"text": "the parcel"}, **late)
    shown = {
        query: [t for t in ("First", "Second") if f"· {t}" in team.client.get(f"/cases?{query}").text]
        for query in ("", "owner=anna", "q=parcel", "overdue=1", "team=care", "state=closed")
    }
    assert shown == {
        "": ["First", "Second"],
        "owner=anna": ["First"],
        "q=parcel": ["Second"],
        "overdue=1": ["Second"],
        "team=care": ["First"],
        "state=closed": [],
    }
    assert (
        team.post("/cases/views", name="Anna's", query="owner=anna&strange=1").headers["location"]
        == "/cases?owner=anna"
    )
    assert 'href="/cases?owner=anna"' in team.client.get("/cases").text


@pytest.mark.slow
def test_a_rule_is_made_tried_turned_off_and_removed(team: Team) -> None:
    assert team.post("/rules", name="detractors", text=DETRACTORS.replace("nps", "nps'")).status_code == 303
    wrong = team.post("/rules", name="wrong", text=DETRACTORS.replace("answer", "nothing"))
    assert wrong.status_code == 422
    assert "There is no trigger" in wrong.text
    team.post("/rules/detractors", text=DETRACTORS)
    now = team.loop.sender.now()
    answers = [
        {
            "source_id": f"a{n}",
            "kind": "nps",
            "score": score,
            "answered_at": now - timedelta(hours=n),
            "comment": "why not",
        }
        for n, score in enumerate((2, 9, 5), start=1)
    ]
    team.desk.deliver({"survey_responses": answers})
    dry = team.client.get("/rules/detractors/dry-run?days=30").text
    assert "it would have acted 2 times" in dry
    assert dry.count("why not") == 2
    assert team.client.get("/rules/detractors").status_code == 200
    assert "nobody yet" in team.client.get("/rules/detractors/effect").text
    team.post("/rules/detractors/turn", on="")
    assert team.loop.look_at_rules() == []
    team.post("/rules/detractors/turn", on="1")
    assert len(team.loop.look_at_rules()) == 2
    with team.loop.store.reading() as con:
        assert len(cases(con, "main", Search(), now)) == 2
    team.post("/rules/detractors/remove")
    assert team.client.get("/rules/detractors").status_code == 404


def test_a_connection_is_kept_sealed_and_a_dead_delivery_is_tried_again(team: Team) -> None:
    refused = team.post(
        "/deliveries/connections", channel="webhook", name="hook", url="http://127.0.0.1/x", secret="whsec_eA=="
    )
    assert refused.status_code == 403
    assert "internal network" in refused.text
    assert "whsec_eA==" not in refused.text
    made = team.post("/deliveries/connections", channel="slack", name="chat", token="xoxb-marker-token", channel_="C1")
    assert made.status_code == 303
    assert "xoxb-marker" not in team.client.get("/deliveries?channel=slack").text
    tried = team.post("/deliveries/connections/chat/try")
    number = int(tried.headers["location"].rpartition("/")[2])
    now = team.loop.sender.now()
    with team.loop.store.writing() as con:
        (claimed,) = outbox.claim(con, "main", team.loop.sender.vault, now)
        outbox.settle_failed(con, claimed.number, "Slack refused: is_archived", now, 0.1, retry=False)
    for path in ("/deliveries", f"/deliveries/{number}", "/deliveries?state=dead", "/alerts"):
        assert "is_archived" in team.client.get(path).text
    assert team.post(f"/deliveries/{number}/replay").status_code == 303
    assert team.post(f"/deliveries/{number}/replay").status_code == 422  # it waits already
    team.post("/deliveries/connections/chat/remove")
    assert team.post("/deliveries/connections/chat/remove").status_code == 404


@pytest.mark.slow
def test_a_broadcast_is_seen_first_sent_once_and_refusals_are_kept(team: Team) -> None:
    team.mail()
    people = [
        {"source_id": f"c{n}", "name": name, "email": email, "segment": segment, "updated_at": "2025-01-01"}
        for n, (name, email, segment) in enumerate(
            (
                ("Ann Lee", "ann@x.example", "gold"),
                ("Bob", "bob@x.example", "silver"),
                ("Bob again", "BOB@x.example", "silver"),
                ("Cy", "", "gold"),
                ("", "dee@x.example", "gold"),
            )
        )
    ]
    team.desk.deliver({"customers": people})
    with team.loop.store.writing() as con:
        refuse(con, "main", None, "dee@x.example", "letter", team.loop.sender.now())
    told = {"name": "News", "through": "mail", "subject": "Hello {first_name|you}", "text": "To {name|you}."}
    assert "a field" in team.post("/broadcasts", **{**told, "text": "{password}"}).text
    assert team.post("/broadcasts", **{**told, "where": "nothing = 1"}).status_code == 404
    more = {"where1": "segment = 'gold'", "subject1": "Gold, {first_name}", "text1": "Thank you."}
    path = team.post("/broadcasts", **told, **more, per_minute="2").headers["location"]
    preview = team.client.get(f"{path}/preview").text
    for said in ("Gold, Ann", "Hello Bob", "no address is known", "they want no letters", "written to already"):
        assert said in preview
    assert team.post(f"{path}/start").status_code == 303
    assert team.post(f"{path}/start").status_code == 422
    with team.loop.store.reading() as con:
        sent = outbox.deliveries(con, "main", team.loop.sender.vault)
    assert sorted(d.recipient for d in sent) == ["ann@x.example", "bob@x.example"]
    apart = max(d.next_at for d in sent) - min(d.next_at for d in sent)
    assert round(apart.total_seconds()) == 30
    assert all(d.message["unsubscribe"].endswith(f"/stop/{d.key}") for d in sent)
    page = team.client.get(path).text
    assert "<strong>2</strong> written to" in page
    assert team.client.get(f"{path}/effect").status_code == 200
    assert team.post(f"{path}/stop").status_code == 303
    with team.loop.store.reading() as con:
        assert {d.state for d in outbox.deliveries(con, "main", team.loop.sender.vault)} == {"dead"}


@pytest.mark.slow
def test_a_broadcast_goes_by_the_preferred_channel_else_by_the_first_that_reaches(team: Team) -> None:
    team.mail()
    at = {"url": "https://sms.x.example/send", "secret": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
    with team.loop.store.writing() as con:
        now = team.loop.sender.now()
        for name, fields in (("text", at), ("bare", {})):
            keep_connection(con, "main", team.loop.sender.vault, name, "sms", {}, fields, now)
        refuse(con, "main", None, "+4930555", "letter", now)
        refuse(con, "main", None, "fay@x.example", "letter", now)
    rows = (
        ("c0", "Ann Lee", "ann@x.example", "+49 30 111", None),  # reached by both: the first counts
        ("c1", "Bob", "bob@x.example", "030/222222", "SMS"),  # prefers the second
        ("c2", "Cy", "", "+49 (30) 333-33", None),  # has no address of the first
        ("c3", "Dee", "not an address", "call me", None),
        ("c4", "Eve", "eve@x.example", "+49 30 555", None),  # refused by telephone: no mail either
        ("c5", "Fay", "FAY@x.example", "+49 30 66666", "sms"),  # refused by mail: no SMS either
        ("c6", "Guy", "", "+493033333", None),  # Cy's telephone
        ("c7", "Fay again", "fay@x.example", "", None),
    )
    columns = ("source_id", "name", "email", "phone", "attributes.preferred_channel")
    people = [{**dict(zip(columns, row, strict=True)), "updated_at": "2025-01-01"} for row in rows]
    team.desk.deliver({"customers": people})
    told = {"name": "News", "through": "mail", "through2": "text", "subject": "Hello", "text": "To {name}, at length."}
    path = team.post("/broadcasts", **told, short="Hi {first_name}!").headers["location"]
    preview = team.client.get(f"{path}/preview").text
    mails, _, texts = preview.partition("SMS, through text")
    assert "E-mail, through mail: 1 person" in mails
    assert "To Ann Lee, at length." in mails
    assert ": 2 people" in texts
    assert "Hi Bob!\nStop: " in texts
    assert "Hi Cy!" in texts
    assert "Bob" not in mails
    assert team.post(f"{path}/start").status_code == 303
    with team.loop.store.reading() as con:
        sent = outbox.deliveries(con, "main", team.loop.sender.vault)
    ways = sorted((d.connection, d.recipient, d.message["text"]) for d in sent)
    assert ways == [
        ("mail", "ann@x.example", "To Ann Lee, at length."),
        ("text", "+493033333", "Hi Cy!"),
        ("text", "030222222", "Hi Bob!"),
    ]
    with team.loop.store.reading() as con:
        log = {
            p.customer_id.removeprefix("example:"): (p.arm, p.connection)
            for p in people_of(con, path.rpartition("/")[2])
        }
    assert log == {
        "c0": ("sent", "mail"), "c1": ("sent", "text"), "c2": ("sent", "text"), "c3": ("no_address", None),
        "c4": ("refuses", None), "c5": ("refuses", None), "c6": ("no_address", None), "c7": ("refuses", None),
    }  # fmt: skip
    # Where nobody is reached nothing is started, and the page says why.
    alone = team.post("/broadcasts", **{**told, "where": "source_id = 'c3'"}).headers["location"]
    refused = team.post(f"{alone}/start")
    assert refused.status_code == 422
    assert "Nobody would get it" in refused.text
    # What cannot send is said before anything leaves, and nobody is written to.
    path = team.post("/broadcasts", **{**told, "through2": "bare"}).headers["location"]
    assert "It cannot leave" in team.client.get(f"{path}/preview").text
    refused = team.post(f"{path}/start")
    assert refused.status_code == 422
    assert "Bare cannot send" in refused.text
    with team.loop.store.reading() as con:
        assert len(outbox.deliveries(con, "main", team.loop.sender.vault)) == 3


def test_a_draft_stands_in_the_form_alone_and_past_replies_where_there_is_none(
    team: Team, httpserver: HTTPServer, harmless: Callable[[str], None]
) -> None:
    number = team.open(details={"text": "It broke, says <b>Ann</b>", "customer": {"name": "Ann"}})
    assert "Draft a reply" not in team.client.get(f"/cases/{number}").text
    assert team.post(f"/cases/{number}/draft").status_code == 422
    told = {"choices": [{"message": {"content": "</textarea><script>alert(1)</script> We are sorry."}}]}
    httpserver.expect_ordered_request("/chat").respond_with_json(told)
    httpserver.expect_ordered_request("/chat").respond_with_data("gone", status=500)
    with Egress(allow_internal=frozenset({"localhost", "127.0.0.1"})) as egress:
        chat = Chat(httpserver.url_for("/chat"), "small-one", "", egress)
        team.client.app.state.site.services.loop._running = replace(team.loop, chat=chat)  # type: ignore[attr-defined]
        assert "Draft a reply" in team.client.get(f"/cases/{number}").text
        assert team.client.post(f"/cases/{number}/draft").status_code == 403  # a form of ours has its token
        page, none = team.post(f"/cases/{number}/draft"), team.post(f"/cases/{number}/draft")
    assert page.status_code == 200
    harmless(page.text)
    assert "A draft by small-one" in page.text
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt; We are sorry.</textarea>" in page.text
    assert none.status_code == 502
    assert "service gave no draft" in none.text
    assert f"/cases/{number}/suggestions" in none.text
    assert team.history(number) == ["opened", "asked for a draft"]
    with team.loop.store.reading() as con:
        assert outbox.deliveries(con, "main", team.loop.sender.vault) == []


def test_hooks_are_shown_with_their_addresses_and_without_their_secrets(team: Team, hostile: tuple[str, ...]) -> None:
    assert "No hook has been made yet" in team.client.get("/deliveries").text
    now, vault = team.loop.sender.now(), team.loop.sender.vault
    with team.loop.store.writing() as con:
        id = hooks.keep_hook(con, "main", vault, "desk", "freshdesk", "a-marker-of-a-secret", now)
        with pytest.raises(BadCall, match="no name for a hook"):
            hooks.keep_hook(con, "main", vault, hostile[0], "zendesk", "another-marker", now)
    page = team.client.get("/deliveries").text
    assert f"{team.loop.public_address}/hooks/{id}" in page
    assert "not signed" in page
    assert "a-marker" not in page


def test_a_case_says_that_it_was_answered_elsewhere(team: Team) -> None:
    number = team.open()
    assert "answered elsewhere" not in team.client.get(f"/cases/{number}").text
    with team.loop.store.writing() as con:
        change_case(con, "main", number, team.loop.sender.now(), answered_at=team.loop.sender.now())
    for path in ("/cases", f"/cases/{number}"):
        assert "answered elsewhere" in team.client.get(path).text


def test_cases_stand_in_the_timeline_of_their_customer_and_of_no_other(team: Team) -> None:
    people = [{"source_id": id, "name": id, "account_id": "co", "updated_at": "2025-01-01"} for id in ("c1", "c2")]
    team.desk.deliver({"customers": people})
    number = team.open(customer_id="c1", account_id="co", title="NPS 1 <b>")
    page = team.client.get("/customers/c1").text
    assert f'<a href="/cases/{number}">case {number} opened · NPS 1 &lt;b&gt;</a>' in page
    assert "closed" not in page
    team.post(f"/cases/{number}/replied", text="We rang.")
    team.post(f"/cases/{number}/close", outcome="recovered", words="they came back")
    page = team.client.get("/customers/c1").text
    times = [
        page.index(f"case {number} {what}") for what in ("closed · recovered · they came back", "answered", "opened")
    ]
    assert times == sorted(times)  # the newest first
    assert f"/cases/{number}" not in team.client.get("/customers/c2").text
    assert f"/cases/{number}" in team.client.get("/accounts/co").text
