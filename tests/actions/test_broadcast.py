"""Broadcasts over customers of several sources: who is one person, who gets a letter, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.actions.conftest import Post
from tests.actions.desks import SECRET, World

from wellheard.actions import broadcast
from wellheard.actions.broadcast import broadcast_from, recipients, start
from wellheard.actions.closed_loop import ClosedLoop
from wellheard.base.errors import BadCall
from wellheard.following import closed_loop_of
from wellheard.store import deliveries as outbox
from wellheard.store.broadcasts import Person, people_of, save_broadcast
from wellheard.store.refusals import refuse

MAILS = {"host": "127.0.0.1", "port": "9", "from": "cx@x.example"}
NEWS = {"name": "News", "through": "mail", "subject": "Hello", "text": "It is back."}
Rows = Callable[..., None]


@pytest.fixture
def team(desk: Any, post: Post) -> ClosedLoop:
    """The closed loop of a workspace over a post office of its own that has a connection by mail."""
    post.connect("mail", "email", MAILS, {})
    return replace(closed_loop_of(desk.workspace, post.sender.store, post.sender.egress), sender=post.sender)


@pytest.fixture
def deliver(desk: Any) -> Rows:
    def delivered(source: str, *rows: dict[str, Any]) -> None:
        desk.deliver({"customers": [{**row, "updated_at": "2025-01-01"} for row in rows]}, source)

    return delivered


def draft(team: ClosedLoop, **more: Any) -> str:
    file = broadcast_from(NEWS | more)
    with team.store.writing() as con:
        return save_broadcast(con, "main", file.name, file.model_dump(mode="json"), "anna", team.sender.now())


def log(team: ClosedLoop, id: str) -> dict[str, Person]:
    with team.store.reading() as con:
        return {person.customer_id: person for person in people_of(con, id)}


def test_two_sources_may_use_one_id_for_two_people(team: ClosedLoop, post: Post, deliver: Rows) -> None:
    deliver("shop", {"source_id": "17", "email": "ann@x.example"}, {"source_id": "18", "email": "cy@x.example"})
    deliver("desk", {"source_id": "17", "email": "bob@x.example"})
    id = draft(team)
    assert start(team, id) == 3
    letters = post.all(broadcast_id=id)
    assert sorted(d.recipient for d in letters) == ["ann@x.example", "bob@x.example", "cy@x.example"]
    placed = log(team, id)
    assert {row: person.arm for row, person in placed.items()} == dict.fromkeys(
        ("shop:17", "desk:17", "shop:18"), "sent"
    )
    told = {d.number: d.recipient for d in letters}
    assert told[placed["desk:17"].delivery_number or 0] == "bob@x.example"
    post.clock.on(days=31)
    assert broadcast.effect(team, id, 30).stayed.of == 2  # by the ids 17 and 18, as other tables name customers


def test_rows_that_are_one_person_get_one_letter_and_refuse_together(
    team: ClosedLoop, post: Post, deliver: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(
        "shop",
        {"source_id": "a", "email": "ann@x.example", "external_id": "e1", "segment": "gold"},
        {"source_id": "b", "email": "bob@x.example", "external_id": "e2", "segment": "gold"},
        {"source_id": "c", "email": "", "external_id": "e3", "segment": "gold"},
    )
    deliver(
        "desk",
        {"source_id": "a2", "email": "ann@home.example", "external_id": "e1", "segment": "gold"},
        {"source_id": "b2", "email": "bob@home.example", "external_id": "e2", "segment": "silver"},
        {"source_id": "c2", "email": "cy@home.example", "external_id": "e3", "segment": "gold"},
    )
    with team.store.writing() as con:
        refuse(con, "main", None, "bob@home.example", "letter", team.sender.now())  # of a row outside of the segment
    id = draft(team, where="segment = 'gold'")
    for few in (broadcast.FEW, 0):  # read by their ids, and read with all others
        monkeypatch.setattr(broadcast, "FEW", few)
        arms = {r.row: r.arm for r in recipients(team, broadcast_from(NEWS | {"where": "segment = 'gold'"}), id)}
        assert arms == {
            "shop:a": "sent",
            "desk:a2": "no_address",
            "shop:b": "refuses",
            "shop:c": "no_address",
            "desk:c2": "sent",
        }
    assert start(team, id) == 2
    assert sorted(d.recipient for d in post.all(broadcast_id=id)) == ["ann@x.example", "cy@home.example"]


def test_a_wish_and_the_name_of_a_connection_are_read_alike(team: ClosedLoop, post: Post, deliver: Rows) -> None:
    post.connect("news-by-post", "email", MAILS, {})
    wish = {"attributes.preferred_channel": "News by post"}
    deliver("shop", {"source_id": "a", "email": "ann@x.example", **wish})
    (found,) = recipients(team, broadcast_from(NEWS | {"through": ["mail", "news-by-post"]}))
    assert found.through == "news-by-post"


def test_a_segment_that_is_too_large_is_told_of_and_not_cut(
    team: ClosedLoop, deliver: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver("shop", *({"source_id": f"c{n}", "email": f"c{n}@x.example"} for n in range(3)))
    monkeypatch.setattr(broadcast, "MOST", 3)
    assert len(recipients(team, broadcast_from(NEWS))) == 3
    monkeypatch.setattr(broadcast, "MOST", 2)
    with pytest.raises(BadCall, match="more than 2 customers"):
        recipients(team, broadcast_from(NEWS))


def test_the_line_ends_of_a_form_reach_no_letter() -> None:
    file = broadcast_from(NEWS | {"text": "Hello,\r\n\r\nit is back."})
    assert file.text == "Hello,\n\nit is back."


def test_once_a_broadcast_is_stopped_nothing_of_it_is_tried_again(
    team: ClosedLoop, post: Post, deliver: Rows, world: World
) -> None:
    post.connect("text", "sms", {}, {"url": f"{world.url}/sms", "secret": SECRET})
    deliver("shop", *({"source_id": f"c{n}", "phone": f"+49 30 1000{n}"} for n in range(3)))
    id = draft(team, through="text", per_minute=6_000)
    assert start(team, id) == 3
    post.clock.on(seconds=1)
    with team.store.writing() as con:  # a try of the first fails, and whoever held the second is killed
        first, second = outbox.claim(con, "main", team.sender.vault, post.clock(), 2)
    broadcast.stop(team, id)
    with team.store.writing() as con:
        assert outbox.settle_failed(con, first.number, "no", post.clock(), 0.1, retry=True) == "dead"
    post.run(3)
    assert {d.number: d.failure for d in post.all(broadcast_id=id)} == {
        first.number: "no",
        second.number: "the broadcast was stopped",
        second.number + 1: "the broadcast was stopped",
    }
    assert {d.state for d in post.all()} == {"dead"}
    assert world.phones == []
    with team.store.writing() as con, pytest.raises(BadCall, match="was stopped"):
        outbox.replay(con, "main", second.number, post.clock())
    kept = post.queue("text", "letter", to="+4930999")  # what is of no broadcast leaves
    post.run(1)
    assert post.all(state="delivered")[0].number == kept
