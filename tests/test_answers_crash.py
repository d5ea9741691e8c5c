"""R1: the server is killed under load, again and again; every acknowledged answer is there once, and none is torn."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import wellheard
from wellheard.base.settings import Settings
from wellheard.jobs import merge_answers
from wellheard.store.layout import ANSWERS
from wellheard.store.store import open_store
from wellheard.store.surveys import survey_called
from wellheard.store.tokens import hashed, new_token

ROUNDS = 200 if os.environ.get("WELLHEARD_TEST_LONG") else 10
SENDERS = 8
SURVEY = 'name = "Relationship"\n[[questions]]\nid = "nps"\ntype = "nps"\n'
# The public's door and the merging of `wellheard serve`, without the pages of figures. Each line that comes in starts
# one server, forked from a process that has loaded the program and opened nothing: to load it takes longer than all
# that a round does.
SERVERS = """
import gc, os, sys, threading, time
import alembic.command, mako.template, uvicorn.loops.uvloop, uvicorn.protocols.http.httptools_impl
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
        time.sleep(600)
    os._exit(1)
"""
MANY = {"WELLHEARD_ANSWERS_PER_NETWORK": "1000000", "WELLHEARD_ANSWERS_PER_SURVEY": "1000000"}


@contextmanager
def loaded(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that starts one server after the other."""
    call = [sys.executable, "-c", SERVERS, str(home)]
    environment = {**os.environ, **MANY, "WELLHEARD_PUBLIC_PORT": "0"}
    pipe = subprocess.PIPE
    with subprocess.Popen(call, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(process: subprocess.Popen[str]) -> Iterator[tuple[int, str]]:
    """One server, by its number and address; it is killed at the end at the latest."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("next\n")
    process.stdin.flush()
    number, _, address = process.stdout.readline().strip().partition(" ")
    assert address, "the server did not start"
    try:
        yield int(number), address
    finally:
        with suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)


class Sender(threading.Thread):
    """Sends answers until the server is gone; what was sent, and what was acknowledged, by key."""

    def __init__(self, address: str, survey_key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.address, self.path = urlsplit(address), f"/s/{survey_key}/answers"
        self.chance = random.Random(seed)
        self.sent: dict[str, int] = {}
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        line = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=20)
        try:
            while True:
                key, score = new_token(), self.chance.randrange(11)
                self.sent[key] = score
                body = json.dumps({"key": key, "answers": {"nps": score}})
                line.request("POST", self.path, body, {"content-type": "application/json"})
                answer = line.getresponse()
                answer.read()
                assert answer.status == 201
                self.acknowledged.add(key)
        except (OSError, http.client.HTTPException):
            return


@pytest.mark.slow
def test_r1_no_acknowledged_answer_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    (tmp_path / "surveys").mkdir()
    (tmp_path / "surveys" / "relationship.toml").write_text(SURVEY, "utf-8")
    sent: dict[str, int] = {}
    acknowledged: set[str] = set()
    chance, key = random.Random(5), ""
    with loaded(tmp_path) as process:
        for round_ in range(ROUNDS):
            with serving(process) as (server, address):
                key = key or _key(tmp_path)
                senders = [Sender(address, key, 100 * round_ + i) for i in range(SENDERS)]
                for sender in senders:
                    sender.start()
                time.sleep(chance.uniform(0.1, 2.0))  # so that some die while a batch goes to the lake
                os.kill(server, signal.SIGKILL)
                for sender in senders:
                    sender.join()
                    sent |= sender.sent
                    acknowledged |= sender.acknowledged
    assert len(acknowledged) > 10 * ROUNDS
    _check(tmp_path, sent, acknowledged)


def _key(home: Path) -> str:
    store = open_store(home, Settings())
    with store.reading() as con:
        key = survey_called(con, "main", "relationship").survey_key
    store.close()
    return key


def _check(home: Path, sent: dict[str, int], acknowledged: set[str]) -> None:
    store = open_store(home, Settings())
    with store.reading() as con:
        rows = [(row.key_hash, json.loads(row.given)) for row in con.execute(ANSWERS.select())]
    stored = dict(rows)
    assert len(stored) == len(rows)  # none twice
    by_hash = {hashed(key): score for key, score in sent.items()}
    assert {hashed(key) for key in acknowledged} <= set(stored)  # none lost
    assert set(stored) <= set(by_hash)
    for key_hash, given in stored.items():  # none torn
        assert [(answer["question_id"], answer["score"]) for answer in given] == [("nps", by_hash[key_hash])]
    workspace = wellheard.open(home)
    while merge_answers(workspace, store):
        pass
    merge_answers(workspace, store)
    row = workspace.kpi("nps").to_list()[0]
    scores = [given[0]["score"] for given in stored.values()]
    net = sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores)
    assert row["n"] == len(scores)
    assert row["value"] == pytest.approx(100 * net / len(scores), rel=1e-12)
    workspace.close()
    store.close()
