"""A bad public review, from the lake to its answer: sent by a person where the platform allows it, else copied."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.actions.conftest import NOON, Post
from tests.actions.desks import World, play_account, settings_at

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.reply import note_reply, send_reply, unanswerable, ways
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall
from wellheard.following import closed_loop_of
from wellheard.store.cases import Search, cases, entries

RULE = """
name = "Bad reviews"
[when]
trigger = "review"
at_most = 2
[[do]]
action = "case"
"""


@pytest.fixture
def team(desk: Any, post: Post) -> Any:
    """The closed loop of a workspace with four reviews, over a post office of its own."""
    rows = [
        {"source_id": "gp:1/a", "channel": "Google Play", "rating": 1, "title": "Broken", "body": "It crashes."},
        {"source_id": "gp:2", "channel": "Google Play", "rating": 4, "title": "Nice", "body": "All well."},
        {"source_id": "t-9", "channel": "Trustpilot", "rating": 2, "title": "Late", "body": "It never came."},
        {
            "source_id": f"{7:032x}-1",
            "channel": "Google Play",
            "rating": 1,
            "title": "No id",
            "body": "Nobody knows me.",
        },
    ]
    desk.deliver({"feedback": [{**row, "written_at": NOON - timedelta(hours=1)} for row in rows]})
    with Egress(timeout=0.4) as egress:
        loop = closed_loop_of(desk.workspace, post.sender.store, egress)
        loop = replace(loop, sender=post.sender)
        loop.book.save("bad-reviews", RULE)
        loop.look_at_rules()
        yield loop
        loop.book.remove("bad-reviews")


def case_titled(loop: ClosedLoop, text: str) -> Any:
    with loop.store.reading() as con:
        found = [c for c in cases(con, "main", Search(), NOON) if text in c.details["text"]]
    (case,) = found
    return case


def said(loop: ClosedLoop, number: int) -> list[tuple[str, str]]:
    with loop.store.reading() as con:
        return [(e.kind, e.words) for e in entries(con, number) if e.kind == "replied"]


def test_a_bad_review_is_answered_where_it_stands_by_a_person_and_once(
    team: ClosedLoop, post: Post, world: World
) -> None:
    with team.store.reading() as con:
        assert len(cases(con, "main", Search(), NOON)) == 3  # four stars are no bad review
    case = case_titled(team, "It crashes.")
    (way,) = ways(team, case)
    assert (way.connection, way.thread, way.longest) == ("play", "gp:1/a", 350)
    assert "in public" in way.words
    with pytest.raises(BadCall, match="351 letters"):
        send_reply(team, case.number, "anna", "x" * 351, "play")
    world.faults.extend(["timeout", "500", "lost"])
    for _ in range(2):  # a second press is the same answer
        send_reply(team, case.number, "anna", "Sorry! It is mended.", "play")
    post.run(5)
    assert world.answers["gp:1/a"]["text"] == "Sorry! It is mended."
    assert [r["text"] for r in world.replies] == ["Sorry! It is mended."]
    assert {d.state for d in post.all()} == {"delivered"}
    ((_, words),) = said(team, case.number)  # and one line
    assert "play, in public below review gp:1/a" in words


def test_a_reply_that_died_is_tried_again_and_one_by_another_connection_is_another(
    team: ClosedLoop, post: Post, world: World
) -> None:
    case = case_titled(team, "It crashes.")
    fields = {"package": "com.example.app", "account": "{}", "address": world.url, "token_address": world.url}
    post.connect("second", "google_play", {}, fields)  # with an account that is none
    first = send_reply(team, case.number, "anna", "Sorry!", "second")
    post.run(1)
    assert [d.state for d in post.all()] == ["dead"]
    post.connect("second", "google_play", {}, settings_at(world.url)["play"][1])
    assert send_reply(team, case.number, "anna", "Sorry!", "second") == first
    assert len(said(team, case.number)) == 2
    post.run(1)
    assert world.answers["gp:1/a"]["text"] == "Sorry!"
    assert send_reply(team, case.number, "anna", "Sorry!", "second") == first
    assert len(said(team, case.number)) == 2  # it came, so nothing was queued
    assert send_reply(team, case.number, "anna", "Sorry!", "play") != first


@pytest.mark.parametrize(("text", "why"), [("It never came.", "Trustpilot"), ("Nobody knows me.", "no id")])
def test_where_nothing_can_be_sent_the_text_is_copied_and_the_answer_noted(
    text: str, why: str, team: ClosedLoop
) -> None:
    case = case_titled(team, text)
    assert ways(team, case) == [], why
    assert "mark the case as replied" in unanswerable(case, [])
    with pytest.raises(BadCall, match="cannot be answered"):
        send_reply(team, case.number, "anna", "Sorry.", "play")
    note_reply(team, case.number, "anna", " Sorry. ")
    assert said(team, case.number) == [("replied", "by hand: Sorry.")]
    assert case_titled(team, text).answered_at is not None


def test_the_line_ends_of_a_form_make_no_other_reply(team: ClosedLoop, post: Post) -> None:
    case = case_titled(team, "It crashes.")
    numbers = {send_reply(team, case.number, "anna", f"Sorry!{end}It is mended.", "play") for end in ("\r\n", "\n")}
    assert [d.number for d in post.all()] == list(numbers)
    assert post.all()[0].message["text"] == "Sorry!\nIt is mended."


def test_an_answer_that_somebody_wrote_there_in_the_meantime_is_not_replaced(post: Post, world: World) -> None:
    world.faults.append("500")
    post.queue("play", "reply", text="Ours.", thread="gp:7")
    post.run(1)
    theirs = {"text": "Theirs.", "lastModified": {"seconds": str(int(post.clock.at.timestamp()))}}
    world.answers["gp:7"] = theirs
    post.run(2)
    (delivery,) = post.all()
    assert (delivery.state, world.answers["gp:7"]) == ("dead", theirs)
    assert "answered this review there since" in (delivery.failure or "")


def test_the_first_try_replaces_no_answer_that_is_newer_than_the_message(post: Post, world: World) -> None:
    post.queue("play", "reply", text="Ours.", thread="gp:7")
    post.clock.on(minutes=2)
    theirs = {"text": "Theirs.", "lastModified": {"seconds": str(int(post.clock.at.timestamp()))}}
    world.answers["gp:7"] = theirs
    post.clock.on(minutes=2)
    post.run(1)
    (delivery,) = post.all()
    assert (delivery.state, delivery.attempts, world.answers["gp:7"]) == ("dead", 1, theirs)


def test_an_older_answer_is_replaced_and_tags_that_are_taken_out_do_not_matter(post: Post, world: World) -> None:
    world.answers["gp:8"] = {"text": "Old.", "lastModified": {"seconds": "1"}}
    world.faults.append("lost")
    post.queue("play", "reply", text="<b>New</b>.", thread="gp:8")
    post.run(3)
    assert world.answers["gp:8"]["text"] == "New."
    assert len(world.replies) == 1
    assert post.all()[0].state == "delivered"


@pytest.mark.parametrize("account", ["{", "[]", '{"client_email": "a@x.example"}', json.dumps({"private_key": "x"})])
def test_an_account_that_is_none_is_told_and_nothing_of_it_shown(account: str, post: Post, world: World) -> None:
    fields = {"package": "com.example.app", "account": account, "address": world.url, "token_address": world.url}
    post.connect("play", "google_play", {}, fields)
    post.queue("play", "reply", thread="gp:1")
    post.run(1)
    (delivery,) = post.all()
    assert delivery.state == "dead"
    assert "no key file" in (delivery.failure or "")
    assert world.calls == []


def test_what_the_key_file_holds_reaches_no_log(post: Post, world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.faults.append("500")
    post.queue("play", "reply", thread="gp:1")
    post.run(2)
    out = "".join(capfd.readouterr())
    secret = json.loads(play_account())["private_key"].splitlines()[1]
    assert secret not in out
    assert "play-token" not in out
