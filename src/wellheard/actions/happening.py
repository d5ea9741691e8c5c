"""Something that a rule may act on, and what triggers may look at to find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from wellheard.metrics.answer import Answer
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question
from wellheard.metrics.target import Pace

Row = dict[str, Any]


@dataclass(frozen=True)
class Happening:
    """`subject` names it for ever, so that a rule decides on it once. `person` is who a cool-down counts for.

    `kind` is the kind of case it makes: answer, text, review, customer, alert or incident. `machine` says that a
    program caused it, such as an out-of-office note. `customers` are those it concerns where it is about many. `review`
    is the id of a review on its `platform`.
    """

    subject: str
    at: datetime
    kind: str
    title: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    person: str | None = None
    source: str | None = None
    customer_id: str | None = None
    account_id: str | None = None
    conversation_id: str | None = None
    submission_id: str | None = None
    invitation_id: str | None = None
    machine: bool = False
    customers: tuple[str, ...] = ()
    link: str = ""
    review: str = ""
    platform: str = ""


class Rows(Protocol):
    """Lists rows of a table, as `metrics.listing.list_rows` does."""

    def __call__(self, table: str, columns: Sequence[str], **how: Any) -> list[Row]: ...


class People(Protocol):
    """Tells who is one person, as `warehouse.audience.Audience` does."""

    def linked(self, row: str) -> list[Mapping[str, Any]]: ...


class Counted(Protocol):
    """Groups rows of a table, as `metrics.listing.count_by_hour` and `last_seen` do."""

    def __call__(self, table: str, **how: Any) -> list[Row]: ...


@dataclass(frozen=True)
class Look:
    """What triggers may look at: plain functions, so that no trigger sees a connection."""

    rows: Rows
    by_hour: Counted
    last_seen: Counted
    last_row: Callable[[str], datetime | None]
    ask: Callable[[Question], Answer]
    metric: Callable[[str], Metric]
    targets: Callable[[], Sequence[Pace]]
    people: Callable[[Sequence[str] | None], People]  # those with these ids and who is linked with them, or all
    zone: str
    week_start: int = 0
