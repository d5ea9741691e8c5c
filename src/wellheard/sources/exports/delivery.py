"""Hands the rows of a recognised export over, a delivery for each table that it feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from wellheard.sources.exports.export import KEY, Laid, export_called
from wellheard.sources.exports.people import mark_of
from wellheard.sources.exports.questions import Told
from wellheard.sources.exports.sheet import ROW, Row, Rows, answers, head_of, profiled

ANSWERS = "survey_responses"
SAID_OFTEN = ("customers", "accounts")


@dataclass(frozen=True)
class Reading:
    """A file read as an export: the system's name, its layout, and a delivery by table."""

    system: str
    title: str
    laid: Laid
    deliveries: Mapping[str, Melted]

    def left_out(self) -> dict[str, int]:
        """After reading: how many answers are kept and never count, by why."""
        counted: Counter[str] = Counter()
        for delivery in self.deliveries.values():
            counted.update(delivery.never_count)
        return dict(counted)


@dataclass
class Melted:
    """The rows of one table that an export's file makes. `named` and `same` fill further columns of its answers.

    Each reading of `batches` reads the file anew. `never_count` then says how many rows are trial answers or flagged.
    """

    name: str
    table: str
    laid: Laid
    file: Rows
    labels: int
    named: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    never_count: Counter[str] = field(default_factory=Counter)

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the canonical table that are filled."""
        return tuple(dict.fromkeys((*self.laid.columns[self.table], *self.named, *self.same)))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows with `__row`, the number of the row of the file that each comes from."""
        self.never_count.clear()
        seen: Counter[str] = Counter()
        told: set[int] = set()
        schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in self.columns)])
        for batch in answers(self.file, self.labels):
            made = list(self._made(batch, seen, told))
            numbers = pa.array([number for number, _ in made], pa.int64())
            cells = [pa.array([row.get(name) for _, row in made], pa.string()) for name in self.columns]
            yield pa.RecordBatch.from_arrays([numbers, *cells], schema=schema)

    def _made(
        self, batch: Iterable[tuple[int, Row]], seen: Counter[str], told: set[int]
    ) -> Iterator[tuple[int, dict[str, str | None]]]:
        for number, given in batch:
            row = {**given, KEY: _key(given, seen)} if self.laid.keyed else given
            for table, values in self.laid.rows(row):
                if table == self.table and not (table in SAID_OFTEN and _again(values, told)):
                    self._count(values)
                    more = {name: given.get(column) for name, column in self.named.items()}
                    yield number, {**values, **more, **self.same}

    def _count(self, values: Mapping[str, str | None]) -> None:
        if values.get("test") == "true":
            self.never_count["trial answers"] += 1
        elif values.get("flag"):
            self.never_count[f"flagged as {values['flag']}"] += 1


def _again(values: Mapping[str, str | None], told: set[int]) -> bool:
    """Whether just this was told by an earlier row: a customer stands beside each of their answers."""
    mark = hash(frozenset(values.items()))
    if mark in told:
        return True
    told.add(mark)
    return False


def _key(row: Row, seen: Counter[str]) -> str:
    """The mark of what a row holds and its place among equal ones; a column added later, empty, changes none."""
    mark = mark_of("\x1f".join(f"{name}={text}" for name, text in row.items() if text))
    seen[mark] += 1
    return mark if seen[mark] == 1 else f"{mark}-{seen[mark]}"


def read_export(
    file: Rows,
    system: str,
    told: Mapping[str, Told],
    named: Mapping[str, str] | None = None,
    same: Mapping[str, str] | None = None,
) -> Reading:
    """Reads a file as a system's export. Raises BadCall where it is not that, or where something told is not in it.

    `named` fills columns of its answers from columns of the file, `same` with one value for all of them.
    """
    export = export_called(system)
    head = head_of(file)
    labels = export.labels(head)
    laid = export.lay_out(profiled(file, head, labels), told)
    deliveries = {
        table: Melted(
            f"{file.name}: {table}",
            table,
            laid,
            file,
            labels,
            (named or {}) if table == ANSWERS else {},
            (same or {}) if table == ANSWERS else {},
        )
        for table in laid.columns
    }
    return Reading(system, export.title, laid, deliveries)
