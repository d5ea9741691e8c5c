"""The whole way with the server killed again and again: from an answer to a case, a message and a ticket, each once."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.actions.desks import World, desks, settings_at

from wellheard.base.settings import Settings
from wellheard.store.cases import Search, cases
from wellheard.store.connections import keep_connection
from wellheard.store.deliveries import deliveries
from wellheard.store.store import Store, open_store
from wellheard.store.surveys import survey_called
from wellheard.store.tokens import new_token
from wellheard.store.vault import Vault, open_vault

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
ROUNDS = 100 if LONG else 3
SURVEY = 'name = "Relationship"\n[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'
RULE = """
name = "Detractors"
most_an_hour = 10000
most_a_day = 10000
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
[[do]]
action = "case"
"""
# The public's door, merging and following up of `wellheard serve`, without the pages; tried again without delay. Each
# line that comes in starts one server, forked from a process that has loaded the program and opened nothing: to load
# it takes longer than all that a round does.
SERVERS = """
import gc, os, sys, threading, time
import alembic.command, mako.template, uvicorn.loops.uvloop, uvicorn.protocols.http.httptools_impl
from datetime import timedelta
from wellheard.store import deliveries
deliveries.LEASE, deliveries.TRIES, deliveries.WAITS = timedelta(seconds=2), 60, (0.2,) * 59
import wellheard
from wellheard.actions import channel, hook, trigger
from wellheard.metrics import catalogue
from wellheard.serving import taking_answers
from wellheard.surveys import channel as ways
for each in (channel.channels, hook.schemes, trigger.triggers, catalogue.metrics, ways.channels):
    each()
assert threading.active_count() == 1, "a fork has the thread that forks alone"
gc.freeze()
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what is logged is not what is told
for line in sys.stdin:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    with wellheard.open(sys.argv[1]) as workspace, taking_answers(workspace) as door:
        print(os.getpid(), door.address, file=told, flush=True)
        time.sleep(120)
    os._exit(1)
"""


class Servers:
    """Servers over one home, one after the other, each ended by `kill -9`."""

    def __init__(self, home: Path) -> None:
        environment = {
            **os.environ,
            "WELLHEARD_PUBLIC_PORT": "0",
            "WELLHEARD_ANSWERS_PER_NETWORK": "100000",
            "WELLHEARD_INTERNAL_HOSTS": '["127.0.0.1"]',
        }
        call = [sys.executable, "-c", SERVERS, str(home)]
        self.process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    @contextmanager
    def one(self) -> Iterator[str]:
        """One server; gives its address and kills it at the end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("next\n")
        self.process.stdin.flush()
        number, _, address = self.process.stdout.readline().strip().partition(" ")
        assert address, "the server did not start"
        try:
            yield address
        finally:
            os.kill(int(number), signal.SIGKILL)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def _prepared(home: Path, world: World) -> Store:
    for folder, file, text in (("surveys", "relationship", SURVEY), ("rules", "detractors", RULE)):
        (home / folder).mkdir()
        (home / folder / f"{file}.toml").write_text(text, "utf-8")
    store, vault = open_store(home, Settings()), open_vault(home, Settings())
    with store.writing() as con:
        for name, (channel, fields) in settings_at(world.url).items():
            keep_connection(con, "main", vault, name, channel, {}, fields, _now())
    return store


def _now() -> datetime:
    return datetime.now(UTC)


def _answer(address: str, key: str, score: int, why: str) -> bool:
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    body = json.dumps({"answers": {"nps": score, "why": why}, "key": new_token()})
    try:
        line.request("POST", f"/s/{key}/answers", body, {"content-type": "application/json"})
        return line.getresponse().status == 201
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


# When a server is killed: as soon as a message is committed and not sent yet, as soon as a desk has taken a call and
# has not answered it yet, or at any time.
MOMENTS = ("committed", "called", "any")


@pytest.mark.slow
def test_w1_a_detractor_is_one_case_one_message_and_one_ticket_though_all_fails(tmp_path: Path) -> None:
    chance = random.Random(21)
    with desks() as world, closing(Servers(tmp_path)) as servers:
        store = _prepared(tmp_path, world)
        vault = open_vault(tmp_path, Settings())
        given: set[str] = set()
        met: Counter[str] = Counter()
        for number in range(ROUNDS):
            with servers.one() as address:
                with store.reading() as con:
                    key = survey_called(con, "main", "relationship").survey_key
                world.faults.extend(chance.choices(["timeout", "lost", "429", "500", ""], k=4))
                called, why = len(world.calls), f"answer {number:03d}"
                if _answer(address, key, chance.choice([0, 3, 6]), why):
                    given.add(why)
                moment = MOMENTS[number % 3]
                if moment == "any":
                    time.sleep(chance.uniform(0.0, 2.0))
                met[moment] += _reached(moment, store, vault, why, world, called + chance.randrange(4))
        world.faults.clear()
        with servers.one():
            _wait_for_all(store, vault, len(given))
        with store.reading() as con:
            found = cases(con, "main", Search(most=10_000), _now())
            sent = deliveries(con, "main", vault, most=10_000)
        store.close()
    assert len(given) == ROUNDS
    assert min(met[moment] for moment in MOMENTS) >= ROUNDS // 3 * 0.8, met
    assert Counter(case.details["text"] for case in found) == Counter(given)
    assert {d.state for d in sent} == {"delivered"}
    assert Counter(p["blocks"][1]["text"]["text"] for p in world.posts) == Counter(given)
    assert Counter(t["comment"]["body"].split("\n")[0] for t in world.tickets) == Counter(given)


def _reached(moment: str, store: Store, vault: Vault, why: str, world: World, calls: int) -> bool:
    """Waits for the moment at which the server is to be killed; gives whether it came."""
    for _ in range(1_000):
        if moment == "any" or (moment == "called" and len(world.calls) > calls):
            return True
        if moment == "committed":
            with store.reading() as con:
                newest = deliveries(con, "main", vault, most=1)
            if newest and newest[0].message["text"] == why:
                return newest[0].state in ("waiting", "sending")
        time.sleep(0.01)
    return False


def _wait_for_all(store: Store, vault: Vault, many: int) -> None:
    for _ in range(600):
        with store.reading() as con:
            sent = deliveries(con, "main", vault, most=10_000)
        if len(sent) == 2 * many and all(d.state == "delivered" for d in sent):
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(sent)} deliveries of {2 * many}: { {d.state for d in sent} }")
