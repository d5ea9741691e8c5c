"""From a detractor's answer on a hosted survey to a case, a Slack message and a ticket, each exactly once."""

from __future__ import annotations

import base64
import hmac
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.actions.conftest import INTERNAL, NOON, Clock
from tests.actions.desks import World, settings_at

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.hearing import hear
from wellheard.app import Workspace
from wellheard.base.egress import Egress
from wellheard.following import closed_loop_of
from wellheard.jobs import merge_answers
from wellheard.store.cases import Search, cases, entries
from wellheard.store.connections import keep_connection
from wellheard.store.deliveries import deliveries
from wellheard.store.firings import depths, firings, tags_of
from wellheard.store.hooks import keep_hook
from wellheard.store.inbox import Inbox
from wellheard.store.invitations import invitation_of
from wellheard.store.store import open_store
from wellheard.surveys.collect import collect, sent_from
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf

SURVEY = 'name = "Relationship"\n[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'
RULE = """
name = "Detractors"
[when]
trigger = "answer"
kind = "nps"
at_most = 6
[[do]]
action = "notify"
through = "slack"
[[do]]
action = "ticket"
through = "zendesk"
priority = "high"
[[do]]
action = "case"
team = "care"
due_hours = 24
"""


class Company:
    """A workspace with a survey and a closed loop, at a time of the test's choice."""

    def __init__(self, desk: Any, folder: Path, world: World, seed: int = 1) -> None:
        self.desk, self.world, self.clock = desk, world, Clock()
        self.workspace: Workspace = desk.workspace
        (folder / "surveys").mkdir()
        (folder / "surveys" / "relationship.toml").write_text(SURVEY, "utf-8")
        self.store = open_store(folder, self.workspace.settings)
        self.inbox = Inbox(self.store)
        self.survey = Published(self.store, Shelf(folder / "surveys"), "main").called("relationship")
        self.egress = Egress(allow_internal=INTERNAL, timeout=0.4)
        loop = closed_loop_of(self.workspace, self.store, self.egress)
        sender = replace(loop.sender, now=self.clock, chance=random.Random(seed), internal=INTERNAL)
        self.loop: ClosedLoop = replace(loop, sender=sender)
        with self.store.writing() as con:
            for name, (channel, fields) in settings_at(world.url).items():
                keep_connection(con, "main", sender.vault, name, channel, {}, fields, self.clock())

    def rule(self, id: str, text: str) -> None:
        self.loop.book.save(id, text)

    def answer(self, score: int, why: str = "", customer_id: str = "c1", **sent: Any) -> None:
        given = sent_from({"answers": {"nps": score, "why": why}, **sent})
        submission, _ = collect(self.survey, 1, "main", given, self.clock())
        assert submission is not None
        self.inbox.take(replace(submission, about={"customer_id": customer_id}))

    def merge(self) -> None:
        merge_answers(self.workspace, self.store, self.clock)

    def step(self) -> None:
        """One round of what the server does."""
        self.merge()
        self.clock.on(seconds=1)
        self.loop.look_at_rules()
        self.loop.sender.send_due()

    def cases(self, **which: Any) -> list[Any]:
        with self.store.reading() as con:
            return cases(con, "main", Search(**which), self.clock())

    def deliveries(self) -> list[Any]:
        with self.store.reading() as con:
            return deliveries(con, "main", self.loop.sender.vault)

    def firings(self) -> list[Any]:
        with self.store.reading() as con:
            return firings(con, "main")

    def close(self) -> None:
        self.inbox.close()
        self.egress.close()
        self.store.close()


@pytest.fixture
def new_company(new_desk: Callable[[], Any], tmp_path: Path, world: World) -> Iterator[Company]:
    desk = new_desk()
    customer = {"source_id": "c1", "name": "Ann Lee", "email": "ann@x.example", "updated_at": "2025-01-01"}
    desk.deliver({"customers": [customer]}, source="surveys")
    made = Company(desk, tmp_path, world)
    yield made
    made.close()


@pytest.mark.slow
def test_a_detractor_reaches_case_slack_and_zendesk_once(new_company: Company, world: World) -> None:
    company = new_company
    company.rule("detractors", RULE)
    company.answer(2, "It never came.")
    company.answer(9, "All well.", customer_id="c2")
    for _ in range(3):
        company.step()
    (case,) = company.cases()
    assert (case.title, case.team, case.customer_id, case.state) == ("NPS 2", "care", "c1", "open")
    assert case.details["text"] == "It never came."
    assert case.details["customer"] == {"id": "c1", "name": "Ann Lee", "email": "ann@x.example"}
    assert case.due_at == case.opened_at + timedelta(hours=24)
    (posted,), (ticket,) = world.posts, world.tickets
    assert "It never came." in posted["text"]
    assert (ticket["priority"], ticket["requester"]["email"]) == ("high", "ann@x.example")
    assert ticket["comment"]["public"] is False
    assert f"/cases/{case.number}" in ticket["comment"]["body"]
    assert [f.decision for f in company.firings()] == ["acted"]
    assert {d.state for d in company.deliveries()} == {"delivered"}


