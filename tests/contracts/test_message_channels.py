"""What every channel keeps, over servers on this machine that follow the published formats and fail on demand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.actions.conftest import Post, new_store, post, servers, world
from tests.actions.desks import SECRET, World, settings_at
from tests.base.test_egress import TARGETS, Dialler, Listener, answer, listener

from wellheard.actions.channel import Channel, channels
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall, Refused

CALLING = [(name, channel) for name, (channel, _) in settings_at("http://127.0.0.1").items()]
PHONES = ("sms", "whatsapp")
PROVEN = ("play", "zendesk", "freshdesk", "intercom", "slack")  # where one message arrives once, whatever happens
HOSTILE = "<!channel> <@U0123> &amp; *bold* [x](javascript:alert(1)) <script>x</script>\r\nBcc: a@x.example"
__all__ = ["listener", "new_store", "post", "servers", "world"]


def arrived(world: World, name: str) -> list[Any]:
    """What a server holds."""
    if name == "slack":
        return list(world.posts)
    if name == "teams":
        return list(world.cards)
    if name in PHONES or name == "play":
        return list(world.phones if name in PHONES else world.replies)
    return list(world.hooks) if name == "hook" else [t for t in world.tickets if t["system"] == name]


def queued(post: Post, name: str, channel: str, **told: Any) -> None:
    """Queues a message of the first kind that the channel carries, to somebody whom it reaches."""
    to = {"phone": "+4930123456", "email": "ann@x.example", "": ""}[channels()[channel].reaches]
    post.queue(name, channels()[channel].kinds[0], to=to, thread="gp:1/a", **told)


@pytest.mark.parametrize("channel", channels().values(), ids=channels())
def test_a_channel_says_what_it_is_and_seals_what_opens_it(channel: Channel) -> None:
    assert channel.title
    assert channel.words.endswith(".")
    assert channel.once.endswith(".")
    assert channel.kinds
    assert any(f.secret for f in channel.fields)
    for field in channel.fields:
        assert field.words.endswith(".")


@pytest.mark.parametrize(("name", "channel"), CALLING)
def test_a_message_arrives_and_is_not_sent_again(name: str, channel: str, post: Post, world: World) -> None:
    queued(post, name, channel)
    post.run(3)
    assert len(arrived(world, name)) == 1
    (delivery,) = post.all()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


@pytest.mark.parametrize("fault", ["timeout", "lost", "429", "500"])
@pytest.mark.parametrize(("name", "channel"), CALLING)
def test_a_failed_try_is_repeated_until_it_arrives(
    name: str, channel: str, fault: str, post: Post, world: World
) -> None:
    world.faults.extend([fault])
    queued(post, name, channel)
    post.run(4)
    (delivery,) = post.all()
    assert delivery.state == "delivered"
    assert delivery.attempts == 2
    came = arrived(world, name)
    # Where the work was done and the answer lost, a place that can be asked is asked, and the others are told the key.
    assert len(came) == (2 if fault in ("timeout", "lost") and name not in PROVEN else 1)
    if name == "hook" or name in PHONES:
        assert {headers["webhook-id"] for headers, _ in came} == {delivery.key}
    if name == "teams":
        assert all(delivery.key[:12] in json.dumps(card) for card in came)


@pytest.mark.parametrize(("name", "channel"), CALLING)
def test_a_refusal_for_good_is_dead_at_once_and_says_why(name: str, channel: str, post: Post, world: World) -> None:
    wrong = {"token": "wrong", "key": "wrong"}
    fields = settings_at(world.url)[name][1]
    if not set(wrong) & set(fields):
        pytest.skip("nobody logs in there")
    post.connect(name, channel, {}, {k: wrong.get(k, v) for k, v in fields.items()})
    queued(post, name, channel)
    post.run(2)
    (delivery,) = post.all()
    assert (delivery.state, delivery.attempts) == ("dead", 1)
    assert delivery.failure
    assert arrived(world, name) == []


@pytest.mark.parametrize(("name", "channel"), CALLING)
def test_w8_hostile_text_arrives_inert(name: str, channel: str, post: Post, world: World) -> None:
    facts = (("what", HOSTILE),)
    queued(post, name, channel, title=HOSTILE, text=HOSTILE, facts=facts)
    post.run(2)
    (came,) = arrived(world, name)
    if name == "slack":
        # Only plain_text blocks, which Slack never reads as markup; the text beside them is escaped.
        kinds = {b["text"]["type"] for b in came["blocks"] if "text" in b}
        kinds |= {f["type"] for b in came["blocks"] for f in b.get("fields", ())}
        assert kinds == {"plain_text"}
        assert "<" not in came["text"]
        assert (came["parse"], came["mrkdwn"], came["link_names"], came["unfurl_links"]) == (
            "none",
            False,
            False,
            False,
        )
    if name == "teams":
        said = json.dumps(came["attachments"][0]["content"]["body"])
        assert "](javascript" not in said.replace("\\\\]", "").replace("\\\\(", "")
    if name == "freshdesk":
        assert "<script>" not in came["description"]


@pytest.mark.parametrize("channel", channels().values(), ids=channels())
def test_s1_no_channel_can_be_pointed_into_the_network(channel: Channel) -> None:
    inside = (
        "http://127.0.0.1/x",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://0x7f.1/",
        "ftp://x.example/",
    )
    with Egress() as egress:
        for target in [f for f in channel.fields if f.url or f.host]:
            for url in inside:
                value = url if target.url else url.split("/")[2]
                given = {f.name: "x" for f in channel.fields if f.required} | {target.name: value}
                for other in channel.fields:
                    if other.url and other is not target:
                        given[other.name] = "https://x.example/"
                if target.host and url.startswith("ftp"):
                    continue
                with pytest.raises((Refused, BadCall)):
                    channel.parted(given, egress)


@pytest.mark.parametrize("channel", channels().values(), ids=channels())
def test_a_form_is_parted_into_what_is_shown_and_what_is_sealed(channel: Channel) -> None:
    fields = {f.name: "https://x.example/y" if f.url else "x.example" for f in channel.fields}
    with Egress() as egress:
        settings, secrets = channel.parted(fields, egress)
        assert set(secrets) == {f.name for f in channel.fields if f.secret}
        assert settings.keys() | secrets.keys() == fields.keys()
        for f in channel.fields:
            if f.required:
                with pytest.raises(BadCall):
                    channel.parted({**fields, f.name: " "}, egress)
        with pytest.raises(BadCall, match="no field"):
            channel.parted({**fields, "strange": "x"}, egress)


def test_every_channel_of_the_folder_is_found() -> None:
    folder = Path(__file__).parents[2] / "src" / "wellheard" / "actions" / "channels"
    assert set(channels()) == {p.stem for p in folder.glob("*.py")} - {"__init__"}


def test_s1_a_webhook_into_the_network_is_never_called(post: Post, listener: Listener) -> None:
    targets = [line.format(p=listener.port) for line in TARGETS.split("\n") if line.strip()]
    assert len(targets) >= 80
    with Egress(resolver=answer, backend=Dialler(), timeout=2) as egress:
        guarded = Post(replace(post.sender, egress=egress), post.clock, post.world)
        for number, target in enumerate(targets):  # as if it had got past the form
            guarded.connect(f"t{number}", "webhook", {}, {"url": target, "secret": SECRET})
            guarded.queue(f"t{number}", "event")
        guarded.run(2)
        states = {d.state for d in guarded.all(most=200)}
    assert listener.visits() == 0
    assert states <= {"dead", "waiting"}
