"""Reads the texts that come in, for as long as the server runs: a few at a time, and only while nobody else writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from wellheard.app import Workspace
from wellheard.base.errors import Busy
from wellheard.base.redaction import trace_of

FIRST = 20.0  # seconds after the start: the pages come first
EVERY = 15.0  # seconds between two looks
MOST = 500  # texts at a time, a second's work or two
MANY = 10_000  # texts at a time that the lexicon reads
REST_BETWEEN = 0.5  # seconds between two rounds while more wait
REST = 300.0  # seconds that the loop waits after something went wrong

_log = structlog.get_logger("wellheard.texts")


@contextmanager
def reading_texts(workspace: Workspace) -> Iterator[None]:
    """Reads in a thread of its own until the block ends, where the settings say so."""
    if not workspace.settings.read_texts:
        yield
        return
    ended = threading.Event()
    loop = threading.Thread(target=_run, args=(workspace, ended), name="texts", daemon=True)
    loop.start()
    try:
        yield
    finally:
        ended.set()
        loop.join()


def _run(workspace: Workspace, ended: threading.Event) -> None:
    pause, seen = FIRST, -1
    while not ended.wait(pause):
        pause = EVERY
        try:
            snapshot = workspace.lake.snapshot()
            if snapshot == seen:
                continue
            if workspace.texts.crowded():
                workspace.texts.read_fast(MANY)
                pause = REST_BETWEEN
                continue
            more = workspace.texts.read(MOST) == MOST
            seen = -1 if more else workspace.lake.snapshot()
            pause = REST_BETWEEN if more else EVERY
        except Busy:
            pause = EVERY  # somebody imports; the texts wait
        except Exception as error:  # noqa: BLE001 - the server goes on, and so does the loop
            _log.error("texts could not be read", error=type(error).__name__, trace=trace_of(error))
            pause = REST
