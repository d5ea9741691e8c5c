"""What runs when: answers reach the lake, and invitations are planned and sent.

It calls rooms and decides nothing. Each job may be killed at any point, and goes on when next run: its state lies in
the store's batches, and in its ledger and dispatches. So they are plain loops in the server, without an engine for
durable jobs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from wellheard.app import Workspace
from wellheard.asking import Asker
from wellheard.base.errors import Busy
from wellheard.base.redaction import trace_of
from wellheard.desk import Delivered
from wellheard.enrich.enrichments import enrich
from wellheard.sources.recipe import Recipe, mapped
from wellheard.store import batches
from wellheard.store.store import Store
from wellheard.surveys.responses import SOURCE, anonymous_response_rows, invitation_rows, response_rows
from wellheard.warehouse import load

EVERY = 1.0  # seconds between two looks at the inbox
LONGEST = 2.5  # seconds that merging rests where little is coming in
WITHIN = 4.5  # seconds from an answer to the lake, also where it came just after a merge began
MANY = 100  # rows of a merge from which on much is coming in
PLAN = 60.0  # seconds between two looks at what sets surveys off
REST = 30.0  # seconds that the loop waits after something went wrong

_log = structlog.get_logger("wellheard.jobs")


def merge_answers(workspace: Workspace, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Brings batches of answers from the store to the lake, exactly once; gives the number of rows that went.

    Killed before they are settled, the next call delivers them again, and the lake, which knows key and version of
    each row, changes nothing.
    """
    with store.writing() as con:
        claimed = batches.claim(con, workspace.name, now())
    if claimed is None:
        return 0
    while claimed.more:  # each a transaction of its own, between which answers are written
        with store.writing() as con:
            claimed = batches.claim_more(con, workspace.name, now(), claimed)
    with store.reading() as con:  # not in the claim: answers would wait until thousands of rows are read
        batch = batches.read_batch(con, claimed.batch_ids, now())
    told = now()
    rows = {
        "survey_responses": [
            *response_rows(batch.answers), *anonymous_response_rows(batch.anonymous_answers, told)
        ],
        "survey_invitations": list(invitation_rows(batch.invitations)),
    }  # fmt: skip
    given = {table: part for table, part in rows.items() if part}
    if given:
        _deliver(workspace, given)
    with store.writing() as con:
        batches.settle(con, batch.batch_ids, now())
    return sum(map(len, given.values()))


def _deliver(workspace: Workspace, rows: dict[str, list[dict[str, Any]]]) -> None:
    deliveries = [Delivered(table, part) for table, part in rows.items()]
    report = load.take(
        workspace.lake,
        _recipe(deliveries),
        deliveries,
        default_zone="UTC",
        rejects_folder=workspace.folder / "rejects",
        enrich=enrich,
    )
    if report.rejected:
        _log.error("answers were refused by the lake", reasons=report.reasons, file=str(report.rejects_file))


def _recipe(deliveries: list[Delivered]) -> Recipe:
    rules = []
    for delivery in deliveries:
        (rule,) = mapped(delivery.name, SOURCE, {name: name for name in delivery.columns}, {}).rules
        rules.append(replace(rule, files=delivery.name))
    return Recipe(name="our surveys", source=SOURCE, rules=tuple(rules))


class Merging:
    """Merges answers for as long as the server runs."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace = workspace
        self.store = store
        self._ended = threading.Event()
        self._loop = threading.Thread(target=self._run, name="merging", daemon=True)
        self._loop.start()

    def close(self) -> None:
        """Ends after the batch that is on its way."""
        self._ended.set()
        self._loop.join()

    def _run(self) -> None:
        pause = EVERY
        while not self._ended.wait(pause):
            began = time.monotonic()
            try:
                merged = merge_answers(self.workspace, self.store)
                self.store.tidy()
                pause = _rest(merged, time.monotonic() - began)
            except Busy:
                pause = EVERY  # somebody imports; the answers wait in the store
            except Exception as error:  # noqa: BLE001 - the server goes on, and so does the loop
                _log.error("answers could not be merged", error=type(error).__name__, trace=trace_of(error))
                pause = REST


def _rest(merged: int, took: float) -> float:
    """The seconds that merging rests, after it took so many seconds for so many rows.

    Who takes answers needs the machine as well: it rests twice as long as it works, and when much comes in as long as
    it may, since a merge of many costs little more than one of few.
    """
    if merged >= batches.MOST:
        return EVERY  # not all of it went
    longest = WITHIN - 2 * took
    return max(EVERY, longest if merged >= MANY else min(LONGEST, 2 * took, longest))


class Inviting:
    """Plans and sends invitations for as long as the server runs."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self._ended = threading.Event()
        self._loop = threading.Thread(target=self._run, name="inviting", daemon=True)
        self._loop.start()

    def close(self) -> None:
        """Ends after the letter that is on its way."""
        self._ended.set()
        self._loop.join()

    def _run(self) -> None:
        pause, due = EVERY, 0.0
        while not self._ended.wait(pause):
            pause = EVERY
            try:
                if time.monotonic() >= due:
                    began = time.monotonic()
                    self.asker.recover()
                    self.asker.plan()
                    # Planning rests ten times as long as it works, so that it never takes much of the machine.
                    due = time.monotonic() + max(PLAN, 10 * (time.monotonic() - began))
                while not self._ended.is_set() and self.asker.deliver():
                    pass
            except Busy:
                continue  # somebody imports, or holds the store
            except Exception as error:  # noqa: BLE001 - the server goes on, and so does the loop
                _log.error("invitations could not be sent", error=type(error).__name__, trace=trace_of(error))
                pause = REST
