"""The whole way with the server killed again and again: from an answer to a case, a message and a ticket, each once."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
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
# The public's door, merging and following up of `wellheard serve`, without the pages; tried again without delay.
SERVER = """
import sys, time
from datetime import timedelta
from wellheard.store import deliveries
deliveries.LEASE, deliveries.WAITS = timedelta(seconds=2), (0.2,) * 7
deliveries.TRIES = 40
import wellheard
from wellheard.serving import taking_answers
with wellheard.open(sys.argv[1]) as workspace, taking_answers(workspace) as door:
    print(door.address, flush=True)
    time.sleep(600)
"""


def _serving(home: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "WELLHEARD_PUBLIC_PORT": "0",
        "WELLHEARD_ANSWERS_PER_NETWORK": "100000",
        "WELLHEARD_INTERNAL_HOSTS": '["127.0.0.1"]',
    }
    return subprocess.Popen(
        [sys.executable, "-c", SERVER, str(home)], stdout=subprocess.PIPE, text=True, env=environment
    )


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


@pytest.mark.slow
def test_w1_a_detractor_is_one_case_one_message_and_one_ticket_though_all_fails(tmp_path: Path) -> None:
    chance = random.Random(21)
    with desks() as world:
        store = _prepared(tmp_path, world)
        vault = open_vault(tmp_path, Settings())
        given: set[str] = set()
        for round_ in range(ROUNDS + 1):
            with _serving(tmp_path) as process:
                assert process.stdout is not None
                address = process.stdout.readline().strip()
                assert address, "the server did not start"
                with store.reading() as con:
                    key = survey_called(con, "main", "relationship").survey_key
                if round_ < ROUNDS:
                    world.faults.extend(chance.choices(["timeout", "lost", "429", "500", ""], k=4))
                    for n in range(3):
                        why = f"answer {round_:03d} {n}"
                        if _answer(address, key, chance.choice([0, 3, 6]), why):
                            given.add(why)
                    time.sleep(chance.uniform(0.5, 5.0))  # so that it dies before, while and after it sends
                else:
                    world.faults.clear()
                    _wait_for_all(store, vault, len(given))
                process.kill()
        with store.reading() as con:
            found = cases(con, "main", Search(most=10_000), _now())
            sent = deliveries(con, "main", vault, most=10_000)
        store.close()
    assert len(given) >= ROUNDS
    assert Counter(case.details["text"] for case in found) == Counter(given)
    assert {d.state for d in sent} == {"delivered"}
    assert Counter(p["blocks"][1]["text"]["text"] for p in world.posts) == Counter(given)
    assert Counter(t["comment"]["body"].split("\n")[0] for t in world.tickets) == Counter(given)


def _wait_for_all(store: Store, vault: Vault, many: int) -> None:
    for _ in range(600):
        with store.reading() as con:
            sent = deliveries(con, "main", vault, most=10_000)
        if len(sent) == 2 * many and all(d.state == "delivered" for d in sent):
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(sent)} deliveries of {2 * many}: { {d.state for d in sent} }")
