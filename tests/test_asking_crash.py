"""W1, W3: the sender is killed again and again; no letter arrives twice, and what did not arrive is known by name."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.sink import mail_sink

import wellheard
from wellheard.base.settings import Settings
from wellheard.desk import Desk
from wellheard.store import ledger
from wellheard.store.store import open_store

ROUNDS = 60 if os.environ.get("WELLHEARD_TEST_LONG") else 4
PEOPLE = ROUNDS * 40
SURVEY = """
name = "After support"
[[questions]]
id = "nps"
type = "nps"
[asking]
trigger = "conversation_resolved"
quiet_from = "00:00"
quiet_to = "00:00"
"""
# The planning and sending of `wellheard serve`, without anything else.
SENDER = """
import sys
from datetime import timedelta
import wellheard
from wellheard.asking import asker_of
from wellheard.store.store import open_store
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf
with wellheard.open(sys.argv[1]) as workspace:
    store = open_store(workspace.home, workspace.settings)
    published = Published(store, Shelf(workspace.home / "surveys"), "main")
    asker = asker_of(workspace, store, published, "https://ask.example")
    print("ready", flush=True)
    asker.recover(timedelta())
    asker.plan()
    while asker.deliver():
        pass
    print("done", flush=True)
"""


@pytest.mark.slow
def test_w1_no_letter_goes_twice_and_none_is_lost_unseen_when_the_sender_is_killed(tmp_path: Path) -> None:
    chance = random.Random(11)
    with mail_sink() as sink:
        told = [f"{name} = {value!r}\n" for name, value in sink.settings.items()]
        (tmp_path / "wellheard.toml").write_text("".join(told) + 'internal_hosts = ["127.0.0.1"]\n', "utf-8")
        (tmp_path / "surveys").mkdir()
        (tmp_path / "surveys" / "after.toml").write_text(SURVEY, "utf-8")
        with wellheard.open(tmp_path) as workspace:
            now = datetime.now(UTC) - timedelta(hours=1)
            names = [f"p{n}" for n in range(PEOPLE)]
            row = {"opened_at": now, "resolved_at": now}
            Desk(workspace).deliver(
                {
                    "customers": [{"source_id": name, "email": f"{name}@x.example"} for name in names],
                    "conversations": [{"source_id": name, "customer_id": name, **row} for name in names],
                }
            )
        kills = 0
        for round_ in range(10 * ROUNDS):
            call = [sys.executable, "-c", SENDER, str(tmp_path)]
            with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                if round_ < ROUNDS:
                    time.sleep(chance.uniform(0.02, 1.0))
                    process.kill()
                    kills += 1
                    continue
                if process.stdout.readline() == "done\n":
                    break
        store = open_store(tmp_path, Settings())
        with store.reading() as con:
            listed = ledger.entries(con, "main", most=10 * PEOPLE)
        store.close()
        arrived = Counter(sink.recipients)
    assert kills == ROUNDS
    assert len(listed) == PEOPLE  # each decided once
    assert max(arrived.values()) == 1  # none twice
    states = {entry.person.partition(":")[2]: entry.state for entry in listed}
    unsure = {name for name, state in states.items() if state == "unsure"}
    assert set(states.values()) <= {"sent", "unsure"}
    assert len(unsure) <= kills  # one at a time is on its way
    missing = set(states) - {address.partition("@")[0] for address in arrived}
    assert missing <= unsure  # whatever did not arrive is known
    assert len(arrived) >= PEOPLE - kills
