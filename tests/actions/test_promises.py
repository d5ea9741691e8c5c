"""What is promised of messages that leave: W1 to W8 of our list of tests; W5, what comes in, is held for every hook."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.actions.conftest import NOON, Post
from tests.actions.desks import NEXT_SECRET, SECRET, World, settings_at

from wellheard.actions.channel import Sent
from wellheard.actions.colleagues import colleagues_in
from wellheard.actions.deciding import Past, decide
from wellheard.actions.happening import Happening
from wellheard.actions.rule import rule_in
from wellheard.actions.sending import AT_ONCE, Sender, delivery_key
from wellheard.actions.timetable import appointments
from wellheard.actions.trigger import triggers
from wellheard.base.settings import Settings
from wellheard.store.connections import connections, enable_connection, keep_connection
from wellheard.store.deliveries import TRIES, WAITS, Delivery, attempts_of, deliveries, replay, wait_before
from wellheard.store.store import open_store
from wellheard.store.vault import open_vault

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
ROUNDS = 100 if LONG else 10
FAULTS = ("timeout", "lost", "429", "500")

# Queues one ticket and one message for each round and sends, as `serve` does, until it is killed.
SENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from wellheard.actions.message import Message
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.egress import Egress
from wellheard.base.settings import Settings
from wellheard.store import deliveries
from wellheard.store.store import open_store
from wellheard.store.vault import open_vault
from datetime import timedelta
deliveries.LEASE = timedelta(seconds=0)  # the next process need not wait for what this one held
deliveries.WAITS = (0,) * 7
home, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
store = open_store(home, Settings())
egress = Egress(allow_internal=frozenset({"127.0.0.1"}), timeout=0.5)
sender = Sender(store, open_vault(home, Settings()), "main", egress)
for n in range(first, last):
    with store.writing() as con:
        for through, kind in (("zendesk", "ticket"), ("slack", "notice")):
            key = delivery_key("round", n, through)
            queue_message(con, sender, Message(key, kind, f"Round {n}", "x", made_at=datetime.now(UTC)), through)
    print(n, flush=True)
    sender.send_due()
while sender.send_due():
    pass
print("done", flush=True)
"""


@pytest.mark.slow
def test_w1_what_was_committed_is_delivered_though_the_process_is_killed(tmp_path: Path, world: World) -> None:
    store, vault = open_store(tmp_path, Settings()), open_vault(tmp_path, Settings())
    with store.writing() as con:
        for name, (channel, fields) in settings_at(world.url).items():
            keep_connection(con, "main", vault, name, channel, {}, fields, NOON)
    chance, committed = random.Random(11), 0
    kills = 100 if LONG else 4
    for _ in range(kills):
        call = [sys.executable, "-c", SENDER, str(tmp_path), str(committed), str(committed + 6)]
        with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 6)):
                line = process.stdout.readline().strip()
                committed = int(line) + 1 if line.isdecimal() else committed
            time.sleep(chance.uniform(0, 0.05))  # so that it dies between any two steps
            process.send_signal(signal.SIGKILL)
    with store.reading() as con:
        queued = {d.title for d in deliveries(con, "main", vault, most=10_000)}
    ran = subprocess.run(
        [sys.executable, "-c", SENDER, str(tmp_path), "0", "0"], capture_output=True, text=True, check=True
    )
    assert "done" in ran.stdout
    assert len(queued) >= committed > 0
    # Each exactly once there: what is sent again is found by its key first.
    assert sorted(t["subject"] for t in world.tickets) == sorted(queued)
    assert sorted(p["blocks"][0]["text"]["text"] for p in world.posts) == sorted(queued)
    with store.reading() as con:
        assert {d.state for d in deliveries(con, "main", vault, most=10_000)} == {"delivered"}
    store.close()


def test_w3_eight_tries_within_a_day_then_dead_and_replayed_by_hand(post: Post, world: World) -> None:
    world.faults.extend(["500"] * TRIES)
    number = post.queue("hook", "event")
    for _ in range(TRIES + 2):  # each time as soon as it is due
        post.run(1, seconds=0)
        (dead,) = post.all()
        post.clock.at = max(post.clock.at, dead.next_at)
    assert (dead.state, dead.attempts) == ("dead", 8)
    with post.sender.store.reading() as con:
        tried = attempts_of(con, number)
    assert [a.outcome for a in tried] == ["retry"] * 7 + ["dead"]
    assert {a.status for a in tried} == {500}
    assert tried[-1].tried_at - tried[0].tried_at <= timedelta(hours=24)
    assert tried[-1].tried_at - tried[0].tried_at > timedelta(hours=17)
    with post.sender.store.writing() as con:
        replay(con, "main", number, post.clock())
    post.run(1)
    (done,) = post.all()
    assert done.state == "delivered"
    assert world.hooks[-1][0]["webhook-id"] == dead.key


