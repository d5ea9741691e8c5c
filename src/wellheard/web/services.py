"""What the pages need of the rooms they may not see: plain functions, handed in by whoever starts the server."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.base.settings import Settings
from wellheard.metrics.answer import Answer
from wellheard.metrics.curves import Curves
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question
from wellheard.metrics.submissions import Filled
from wellheard.metrics.target import Target
from wellheard.surveys.shelf import Shelf
from wellheard.web.asking import AskingServices
from wellheard.web.scored import ScoreServices
from wellheard.web.texts import TextServices

Progress = Callable[[str, int], None]


class Loop(Protocol):
    """Gives the closed loop of the workspace, opened on first use, and lets go of what it opened itself."""

    def __call__(self) -> ClosedLoop: ...
    def close(self) -> None: ...


class Feed(Protocol):
    """Whether a KPI can be computed from the data, and what is missing."""

    @property
    def kpi(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def missing(self) -> str: ...


class Taken(Protocol):
    """What an import did to one table."""

    @property
    def table(self) -> str: ...
    @property
    def read(self) -> int: ...
    @property
    def new(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def unchanged(self) -> int: ...
    @property
    def older(self) -> int: ...
    @property
    def repeated(self) -> int: ...
    @property
    def rejected(self) -> int: ...


class Report(Protocol):
    """What an import did; `import_id` is None after a dry run."""

    @property
    def import_id(self) -> str | None: ...
    @property
    def files(self) -> Sequence[str]: ...
    @property
    def tables(self) -> Sequence[Taken]: ...
    @property
    def unreadable(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def reasons(self) -> Sequence[tuple[str, int]]: ...
    @property
    def rejects_file(self) -> Path | None: ...
    @property
    def readings(self) -> Sequence[tuple[str, str]]: ...
    @property
    def left_out(self) -> Sequence[tuple[str, int]]: ...
    @property
    def questions(self) -> Sequence[tuple[str, str, str]]: ...
    @property
    def notes(self) -> Sequence[str]: ...


class Import(Protocol):
    """One load, as it is listed."""

    @property
    def import_id(self) -> str: ...
    @property
    def taken_at(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def files(self) -> Sequence[str]: ...
    @property
    def tables(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def undone_at(self) -> datetime | None: ...


class Undone(Protocol):
    """What taking a load back did."""

    @property
    def import_id(self) -> str: ...
    @property
    def removed(self) -> Mapping[str, int]: ...
    @property
    def restored(self) -> Mapping[str, int]: ...


class Link(Protocol):
    """Two rows that are one person or company, were so once, or are kept apart by hand."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def row(self) -> str: ...
    @property
    def beside(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def since(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def decided_by(self) -> str | None: ...
    @property
    def state(self) -> str: ...


class Effect(Protocol):
    """A KPI's figures before and after a decision."""

    @property
    def kpi(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def before(self) -> Mapping[str, Any]: ...
    @property
    def after(self) -> Mapping[str, Any]: ...


class ConversationTimeline(Protocol):
    """One conversation: its facts, the stretches of its time, its figures beside the source's own, and its events.

    A stretch has `start, end, waited_for, counts_to, why, seconds, business_seconds`; a length `title, seconds,
    business_seconds, given, why_different`; an event `at, who, what, text, moves_the_clock`. Texts are whatever
    customers wrote.
    """

    @property
    def id(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def stretches(self) -> Sequence[Any]: ...
    @property
    def lengths(self) -> Sequence[Any]: ...
    @property
    def events(self) -> Sequence[Any]: ...
    @property
    def open(self) -> Sequence[tuple[datetime, datetime]]: ...
    @property
    def zone(self) -> str | None: ...


@dataclass(frozen=True)
class Turned:
    """What undoing a link, or withdrawing that, would mean: in words, and the figures it changes."""

    words: str
    effects: Sequence[Effect]


@dataclass(frozen=True)
class Preview:
    """The beginning of a file: how it is read in words, its columns, its first rows, and how many could not be read."""

    words: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    renames: Sequence[str] = ()
    bad_rows: Sequence[str] = ()


@dataclass(frozen=True)
class ExportQuestion:
    """A question of a known export: its key, its words, what it is taken as, and how that is known."""

    key: str
    words: str
    taken_as: str
    why: str


@dataclass(frozen=True)
class KnownExport:
    """A file that is a known system's export: which, what it asks, and why its zone must be told, where it must."""

    system: str
    title: str
    tables: Sequence[str]
    questions: Sequence[ExportQuestion]
    zone: str | None
    asks_zone: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Draft:
    """An import as the page has it so far: exactly these columns are taken, and no other.

    With `export` the file is that system's, and `questions` says what some of its columns ask. `mapping` is canonical
    column to the file's column, `constants` canonical column to a value for every row, and `date_formats` the file's
    column to its format.
    """

    file: Path
    table: str
    source: str
    mapping: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    tz: str | None = None
    fold: str | None = None
    decimal: str | None = None
    date_formats: Mapping[str, str] = field(default_factory=dict)
    export: str | None = None
    questions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Services:
    """Everything of a workspace that web uses. Every function may be called from any thread."""

    settings: Settings
    kpis: Callable[[], Sequence[Metric]]
    metric: Callable[[str], Metric]
    ask: Callable[[Question, int | None], Answer]
    dimensions: Callable[[str], Sequence[str]]
    data_end: Callable[[str], date | None]
    state: Callable[[], Hashable]
    page_state: Callable[[], Hashable]
    feeds: Callable[[], Sequence[Feed]]
    simulated: Callable[[], bool]
    uploads: Path
    preview: Callable[[Path], Preview]
    suggest: Callable[[str, Sequence[str]], Mapping[str, str]]
    exports: Callable[[], Mapping[str, str]]
    known_export: Callable[[Path, str | None, Mapping[str, str]], KnownExport | None]
    take: Callable[[Draft, bool, Progress], Report]
    recipe: Callable[[Draft], str]
    imports: Callable[[], Sequence[Import]]
    undo: Callable[[str], Undone]
    scorecard: Callable[[], Sequence[str]]
    choose_scorecard: Callable[[Sequence[str]], None]
    targets: Callable[[], Sequence[Target]]
    set_target: Callable[[Target], None]
    remove_target: Callable[[str], None]
    segments: Callable[[], Mapping[str, str]]
    save_segment: Callable[[str, str], None]
    remove_segment: Callable[[str], None]
    links: Callable[[], Sequence[Link]]
    effect_of: Callable[[str], Turned]
    turn: Callable[[str], str]
    effect_of_linking: Callable[[str, str, str], Turned]
    link: Callable[[str, str, str], str]
    conversation: Callable[[str], ConversationTimeline]
    curves: Callable[[Question], Curves]
    customers_by: Callable[[Question, str], Mapping[Any, int]]
    surveys: Shelf
    submissions: Callable[[], Mapping[str, Filled]]
    survey_address: Callable[[str], str | None]
    widget_tag: Callable[[str], str | None]
    asking: AskingServices
    scores: ScoreServices
    texts: TextServices
    loop: Loop
