"""A store with connections to servers that are not there, at a time of the test's choice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.actions.desks import World, desks, settings_at

from wellheard.actions.message import Message
from wellheard.actions.sending import Sender, queue_message
from wellheard.base.egress import Egress
from wellheard.base.settings import Settings
from wellheard.store.connections import keep_connection
from wellheard.store.deliveries import Delivery, deliveries
from wellheard.store.store import FILE, open_store
from wellheard.store.vault import Vault, new_key

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
INTERNAL = frozenset({"127.0.0.1", "localhost"})


@dataclass
class Clock:
    """The time, as the test sets it."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Post:
    """A sender over a store of its own, and what it is told to send."""

    sender: Sender
    clock: Clock
    world: World
    asked: int = field(default=0)

    def connect(self, name: str, channel: str, settings: dict[str, str], secrets: dict[str, str]) -> None:
        with self.sender.store.writing() as con:
            keep_connection(con, "main", self.sender.vault, name, channel, settings, secrets, self.clock())

    def queue(self, through: str, kind: str = "notice", key: str = "", **told: Any) -> int:
        self.asked += 1
        message = Message(
            key=key or f"{self.asked:032x}",
            kind=kind,
            title=told.pop("title", "NPS 2"),
            text=told.pop("text", "It never came."),
            made_at=self.clock(),
            **told,
        )
        with self.sender.store.writing() as con:
            return queue_message(con, self.sender, message, through)

    def run(self, steps: int = 40, **step: float) -> None:
        """Sends what is due again and again, with time going on in between."""
        for _ in range(steps):
            self.sender.send_due()
            self.clock.on(**(step or {"hours": 1}))

    def all(self, **which: Any) -> list[Delivery]:
        with self.sender.store.reading() as con:
            return deliveries(con, "main", self.sender.vault, **which)


@pytest.fixture(scope="module")
def servers() -> Iterator[World]:
    with desks() as world:
        yield world


@pytest.fixture
def world(servers: World) -> World:
    for held in (
        servers.faults,
        servers.tickets,
        servers.replies,
        servers.posts,
        servers.cards,
        servers.hooks,
        servers.phones,
        servers.answers,
    ):
        held.clear()
    servers.calls.clear()
    servers.slack_error, servers.retry_after = "", "0"
    return servers


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty store, to be copied."""
    folder = tmp_path_factory.mktemp("store")
    open_store(folder, Settings()).close()
    return folder / FILE


@pytest.fixture
def post(world: World, tmp_path: Path, new_store: Path) -> Iterator[Post]:
    shutil.copy(new_store, tmp_path / FILE)
    store, clock = open_store(tmp_path, Settings()), Clock()
    vault = Vault((new_key(),))
    with Egress(allow_internal=INTERNAL, timeout=0.4) as egress:
        sender = Sender(store, vault, "main", egress, INTERNAL, now=clock, chance=random.Random(3))
        made = Post(replace(sender), clock, world)
        for name, (channel, fields) in settings_at(world.url).items():
            made.connect(name, channel, {}, fields)
        yield made
    store.close()