def test_w3_waits_have_jitter_and_keep_to_what_the_other_side_asks() -> None:
    chance = random.Random(5)
    drawn = [wait_before(4, None, chance) for _ in range(200)]
    assert 0.8 * WAITS[2] <= min(drawn) < max(drawn) <= WAITS[2]
    assert len({round(d, 3) for d in drawn}) > 150
    assert wait_before(2, 90.0, chance) == 90.0
    assert sum(WAITS) <= 24 * 3600


def test_w3_an_endpoint_that_is_dead_for_five_days_is_disabled_and_told_of(post: Post, world: World) -> None:
    post.connect("mail", "email", {"host": "127.0.0.1", "from": "cx@x.example", "port": "9"}, {})
    post = Post(replace(post.sender, admins=("ops@x.example",)), post.clock, world)
    world.faults.extend(["500"] * 500)
    for _ in range(6 * 4):
        post.queue("hook", "event")
        post.run(1, hours=6)
    with post.sender.store.reading() as con:
        hook = connections(con, "main", post.sender.vault)["hook"]
    assert hook.disabled_at is not None
    assert timedelta(days=5) <= hook.disabled_at - NOON <= timedelta(days=5, hours=6)
    (told,) = post.all(connection="mail")
    assert (told.recipient, told.title) == ("ops@x.example", "The connection hook was disabled")
    # What waits stands still, and goes on once somebody enables it.
    world.faults.clear()
    waiting = post.queue("hook", "event")
    calls = len(world.hooks)
    post.run(5, hours=1)
    assert len(world.hooks) == calls
    with post.sender.store.writing() as con:
        enable_connection(con, "main", "hook")
    post.run(2, hours=1)
    assert {d.number: d.state for d in post.all()}[waiting] == "delivered"


def test_w4_signatures_are_those_of_standard_webhooks_with_two_secrets(post: Post, world: World) -> None:
    fields = settings_at(world.url)["hook"][1] | {"next_secret": NEXT_SECRET}
    post.clock.at = NOON.now(NOON.tzinfo)  # the receiver refuses what is old
    post.connect("hook", "webhook", {}, fields)
    post.queue("hook", "event", data={"rule": "detractors"})
    post.run(1)
    ((headers, body),) = world.hooks
    for secret in (SECRET, NEXT_SECRET):  # the published library takes it by the old secret and by the new one
        told = Webhook(secret).verify(body.decode(), headers)
        assert (told["type"], told["data"]["rule"]) == ("wellheard.event", "detractors")
    for wrong, name in ((body + b" ", "body"), (body, "headers")):
        changed = headers | ({"webhook-id": "other"} if name == "headers" else {})
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(SECRET).verify(wrong.decode(), changed)


def _rule(**more: Any) -> Any:
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    text = lines + '[when]\ntrigger = "text"\n[[do]]\naction = "case"\n'
    return rule_in("loops", 'name = "Loops"\n' + text)


def _text(n: int, hours: float = 0, **more: Any) -> Happening:
    told = {"subject": f"text:{n}", "at": NOON + timedelta(hours=hours), "kind": "text", "title": "x", **more}
    return Happening(**told)


def test_w6_our_own_tickets_machines_and_second_texts_of_a_conversation_start_nothing() -> None:
    rule, past = _rule(), Past(ours=frozenset({("zendesk", "77")}))
    cases = [
        (_text(1, conversation_id="77", source="zendesk"), "looped"),  # the ticket that we opened
        (_text(2, conversation_id="77", source="intercom"), "acted"),  # another system's of the same number
        (_text(3, machine=True), "looped"),  # an out-of-office note
        (_text(4, conversation_id="5", source="zendesk"), "acted"),
        (_text(5, hours=23, conversation_id="5", source="zendesk"), "looped"),  # within a day
        (_text(6, hours=25, conversation_id="5", source="zendesk"), "acted"),
    ]
    assert [decide(rule, h, past, NOON).decision for h, _ in cases] == [wanted for _, wanted in cases]


