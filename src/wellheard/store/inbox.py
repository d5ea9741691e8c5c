"""Takes answers in: many at once in one commit, and none is acknowledged before that commit has reached the disk.

While one batch is being written, the answers that arrive meanwhile gather for the next: the busier it is, the fewer
waits for the disk an answer costs.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from wellheard.base.errors import Busy, WellheardError
from wellheard.store.named import NamedAnswers
from wellheard.store.store import Store
from wellheard.store.submission import Kept, Submission
from wellheard.store.unnamed import UnnamedAnswers

MOST = 512  # answers in one commit
GATHER = 0.003  # seconds that a busy inbox lets answers gather: a commit costs the same for one as for many
ANSWERS_LOCK = 0x616E_7377  # the lock in PostgreSQL under which answers are written

Outcome: TypeAlias = Kept | WellheardError
Waiting: TypeAlias = tuple[Submission, Callable[[Kept | BaseException], None]]


class Inbox:
    """The way into the store for answers. Threads and event loops may share it; close it before the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._arrived: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._writer.start()

    def put(self, submission: Submission, then: Callable[[Kept | BaseException], None]) -> None:
        """Takes a submission and calls `then`, in the writer's thread, once it is durable or has been refused."""
        self._arrived.put((submission, then))

    def take(self, submission: Submission, timeout: float = 60) -> Kept:
        """Takes a submission and waits. Raises Unknown, Refused, OtherBody or Busy, with nothing stored."""
        done: Future[Kept | BaseException] = Future()
        self.put(submission, done.set_result)
        outcome = done.result(timeout)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def close(self) -> None:
        """Writes what has arrived, then ends."""
        self._arrived.put(None)
        self._writer.join()

    def _run(self) -> None:
        ended, busy = False, False
        while not ended:
            batch = [self._arrived.get()]
            if busy:
                time.sleep(GATHER)
            while len(batch) < MOST and not self._arrived.empty():
                batch.append(self._arrived.get())
            ended = None in batch
            waiting = [item for item in batch if item is not None]
            if waiting:
                self._settle(waiting)
            busy = len(waiting) > 1

    def _settle(self, waiting: Sequence[Waiting]) -> None:
        try:
            outcomes: Sequence[Outcome] = self._write([submission for submission, _ in waiting])
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            if len(waiting) > 1 and not isinstance(error, OperationalError | Busy):
                for one in waiting:  # one of them is at fault; the others must not suffer for it
                    self._settle([one])
                return
            told = _told(error)
            for _, then in waiting:
                then(told)
            return
        for (_, then), outcome in zip(waiting, outcomes, strict=True):
            then(outcome)

    def _write(self, submissions: Sequence[Submission]) -> list[Outcome]:
        with self.store.writing() as con:
            if not self.store.is_sqlite:
                con.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": ANSWERS_LOCK})
            named = NamedAnswers(con, [s for s in submissions if not s.anonymous])
            unnamed = UnnamedAnswers(con, [s for s in submissions if s.anonymous])
            outcomes = [_outcome(unnamed.take if s.anonymous else named.take, s) for s in submissions]
            named.write()
            unnamed.write()
        return outcomes


def _outcome(take: Callable[[Submission], Kept], submission: Submission) -> Outcome:
    try:
        return take(submission)
    except WellheardError as refused:
        return refused


def _told(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError):
        return Busy("the answer could not be stored just now", hint="send it again in a moment, with the same key")
    return error
