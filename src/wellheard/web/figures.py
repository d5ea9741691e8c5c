"""Computes answers in a few threads of its own and keeps them for as long as the data stand still."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date
from typing import Any, TypeVar

from wellheard.metrics.answer import Answer
from wellheard.metrics.question import Question
from wellheard.web.services import Feed, Services

KEPT, KEPT_ROWS = 800, 16  # answers; those with the rows behind a number are large
T = TypeVar("T")


class Figures:
    """Answers by snapshot and question (the question holds its viewer). The same question is computed once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pool = ThreadPoolExecutor(max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="figures")
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._rows: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def start(self, question: Question, limit: int | None = None) -> Future[Answer]:
        """The answer, now or later."""
        return self._start(("answer", question, limit), lambda: self._services.ask(question, limit), question.rows)

    def answer(self, question: Question, limit: int | None = None) -> Answer:
        """The answer; waits for it. Raises what the question raises."""
        return self.start(question, limit).result()

    def known(self, question: Question, limit: int | None = None) -> bool:
        """Whether the answer is there already, so that nobody need wait."""
        future = self._find(("answer", question, limit), question.rows)
        return future is not None and future.done()

    def data_end(self, kpi: str) -> date | None:
        """The day up to which a KPI's tables hold data."""
        return self._now(("end", kpi), lambda: self._services.data_end(kpi))

    def data_up_to(self) -> date | None:
        """The last day of any KPI's data."""
        ends = [self.data_end(kpi.name) for kpi in self._services.kpis()]
        return max((end for end in ends if end is not None), default=None)

    def dimensions(self, kpi: str) -> tuple[str, ...]:
        """The names by which a KPI can be grouped."""
        return self._now(("dimensions", kpi), lambda: tuple(self._services.dimensions(kpi)))

    def feeds(self) -> dict[str, Feed]:
        """Which KPIs the data can feed, by name."""
        return self._now(("feeds",), lambda: {feed.kpi: feed for feed in self._services.feeds()})

    def wait(self, futures: Iterable[Future[Any]], seconds: float) -> None:
        """Waits until all are done, or for so long."""
        wait(list(futures), timeout=seconds)

    def close(self) -> None:
        """Stops; what runs is finished, what waits is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _key(self, key: Hashable) -> Hashable:
        return (self._services.snapshot(), key)

    def _find(self, key: Hashable, rows: bool) -> Future[Any] | None:
        full = self._key(key)
        with self._lock:
            return (self._rows if rows else self._kept).get(full)

    def _start(self, key: Hashable, make: Callable[[], T], rows: bool = False) -> Future[T]:
        future, own = self._place(key, rows)
        if own:
            self._pool.submit(_settle, future, make)
        return future

    def _now(self, key: Hashable, make: Callable[[], T]) -> T:
        """What takes a moment is made in the caller's thread, so that it never waits behind what takes long."""
        future, own = self._place(key, rows=False)
        if own:
            _settle(future, make)
        result: T = future.result()
        return result

    def _place(self, key: Hashable, rows: bool) -> tuple[Future[Any], bool]:
        """The future for a key, and whether the caller is the one who fills it."""
        full = self._key(key)
        store, most = (self._rows, KEPT_ROWS) if rows else (self._kept, KEPT)
        with self._lock:
            found = store.get(full)
            # What failed is asked again: the reason may have gone.
            if found is not None and not (found.done() and found.exception() is not None):
                store.move_to_end(full)
                return found, False
            future: Future[Any] = Future()
            store[full] = future
            while len(store) > most:
                store.popitem(last=False)
            return future, True


def _settle(future: Future[T], make: Callable[[], T]) -> None:
    try:
        future.set_result(make())
    except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
        future.set_exception(error)