def test_w6_two_rules_that_trigger_each_other_stop_within_three_steps() -> None:
    # Each rule enrols whoever answered in the other one's survey; the answer to that is what triggers the other.
    depths: dict[str, int] = {}
    decisions = []
    rules, invitation = (_rule(), _rule()), None
    for n in range(10):
        happening = _text(n, hours=48 * n, invitation_id=invitation)
        firing = decide(rules[n % 2], happening, Past(depths=depths), NOON)
        decisions.append(firing.decision)
        invitation = f"i{n}"
        if firing.decision == "acted":
            depths[invitation] = firing.depth
        else:
            break
    assert decisions == ["acted"] * 3 + ["looped"]


@pytest.mark.parametrize("desk", ["zendesk", "freshdesk", "intercom"])
def test_w7_one_ticket_each_though_the_desk_fails_after_making_it(desk: str, post: Post, world: World) -> None:
    rounds = ROUNDS
    chance = random.Random(7)
    for n in range(rounds):
        world.faults.extend(
            chance.choices(["timeout", "lost"] if n % 5 == 0 else [*FAULTS[1:], ""], k=chance.randrange(1, 3))
        )
        post.queue(desk, "ticket", title=f"Round {n}", key=delivery_key(desk, n))
        post.run(3, minutes=3)
        world.faults.clear()
    post.run(6, hours=5)
    assert {d.state for d in post.all()} == {"delivered"}
    made = [t["subject"] if "subject" in t else t["ticket_attributes"]["_default_title_"] for t in world.tickets]
    assert sorted(made) == sorted(f"Round {n}" for n in range(rounds))


def test_w7_messages_to_slack_are_posted_once_under_the_same_faults(post: Post, world: World) -> None:
    chance = random.Random(8)
    for n in range(ROUNDS):
        world.faults.extend(chance.choices(["lost", "429", "500", ""], k=2))
        post.queue("slack", title=f"Round {n}")
        post.run(3, minutes=3)
        world.faults.clear()
    post.run(6, hours=5)
    posted = [p["blocks"][0]["text"]["text"] for p in world.posts]
    assert sorted(posted) == sorted(f"Round {n}" for n in range(ROUNDS))


@pytest.mark.parametrize("through", ["zendesk", "freshdesk", "intercom", "play"])
def test_w7_a_reply_of_several_lines_is_said_once_though_white_space_changes_there(
    through: str, post: Post, world: World
) -> None:
    world.faults.append("lost")
    post.queue(through, "reply", text="Hello,\r\n\r\nwe are  sorry.\r\nAnna", thread="5")
    post.run(3)
    assert [d.state for d in post.all()] == ["delivered"]
    assert len(world.replies) == 1


def test_w7_reviews_are_answered_once_under_the_same_faults(post: Post, world: World) -> None:
    chance = random.Random(9)
    for n in range(ROUNDS):
        world.faults.extend(chance.choices(["lost", "429", "500", ""], k=2))
        post.queue("play", "reply", text=f"Round {n}", thread=f"r{n}")
        post.run(3, minutes=3)
        world.faults.clear()
    post.run(6, hours=5)
    assert {d.state for d in post.all()} == {"delivered"}
    assert sorted(r["text"] for r in world.replies) == sorted(f"Round {n}" for n in range(ROUNDS))


def test_no_claim_waits_for_its_turn_while_another_program_could_take_it(
    post: Post, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        post.queue("hook", "event")
    tried, held = Sender._tried, []

    def seen(sender: Sender, delivery: Delivery) -> Sent:
        held.append(len(post.all(state="sending")))
        return tried(sender, delivery)

    monkeypatch.setattr(Sender, "_tried", seen)
    assert [post.sender.send_due(most=9), post.sender.send_due(most=500)] == [9, 1]
    assert 1 <= min(held) <= max(held) <= AT_ONCE
    assert len({headers["webhook-id"] for headers, _ in world.hooks}) == len(world.hooks) == 10


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        ("is_archived", "dead", "archived"),
        ("token_revoked", "dead", "connect Slack again"),
        ("channel_not_found", "dead", "invite the bot"),
        ("rate_limited", "waiting", "rate_limited"),
    ],
)
def test_w8_what_slack_refuses_with_status_200_is_told(
    error: str, state: str, words: str, post: Post, world: World
) -> None:
    world.slack_error = error
    post.queue("slack")
    post.run(1)
    (delivery,) = post.all()
    assert delivery.state == state
    assert words in (delivery.failure or "")


