"""The language in which a canonical table is written: columns, natural key, instant and private fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Type(Enum):
    """What a column holds, independent of any engine."""

    TEXT = "text"
    INSTANT = "instant"  # a point in time, UTC, microseconds
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"  # double precision; durations are seconds
    MONEY = "money"  # exact decimal(18, 4); its currency stands in the row's `currency`
    BOOLEAN = "boolean"
    MAP = "map"  # text to text


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    `words` says what it holds. `private` columns are personal: they live in the personal lake and are shown to nobody
    by default. `refers` names the table whose `source_id` the column holds. `one_of` lists the only values allowed.
    `made_by` names the enrichment that may fill the column; a value given by a source stays beside the made one.
    `aliases` are spellings by which files often call it; `least` and `most` bound a number, both ends included.
    """

    name: str
    type: Type
    words: str
    private: bool = False
    refers: str | None = None
    one_of: tuple[str, ...] = ()
    made_by: str | None = None
    aliases: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A canonical table. Its natural key is `(source, source_id)`.

    `instant` names the column that places a row in a period. `versioned` tables keep every version of a row with
    `valid_from` and `valid_to`; the others keep the newest. `orders` are pairs of columns of which the first is never
    later than the second. `within` are triples of a number and the two columns that hold its scale. `understood`
    fills a column that a file does not say from another's value: `("scale_max", "kind", (("nps", "10"),))`.
    """

    name: str
    title: str
    words: str
    instant: str | None
    columns: tuple[Column, ...]
    versioned: bool = False
    orders: tuple[tuple[str, str], ...] = ()
    within: tuple[tuple[str, str, str], ...] = ()
    understood: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The table's own and common columns by name."""
        return {c.name: c for c in (*COMMON, *self.columns)}

    @cached_property
    def private(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.private)

    @cached_property
    def public(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if not c.private)

    def made_by(self, enrichment: str) -> tuple[Column, ...]:
        """The columns that an enrichment fills."""
        return tuple(c for c in self.columns if c.made_by == enrichment)


COMMON: tuple[Column, ...] = (
    Column("source", Type.TEXT, "The system the row came from."),
    Column("source_id", Type.TEXT, "The row's key in that system."),
    Column("id", Type.TEXT, "Made from source and source_id, the same on every load."),
    Column(
        "updated_at",
        Type.INSTANT,
        "When the source last changed the row; the newest wins.",
        aliases=("modified_at", "last_updated", "last_modified"),
    ),
    Column("ingested_at", Type.INSTANT, "When we took the row in."),
    Column("deleted", Type.BOOLEAN, "A tombstone: the source deleted the row."),
    Column("attributes", Type.MAP, "Any further field, by name."),
)
