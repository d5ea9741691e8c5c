"""From a detractor's answer to the notification: the server takes it, merges it, decides by a rule, and sends.

The server is the whole of `wellheard serve` over a copy of the workspace; the receiver is a program on this machine.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import tomli_w

from bench.data import Place, scratch
from bench.record import Bar, Figure, Record, Table
from bench.refresh import shared
from bench.serving import served
from bench.turns import Failed
from wellheard.base.settings import settings_of
from wellheard.store.connections import keep_connection
from wellheard.store.store import open_store
from wellheard.store.surveys import survey_called
from wellheard.store.tokens import new_token
from wellheard.store.vault import open_vault

ANSWERS, LIMIT, PATIENCE = 100, 5.0, 120.0  # how many, the bar in seconds, and when the last is given up
PAUSES = (0.2, 1.2)  # seconds between two answers, drawn anew each time
SURVEY = 'name = "Bench"\n[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'
RULE = """
name = "Detractors"
most_an_hour = 10000
most_a_day = 10000
[when]
trigger = "answer"
survey = "bench"
kind = "nps"
at_most = 6
[[do]]
action = "webhook"
through = "hook"
[[do]]
action = "case"
"""


@dataclass
class Receiver:
    """A program that is told: when each text arrived first."""

    address: str = ""
    arrived: dict[str, float] = field(default_factory=dict)


def measure(place: Place) -> Record:
    """Answers one after the other, and how long each took to be told."""
    with scratch(place, "following") as folder, _receiving() as receiver:
        home = folder / "home"
        shutil.copytree(place.home, home, copy_function=shared)
        port = _prepared(home, receiver.address)
        with served(home):
            waits = sorted(_waits(home, port, receiver))
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    figures = (Figure("from the answer's 201 to the call", middle, more={"p95 s": late, "longest s": waits[-1]}),)
    bars = (Bar("from answer to notification, p95 ≤ 5 s", late, LIMIT),)
    return Record("following", place.size, (Table("From an answer to its notification", figures),), bars)


def _waits(home: Path, port: int, receiver: Receiver) -> list[float]:
    chance, given = random.Random(5), {}
    with closing(open_store(home, settings_of(home))) as store, store.reading() as con:
        key = survey_called(con, "main", "bench").survey_key
    for number in range(ANSWERS):
        _answer(port, key, f"answer {number}")
        given[f"answer {number}"] = time.monotonic()
        time.sleep(chance.uniform(*PAUSES))
    end = time.monotonic() + PATIENCE
    while len(receiver.arrived) < len(given):
        if time.monotonic() > end:
            raise Failed(f"{len(given) - len(receiver.arrived)} of {len(given)} answers were never told of")
        time.sleep(0.05)
    return [receiver.arrived[text] - at for text, at in given.items()]


def _answer(port: int, key: str, why: str) -> None:
    body = json.dumps({"answers": {"nps": 2, "why": why}, "key": new_token()})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        line.request("POST", f"/s/{key}/answers", body, {"content-type": "application/json"})
        status = line.getresponse().status
    if status != 201:
        raise Failed(f"an answer got {status}")


def _prepared(home: Path, receiver: str) -> int:
    """Puts survey, rule and connection into a home; gives the port at which it will take answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    file = home / "wellheard.toml"
    said = file.read_text("utf-8") if file.exists() else ""
    more = {"public_port": port, "internal_hosts": ["127.0.0.1"], "answers_per_network": 100_000}
    file.write_text(f"{tomli_w.dumps(more)}{said}", "utf-8")
    for folder, name, text in (("surveys", "bench", SURVEY), ("rules", "detractors", RULE)):
        (home / folder).mkdir(exist_ok=True)
        (home / folder / f"{name}.toml").write_text(text, "utf-8")
    settings = settings_of(home)
    fields = {"url": receiver, "secret": "whsec_" + base64.b64encode(b"bench" * 6).decode()}
    with closing(open_store(home, settings)) as store, store.writing() as con:
        keep_connection(con, "main", open_vault(home, settings), "hook", "webhook", {}, fields, datetime.now(UTC))
    return port


@contextmanager
def _receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.arrived.setdefault(told["data"]["text"], time.monotonic())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