def test_w8_a_channel_that_is_named_nowhere_is_told(post: Post, world: World) -> None:
    post.connect("slack", "slack", {}, {"address": f"{world.url}/slack", "token": "xoxb-token"})
    post.queue("slack")
    post.run(1)
    assert "no Slack channel was named" in (post.all()[0].failure or "")


MARKERS = [f"marker{n:02d}secret" for n in range(20)]


def test_s16_twenty_secrets_reach_no_log_no_row_and_no_error(
    post: Post, world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    marks: Callable[[], str] = iter(MARKERS).__next__
    secrets = {
        "zendesk": {"address": f"{world.url}/zendesk", "email": "a@x.example", "token": marks()},
        "freshdesk": {"address": f"{world.url}/freshdesk", "key": marks(), "requester": "cx@x.example"},
        "intercom": {**settings_at(world.url)["intercom"][1], "token": marks()},
        "slack": {"address": f"{world.url}/slack", "token": marks(), "channel": "C1"},
        "teams": {"url": f"{world.url}/teams/{marks()}?sig={marks()}"},
        "hook": {"url": f"{world.url}/hook/{marks()}", "secret": marks(), "next_secret": marks()},
        "mail": {"host": "127.0.0.1", "port": "9", "from": "cx@x.example", "user": "u", "password": marks()},
        "away": {"url": f"http://nobody.invalid/{marks()}", "secret": SECRET},
        "inside": {"url": f"http://10.1.2.3/{marks()}", "secret": SECRET},
        "odd": {"url": f"https://user:{marks()}@x.example/", "secret": SECRET},
    }
    kinds = {"mail": "email", "hook": "webhook", "away": "webhook", "inside": "webhook", "odd": "webhook"}
    for name, fields in secrets.items():
        post.connect(name, kinds.get(name, name), {}, fields)
        kind = "ticket" if name in ("zendesk", "freshdesk", "intercom") else "notice"
        post.queue(name, kind, **({"to": "a@x.example"} if name == "mail" else {}), text=f"said {name}")
    world.faults.extend(["500", "timeout", "lost", "429"] * 3)
    post.run(4, hours=1)
    said = capfd.readouterr()
    shown = [said.out, said.err, caplog.text]
    with post.sender.store.reading() as con:
        places = connections(con, "main", post.sender.vault)
        for delivery in post.all():
            shown += [repr(delivery), *map(repr, attempts_of(con, delivery.number))]
    shown += [repr(place) for place in places.values()]
    for text in shown:
        assert [m for m in MARKERS if m in text] == []
    # Nor in the file in which all of it lies, what was sent among it.
    lying = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert lying
    assert [m for m in MARKERS if m.encode() in lying] == []
    assert b"said zendesk" not in lying


DOCS = Path(__file__).parents[2] / "docs" / "actions.md"


def _block(language: str, holding: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if holding in block)


def test_w4_the_receiver_in_the_docs_takes_what_is_sent_and_nothing_else(post: Post, world: World) -> None:
    place: dict[str, Any] = {}
    exec(_block("python", "def receive"), place)
    post.clock.at = NOON.now(NOON.tzinfo)
    post.queue("hook", "event", data={"rule": "detractors"})
    post.run(1)
    ((headers, body),) = world.hooks
    assert place["receive"](body, headers, SECRET)["rule"] == "detractors"
    with pytest.raises(Exception, match="No matching signature"):
        place["receive"](body, headers, NEXT_SECRET)


def test_the_rule_the_colleagues_and_the_schedule_in_the_docs_can_be_used(tmp_path: Path) -> None:
    rule = rule_in("shown", _block("toml", "[when]"))
    assert [step.action for step in rule.file.do] == ["case", "notify", "ticket"]
    (tmp_path / "colleagues.toml").write_text(_block("toml", "members"), "utf-8")
    assert set(colleagues_in(tmp_path)) == {"anna", "leads"}
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "monday.toml").write_text(_block("toml", "every ="), "utf-8")
    assert appointments(tmp_path)[1] == {}
    told = DOCS.read_text("utf-8")
    for name, trigger in triggers().items():
        row, *_ = re.findall(rf"^\| `{name}` \|.*\| `(.*)` \|$", told, re.MULTILINE)
        assert row.split(", ") == [f for f in trigger.when.model_fields if f not in ("trigger", "where")], name