def test_what_is_old_changes_or_is_a_trial_wakes_nobody(new_company: Company, world: World) -> None:
    company = new_company
    company.rule("detractors", RULE)
    old = {"source_id": "a1", "kind": "nps", "score": 0, "answered_at": NOON - timedelta(days=30)}
    spam = {"source_id": "a2", "kind": "nps", "score": 0, "answered_at": NOON, "flag": "spam"}
    trial = {"source_id": "a3", "kind": "nps", "score": 0, "answered_at": NOON, "test": True}
    company.desk.deliver({"survey_responses": [old, spam, trial]})
    company.step()
    assert company.firings() == []
    good = {"source_id": "a4", "kind": "nps", "score": 0, "answered_at": NOON}
    company.desk.deliver({"survey_responses": [good]})
    company.step()
    company.desk.deliver({"survey_responses": [{**good, "score": 1, "updated_at": NOON + timedelta(hours=1)}]})
    company.step()
    assert len(company.firings()) == 1
    assert len(world.tickets) == 1


def test_a_rule_at_fault_stops_no_other(new_company: Company) -> None:
    company = new_company
    company.rule("detractors", RULE)
    company.rule("astray", RULE.replace("at_most = 6", "where = \"nothing = 'x'\""))
    company.answer(2)
    company.step()
    assert [f.rule_id for f in company.firings()] == ["detractors"]
    assert "no dimension" in company.loop.faults["astray"]


ENROLS = """
name = "Ask again"
[when]
trigger = "answer"
kind = "nps"
at_most = 6
[[do]]
action = "survey"
survey = "relationship"
through = "mail"
after_days = 7
subject = "How is it now, {name}?"
[[do]]
action = "tag"
tag = "at risk"
"""


@pytest.mark.slow
def test_w6_a_survey_that_a_rule_sends_keeps_to_the_limits_and_never_goes_round(new_company: Company) -> None:
    company = new_company
    company.rule("again", ENROLS)
    with company.store.writing() as con:
        fields = {"host": "127.0.0.1", "port": "9", "from": "cx@x.example"}
        keep_connection(con, "main", company.loop.sender.vault, "mail", "email", fields, {}, company.clock())
    company.answer(2)
    company.step()
    (letter,) = company.deliveries()
    assert (letter.kind, letter.recipient, letter.title) == ("letter", "ann@x.example", "How is it now, Ann Lee?")
    assert letter.next_at - letter.made_at == timedelta(days=7)
    assert "/s/" in letter.message["link"]
    assert letter.message["unsubscribe"].endswith(f"/stop/{letter.key}")
    # A second bad answer within the budget of one person asks nobody again, and is written down.
    company.answer(3)
    company.step()
    assert len(company.deliveries()) == 1
    assert [f.decision for f in company.firings()] == ["acted", "acted"]
    with company.store.reading() as con:
        assert tags_of(con, "main", "c1") == ["at risk"]
        token = letter.message["link"].rpartition("i=")[2]
        invitation = invitation_of(con, token)
        assert depths(con, [invitation.invitation_id]) == {invitation.invitation_id: 0}


def test_w6_what_zendesk_tells_of_the_ticket_reaches_the_case_and_sets_nothing_off(
    new_company: Company, world: World
) -> None:
    company = new_company
    company.rule("detractors", RULE)
    company.answer(2, "It never came.")
    company.step()
    (ticket,), (case,) = world.tickets, company.cases()
    vault, secret = company.loop.sender.vault, "zendesk-signs-by-this"
    with company.store.writing() as con:
        hook = keep_hook(con, "main", vault, "zendesk", "zendesk", secret, company.clock())
    event = {"comment": {"author": {"is_staff": True}, "is_public": True, "body": "It comes tomorrow."}}
    for n, (kind, told) in enumerate((("comment_added", event), ("status_changed", {"current": "SOLVED"}))):
        said = {
            "type": f"zen:event-type:ticket.{kind}",
            "id": f"e{n}",
            "detail": {"id": str(ticket["id"])},
            "event": told,
        }
        body, moment = json.dumps(said).encode(), company.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        mark = base64.b64encode(hmac.digest(secret.encode(), moment.encode() + body, "sha256")).decode()
        headers = {"x-zendesk-webhook-signature": mark, "x-zendesk-webhook-signature-timestamp": moment}
        heard = [hear(company.store, vault, "main", hook, headers, body, company.clock()) for _ in range(3)]
        assert [h.accepted for h in heard] == [True, False, False]
        assert heard[0].cases == (case.number,)
        company.step()
    with company.store.reading() as con:
        steps = [(e.who, e.kind) for e in entries(con, case.number)]
    assert steps[-2:] == [("zendesk", "answered the customer"), ("zendesk", "solved the ticket")]
    assert company.cases()[0].answered_at is not None
    assert (len(world.tickets), len(world.posts), len(company.firings())) == (1, 1, 1)
