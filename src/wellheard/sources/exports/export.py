"""What a known export is: how it is recognised, and how its rows become rows of our tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from wellheard.base.errors import BadCall
from wellheard.base.registry import found
from wellheard.sources.exports.questions import Taken, Told
from wellheard.sources.exports.sheet import Head, Row, Sheet

SYSTEMS = "wellheard.sources.exports.systems"
KEY = "__key"  # under which a row holds the mark of its content, for exports whose rows have no key

Made = tuple[str, dict[str, str | None]]  # a table's name, and a row for it


@dataclass(frozen=True)
class Laid:
    """An export laid out: which tables it feeds with which columns, how one of its rows becomes theirs, what it asks.

    `zone` is that of times without one, where the file says it; `asks_zone` is why it must be told, where it does not.
    `notes` are what whoever imports it should know.
    """

    columns: Mapping[str, tuple[str, ...]]
    rows: Callable[[Row], Iterator[Made]]
    questions: tuple[Taken, ...] = ()
    zone: str | None = None
    asks_zone: str = ""
    date_formats: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    keyed: bool = False


@dataclass(frozen=True)
class Sample:
    """A file as the system writes it, and the rows it must become. The contract suite tries it."""

    file: str
    text: str
    rows: Mapping[str, tuple[Mapping[str, str], ...]]
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """A system's export. A file in `systems/` defines one as `EXPORT`; its name is the file's.

    `recognise` tells it by its head; one that never does is for those who name the system. `labels` is how many rows
    after the names say more of the columns.
    """

    title: str
    recognise: Callable[[Head], bool]
    lay_out: Callable[[Sheet, Mapping[str, Told]], Laid]
    labels: Callable[[Head], int] = lambda _head: 0
    samples: tuple[Sample, ...] = ()


def exports() -> dict[str, Export]:
    """Every export that is known, by name."""
    return found(SYSTEMS, "EXPORT", Export)


def recognised(head: Head) -> str | None:
    """The name of the export that a file is; None where it is none, or could be two."""
    names = [name for name, export in exports().items() if export.recognise(head)]
    return names[0] if len(names) == 1 else None


def export_called(name: str) -> Export:
    """The export of a name. Raises BadCall."""
    known = exports()
    if name not in known:
        raise BadCall(f"there is no export {name!r}", hint=f"one of {', '.join(known)}", field="export")
    return known[name]
