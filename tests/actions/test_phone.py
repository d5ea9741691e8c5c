"""Letters to telephones: whom they reach, what they cost, and that they leave by the program that surveys use."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from standardwebhooks import Webhook
from tests.actions.conftest import Post
from tests.actions.desks import SECRET, World

from wellheard.actions.phone import number_in, short_messages


# The lengths of 3GPP TS 23.040, 9.2.3.24: 160 letters of 7 bits or 70 of 16, in several parts 153 or 67.
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
        ("é" * 160, 1), ("€" * 80, 1), ("€" * 81, 2), ("{" + "a" * 159, 2),
        ("ą" * 70, 1), ("ą" * 71, 2), ("ą" * 134, 2), ("ą" * 135, 3), ("👍" * 35, 1), ("👍" * 36, 2),
    ],
)  # fmt: skip
def test_short_messages_are_counted_as_they_are_charged(text: str, parts: int) -> None:
    assert short_messages(text) == parts


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+49 (30) 123-456", "+4930123456"), ("030/123456", "030123456"), ("call me", ""), ("", ""), (None, ""),
        ("ann@x.example", ""), ("+49301234567890123", ""), ("1234", ""), ("+49\u0660\u0661\u0662\u0663\u0664", ""),
    ],
)  # fmt: skip
def test_a_number_is_what_stands_between_what_people_write(text: str | None, number: str) -> None:
    assert number_in(text) == number


def test_a_letter_leaves_by_the_program_of_the_settings_with_its_end_and_a_signature(post: Post, world: World) -> None:
    usual = {"sms": {"url": f"{world.url}/sms", "secret": SECRET}}
    plain = Post(replace(post.sender, usual=usual), post.clock, world)
    plain.connect("texts", "sms", {}, {})
    plain.queue("texts", "letter", text="It is back.", to="+49 30 123456", unsubscribe="https://x.example/stop/k")
    plain.run(1)
    ((headers, body),) = world.phones
    told = json.loads(body)["data"]
    assert (told["channel"], told["to"]) == ("sms", "+4930123456")
    assert told["text"] == "It is back.\nStop: https://x.example/stop/k"
    assert plain.all()[0].remote_id == "m1"
    signed = {name: value for name, value in headers.items() if name.startswith("webhook-")}
    stamp = {"webhook-timestamp": signed["webhook-timestamp"]}
    assert stamp["webhook-timestamp"] == str(int(post.clock.at.timestamp()) - 3600)
    assert (
        Webhook(SECRET).sign(signed["webhook-id"], post.clock.at.replace(hour=12), body.decode())
        == (signed["webhook-signature"])
    )


def test_what_cannot_be_sent_says_why_and_is_not_tried_again(post: Post, world: World) -> None:
    post.connect("bare", "sms", {}, {})
    post.queue("bare", "letter", to="+4930123456")
    post.queue("sms", "letter", to="ann@x.example")
    post.run(2)
    number, bare = post.all()
    assert (bare.state, bare.attempts) == ("dead", 1)
    assert "sms_webhook" in (bare.failure or "")
    assert (number.state, number.attempts) == ("dead", 1)
    assert "no telephone number" in (number.failure or "")
    assert world.phones == []


@pytest.mark.parametrize("asked", ["900", "Mon, 02 Mar 2026 12:15:00 GMT"])
def test_a_letter_waits_as_long_as_the_program_asks(asked: str, post: Post, world: World) -> None:
    world.faults.append("429")
    world.retry_after = asked
    post.queue("sms", "letter", to="+4930123456")
    began = post.clock.at
    post.run(1)
    (delivery,) = post.all()
    assert (delivery.next_at - began).total_seconds() == 900
    post.run(1)
    assert len(world.phones) == 1
