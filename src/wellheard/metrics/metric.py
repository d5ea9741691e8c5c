"""What a KPI is: its words, its rows, its brick and its variants. A file in `kpis/` makes one of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from wellheard.base.errors import BadCall, Unknown
from wellheard.metrics.bricks import Brick
from wellheard.tables.catalogue import table as canonical

if TYPE_CHECKING:
    from wellheard.metrics.ask import Ask

# Rows bear `id, instant (or period), unit, why` and the brick's columns; `why` is null where the row counts.
Rows = Callable[["Ask"], ir.Table]

# A table and its instants that say from when to when there is data.
Span = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Preset:
    """Whose figure a variant called `as_PRODUCT` reproduces, and why theirs is not ours.

    `theirs` is what they call it, `source` where they say so. `printed` tells that an example printed by them is among
    the KPI's examples. `beside` names the variants with which it is to be had, each set joined by `+`.
    """

    theirs: str
    differs: str
    source: str
    printed: bool = False
    beside: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Variant:
    """Another way of computing a KPI. With a `brick` it replaces the figure; without, it changes the rows alone.

    `not_additive` says why its groups or periods do not add up where those of the KPI itself do.
    """

    name: str
    words: str
    brick: Brick | None = None
    unit: str | None = None
    direction: str | None = None
    least_n: int | None = None
    spans: tuple[Span, ...] | None = None
    not_additive: str = ""
    preset: Preset | None = None


@dataclass(frozen=True)
class Split:
    """Variants of which the usual answer has a row each, named in `column`: the outcomes of one question."""

    column: str
    variants: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """What a KPI needs of a table: columns that must be filled, in the rows where `among` holds.

    Where they are not, any of `instead` will do. An `optional` need makes the figure better, and is not missed.
    """

    table: str
    columns: tuple[str, ...]
    among: tuple[tuple[str, str], ...] = ()
    instead: tuple[Need, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Example:
    """A worked example: canonical rows in, the answer out. Tests load the rows and ask."""

    words: str
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    value: float | None
    n: int
    variant: str | None = None
    pending: int = 0
    low: float | None = None
    high: float | None = None
    within: float = 1e-9
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Metric:
    """One KPI. `unit` is percent, points, seconds, money, number or count; `direction` says which way is good news.

    `spans` are the instants that say from when to when there is data: those of the first table that has any. A change
    of meaning is a new `version`, and the `older` ones, the newest first, can still be asked for. A `lopsided` KPI
    counts a good row at once and a bad one only when its time is over, so it is too high while many are pending.
    """

    name: str
    title: str
    question: str
    formula: str
    unit: str
    direction: str
    rows: Rows
    brick: Brick
    needs: tuple[Need, ...]
    examples: tuple[Example, ...]
    source: str
    traps: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    least_n: int = 30
    version: int = 1
    since: date = date(2026, 11, 1)
    placed_by: str = ""
    not_additive: str = ""
    cohort: bool = False
    spans: tuple[Span, ...] = ()
    older: tuple[Metric, ...] = ()
    split: Split | None = None
    lopsided: bool = False

    def __post_init__(self) -> None:
        if not self.spans:
            spans = tuple((t, (instant,)) for t in self.tables if (instant := canonical(t).instant))
            object.__setattr__(self, "spans", spans)

    def described(self) -> dict[str, Any]:
        """The KPI in words, as every surface lists it."""
        plain = (
            "name",
            "title",
            "question",
            "formula",
            "unit",
            "direction",
            "least_n",
            "version",
            "placed_by",
            "source",
        )
        variants = [{"name": v.name, "words": v.words, "unit": v.unit or self.unit} for v in self.variants]
        said = {name: getattr(self, name) for name in plain}
        return {**said, "variants": variants, "tables": list(self.tables), "traps": list(self.traps)}

    @property
    def usual(self) -> str | None:
        """The variant that stands for the KPI where there is place for one figure; None for the KPI as it is."""
        return self.split.variants[0] if self.split else None

    def splits(self, variants: Iterable[str]) -> bool:
        """Whether an answer with these variants has a row for each of its outcomes."""
        return self.split is not None and not set(variants) & set(self.split.variants)

    def single(self, variants: str | None) -> str | None:
        """The variants, joined by `+`, with the usual outcome where without it the answer would have several rows."""
        names = [name for name in (variants or "").split("+") if name]
        return "+".join([*names, *([self.usual] if self.usual and self.splits(names) else [])]) or None

    @property
    def tables(self) -> tuple[str, ...]:
        """The canonical tables it reads, in order."""
        return tuple(dict.fromkeys(need.table for need in self.needs))

    def variant(self, name: str) -> Variant:
        """The variant called `name`; raises Unknown with the names there are."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        names = ", ".join(v.name for v in self.variants) or "none"
        raise Unknown(f"{self.name} has no variant {name!r}", hint=f"its variants: {names}", field="variant")

    def asked(self, names: Iterable[str]) -> Asked:
        """The figure that a set of variants makes; raises BadCall where two of them exclude each other."""
        chosen = [self.variant(name) for name in dict.fromkeys(names)]
        replacing = [v for v in chosen if v.brick is not None]
        if len(replacing) > 1:
            raise BadCall(
                f"{self.name}: {replacing[0].name} and {replacing[1].name} cannot be had together",
                hint="ask for them one by one",
                field="variant",
            )
        main = replacing[0] if replacing else None

        def pick(attribute: str, default: Any) -> Any:
            found = [getattr(v, attribute) for v in chosen if getattr(v, attribute) is not None]
            return found[-1] if found else default

        return Asked(
            brick=main.brick if main is not None and main.brick is not None else self.brick,
            unit=pick("unit", self.unit),
            direction=pick("direction", self.direction),
            least_n=pick("least_n", self.least_n),
            spans=pick("spans", self.spans),
            variants=frozenset(v.name for v in chosen),
        )

    def definition(self, variants: Iterable[str]) -> str:
        """The definition's name on a result: name, version and variants."""
        named = "+".join(sorted(variants))
        return f"{self.name}@{self.version}" + (f":{named}" if named else "")


@dataclass(frozen=True)
class Asked:
    """The figure that was asked for, its variants applied."""

    brick: Brick
    unit: str
    direction: str
    least_n: int
    spans: tuple[Span, ...]
    variants: frozenset[str]
