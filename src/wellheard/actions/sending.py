"""Sends what lies in the outbox, and writes down what became of it.

A delivery that fails is tried again, later each time, and is dead after eight tries within a day. A connection that
takes nothing for five days is disabled, and those who look after the deployment are told.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from wellheard.actions.channel import Sent, Try, Undelivered, channel_called, undelivered
from wellheard.actions.message import Message, message_from
from wellheard.base.egress import Egress
from wellheard.base.errors import WellheardError
from wellheard.base.redaction import trace_of
from wellheard.store import connections as kept
from wellheard.store import deliveries as outbox
from wellheard.store.connections import Connection
from wellheard.store.deliveries import Delivery, Outgoing
from wellheard.store.followup import Transaction
from wellheard.store.store import Store
from wellheard.store.tokens import hashed
from wellheard.store.vault import Vault

AT_ONCE = 4  # deliveries on their way at one time
TIMEOUT = 20.0  # seconds for one exchange; a try has two at the most that matter, and the lease is longer than both

_log = structlog.get_logger("wellheard.actions")


@dataclass(frozen=True)
class Sender:
    """What sending needs. `usual` are a channel's settings where a connection says none. `now` is there for tests."""

    store: Store
    vault: Vault
    workspace: str
    egress: Egress
    internal: frozenset[str] = frozenset()
    admins: Sequence[str] = ()
    usual: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    chance: random.Random = field(default_factory=random.Random)

    def send_due(self, most: int = 50) -> int:
        """Sends what is due; gives how many deliveries were tried.

        No more are claimed than leave at once, so that no claim runs out while its delivery waits for its turn here.
        """
        tried = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sending") as pool:
            while due := self._claimed(min(AT_ONCE, most - tried)):
                list(pool.map(self._send, due))
                tried += len(due)
        return tried

    def _claimed(self, most: int) -> list[Delivery]:
        if most <= 0:
            return []
        with self.store.writing() as con:
            return outbox.claim(con, self.workspace, self.vault, self.now(), most)

    def settings_of(self, place: Connection) -> dict[str, str]:
        """What a connection sends with, secrets among it."""
        return {**self.usual.get(place.channel, {}), **place.all_settings}

    def _send(self, delivery: Delivery) -> None:
        began = time.monotonic()
        try:
            sent = self._tried(delivery)
        except WellheardError as error:
            self._failed(delivery, undelivered(error), time.monotonic() - began)
            return
        except Exception as error:  # noqa: BLE001 - one delivery's fault is not the others'
            _log.error(
                "a delivery failed on our side",
                delivery=delivery.number,
                error=type(error).__name__,
                trace=trace_of(error),
            )
            told = Undelivered(f"it failed on our side: {type(error).__name__}", retry=True)
            self._failed(delivery, told, time.monotonic() - began)
            return
        now = self.now()
        with self.store.writing() as con:
            outbox.settle_delivered(
                con, delivery.number, sent.remote_id or None, sent.url or None, now, time.monotonic() - began
            )
            kept.note_worked(con, self.workspace, delivery.connection, now)
        _log.info("delivered", delivery=delivery.number, tries=delivery.attempts, found=sent.found)

    def _tried(self, delivery: Delivery) -> Sent:
        with self.store.reading() as con:
            place = kept.connection(con, self.workspace, self.vault, delivery.connection)
        channel = channel_called(place.channel)
        message = message_from(delivery.message)
        if message.kind not in channel.kinds:
            raise Undelivered(f"{channel.title} takes no {message.kind}", retry=False, hint="choose another connection")
        return channel.send(
            Try(
                message=message,
                settings=self.settings_of(place),
                egress=self.egress,
                number=delivery.attempts,
                first_at=delivery.first_at or self.now(),
                now=self.now(),
                internal=self.internal,
            )
        )

    def _failed(self, delivery: Delivery, error: Undelivered, seconds: float) -> None:
        now = self.now()
        words = f"{error.message}; {error.hint}" if error.hint else error.message
        with self.store.writing() as con:
            state = outbox.settle_failed(
                con,
                delivery.number,
                words,
                now,
                seconds,
                retry=error.retry,
                after=error.after,
                status=error.status,
                chance=self.chance,
            )
            disabled = kept.note_failed(con, self.workspace, delivery.connection, words, now)
            if disabled:
                self._tell(con, delivery.connection, words, now)
        _log.warning("not delivered", delivery=delivery.number, tries=delivery.attempts, state=state)

    def _tell(self, con: Transaction, name: str, words: str, now: datetime) -> None:
        """Writes to the admins, by each mail connection that works, that a connection was disabled."""
        places = kept.connections(con, self.workspace, self.vault)
        mails = [p for p in places.values() if p.channel == "email" and p.disabled_at is None and p.name != name]
        for admin in self.admins if mails else ():
            key = delivery_key("disabled", self.workspace, name, now.date().isoformat(), admin)
            message = Message(
                key=key,
                kind="notice",
                title=f"The connection {name} was disabled",
                text=f"Nothing was taken there for five days. The last thing it said: {words}. "
                "What waits for it stands still until somebody enables it on the page of deliveries.",
                to=admin,
                made_at=now,
            )
            queue_message(con, self, message, mails[0].name)


def queue_message(
    con: Transaction,
    sender: Sender,
    message: Message,
    connection: str,
    *,
    rule_id: str | None = None,
    case_number: int | None = None,
    broadcast_id: str | None = None,
    not_before: datetime | None = None,
) -> int:
    """Puts a message in the outbox of the transaction that decides it; gives the delivery's number."""
    out = Outgoing(
        key=message.key,
        kind=message.kind,
        connection=connection,
        title=message.title,
        message=message.as_json(),
        recipient=message.to,
        rule_id=rule_id,
        case_number=case_number,
        broadcast_id=broadcast_id,
        not_before=not_before,
    )
    return outbox.queue(con, sender.workspace, sender.vault, out, sender.now())


def delivery_key(*parts: object) -> str:
    """The key of what these parts name, in 32 hexadecimal digits: the same for the same, in every process."""
    return hashed("\x1f".join(str(part) for part in parts))[:32]


__all__ = ["Connection", "Sender", "delivery_key", "queue_message"]
