"""Computes answers in a few threads of its own and keeps them for as long as the data stand still."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from datetime import date
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from wellheard.metrics.answer import Answer
from wellheard.metrics.question import Question
from wellheard.web.services import Feed, Services

_moment: ContextVar[dict[str, Hashable] | None] = ContextVar("moment", default=None)  # of the request that is answered
KEPT, KEPT_ROWS = 800, 16  # answers; those with the rows behind a number are large
T = TypeVar("T")


class _Task:
    """Something to compute once, by whichever thread comes first."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.future: Future[Any] = Future()
        self._make = make
        self._lock = threading.Lock()
        self._taken = False

    def run(self) -> None:
        with self._lock:
            if self._taken:
                return
            self._taken = True
        try:
            self.future.set_result(self._make())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            self.future.set_exception(error)

    @property
    def failed(self) -> bool:
        return self.future.done() and self.future.exception() is not None


class OneMoment:
    """Lets a page that is read see one state of the data from its head to its foot, which is asked for once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        token = _moment.set({})
        try:
            await self.app(scope, receive, send)
        finally:
            _moment.reset(token)


class Figures:
    """Answers by snapshot and question (the question holds its viewer). The same question is computed once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pool = ThreadPoolExecutor(max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="figures")
        self._later = ThreadPoolExecutor(1, thread_name_prefix="later")
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Task] = OrderedDict()
        self._rows: OrderedDict[Hashable, _Task] = OrderedDict()

    def start(self, question: Question, limit: int | None = None, *, later: bool = False) -> Future[Answer]:
        """The answer, now or in a while; what is asked for `later` gives way to what somebody waits for."""
        key = ("answer", question, limit)
        task, own = self._place(key, lambda: self._services.ask(question, limit), question.rows)
        if own or not (later or task.future.done()):
            (self._later if later else self._pool).submit(task.run)
        return task.future

    def answer(self, question: Question, limit: int | None = None) -> Answer:
        """The answer; waits for it. Raises what the question raises."""
        return self.start(question, limit).result()

    def known(self, question: Question, limit: int | None = None) -> bool:
        """Whether the answer is there already, so that nobody need wait."""
        full = self._key(("answer", question, limit))
        with self._lock:
            task = (self._rows if question.rows else self._kept).get(full)
        return task is not None and task.future.done()

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
        self._later.shutdown(wait=False, cancel_futures=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._later.shutdown(wait=True)

    def _key(self, key: Hashable) -> Hashable:
        seen = _moment.get()
        if seen is None:
            return (self._services.state(), key)
        if "state" not in seen:
            seen["state"] = self._services.state()
        return (seen["state"], key)

    def _now(self, key: Hashable, make: Callable[[], T]) -> T:
        """What takes a moment is made in the caller's thread, so that it never waits behind what takes long."""
        task, own = self._place(key, make, rows=False)
        if own:
            task.run()
        result: T = task.future.result()
        return result

    def _place(self, key: Hashable, make: Callable[[], Any], rows: bool) -> tuple[_Task, bool]:
        """The task for a key, and whether it is new."""
        full = self._key(key)
        store, most = (self._rows, KEPT_ROWS) if rows else (self._kept, KEPT)
        with self._lock:
            found = store.get(full)
            if found is not None and not found.failed:  # what failed is asked again: the reason may have gone
                store.move_to_end(full)
                return found, False
            task = store[full] = _Task(make)
            while len(store) > most:
                store.popitem(last=False)
            return task, True
