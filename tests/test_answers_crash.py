"""R1: the server is killed under load, again and again; every acknowledged answer is there once, and none is torn."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
# The public's door and the merging of `wellheard serve`, without the pages of figures.
SERVER = """
import sys, time
import wellheard
from wellheard.serving import taking_answers
with wellheard.open(sys.argv[1]) as workspace, taking_answers(workspace) as door:
    print(door.address, flush=True)
    time.sleep(600)
"""
MANY = {"WELLHEARD_ANSWERS_PER_NETWORK": "1000000", "WELLHEARD_ANSWERS_PER_SURVEY": "1000000"}


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    call = [sys.executable, "-c", SERVER, str(home)]
    environment = {**os.environ, **MANY, "WELLHEARD_PUBLIC_PORT": "0"}
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the server did not start"
        try:
            yield process, address
        finally:
            process.kill()


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
    chance = random.Random(5)
    for round_ in range(ROUNDS):
        with serving(tmp_path) as (process, address):
            store = open_store(tmp_path, Settings())
            with store.reading() as con:
                key = survey_called(con, "main", "relationship").survey_key
            store.close()
            senders = [Sender(address, key, 100 * round_ + i) for i in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(chance.uniform(0.1, 2.0))  # so that some die while a batch goes to the lake
            process.kill()
            for sender in senders:
                sender.join()
                sent |= sender.sent
                acknowledged |= sender.acknowledged
    assert len(acknowledged) > 10 * ROUNDS
    _check(tmp_path, sent, acknowledged)


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
