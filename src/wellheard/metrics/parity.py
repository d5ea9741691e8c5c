"""Other products' figures beside ours, from the same rows: which variants reproduce them, and why they differ.

A variant called `as_PRODUCT` that carries a `Preset` is found by its name; nothing is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from wellheard.base.errors import Unknown
from wellheard.base.periods import Grain, add_months, floor
from wellheard.metrics.answer import Answer
from wellheard.metrics.metric import Metric, Preset
from wellheard.metrics.question import Question, question

PREFIX = "as_"
NAMES = {"chartmogul": "ChartMogul"}  # where a product's name is not its first letter made large


@dataclass(frozen=True)
class Pair:
    """A product's figure and ours: `theirs` and `ours` are the variants to ask for, joined by `+`."""

    product: str
    kpi: Metric
    preset: Preset
    theirs: str
    ours: str

    @property
    def name(self) -> str:
        """The product's name as it writes it."""
        return name_of(self.product)

    @property
    def checked(self) -> str:
        """How far the reproduction was checked."""
        return "their printed example holds" if self.preset.printed else "formula only"

    def questions(self, start: date | None, end: date | None) -> tuple[Question, Question]:
        """Their question and ours, over the same days."""
        return (
            question(self.kpi.name, variant=self.theirs, start=start, end=end),
            question(self.kpi.name, variant=self.ours or None, start=start, end=end),
        )


@dataclass(frozen=True)
class Compared:
    """A pair with its figures: a row of an answer each; `start` and `end` are None where there are no data."""

    pair: Pair
    start: date | None
    end: date | None
    theirs: dict[str, Any]
    ours: dict[str, Any]


def name_of(product: str) -> str:
    """A product's name as it writes it, from that of its presets."""
    return NAMES.get(product, product.replace("_", " ").capitalize())


def pairs(kpis: Iterable[Metric]) -> list[Pair]:
    """Every product's figures that some KPI reproduces, by product and KPI."""
    found = []
    for kpi in kpis:
        for variant in kpi.variants:
            if variant.preset is None or not variant.name.startswith(PREFIX):
                continue
            for beside in variant.preset.beside:
                names = "+".join(name for name in (variant.name, beside) if name)
                found.append(Pair(variant.name.removeprefix(PREFIX), kpi, variant.preset, names, beside))
    return sorted(found, key=lambda pair: (pair.product, pair.kpi.title, pair.theirs))


def products(kpis: Iterable[Metric]) -> list[str]:
    """The products whose figures are reproduced, in alphabetical order."""
    return sorted({pair.product for pair in pairs(kpis)})


def pairs_of(kpis: Iterable[Metric], product: str) -> list[Pair]:
    """The pairs of one product, written in any case; raises Unknown with the products there are."""
    every = list(pairs(kpis))
    wanted = product.casefold().removeprefix(PREFIX)
    found = [pair for pair in every if pair.product == wanted]
    if not found:
        there = ", ".join(sorted({pair.product for pair in every}))
        raise Unknown(f"no KPI reproduces the figures of {product!r}", hint=f"there are: {there}", field="product")
    return found


def last_month(data_end: date) -> tuple[date, date]:
    """The last complete month of data that end with this day: its first day, and the day after its last."""
    after = floor(data_end + timedelta(days=1), Grain.MONTH)
    return add_months(after, -1), after


def compared(
    wanted: Iterable[Pair],
    ask: Callable[[Question], Answer],
    data_end: Callable[[str], date | None],
    start: date | None = None,
    end: date | None = None,
) -> Iterator[Compared]:
    """The pairs with their figures: in the last complete month of each KPI's data, unless a range is given."""
    for pair in wanted:
        first, after = start, end
        if first is None and after is None:
            last = data_end(pair.kpi.name)
            if last is not None:
                first, after = last_month(last)
        theirs, ours = (ask(asked).to_list()[0] for asked in pair.questions(first, after))
        if first is not None or after is not None:  # an end left open is that of the data
            first, after = (
                _day(ours[name]) or given for name, given in (("period_start", first), ("period_end", after))
            )
        yield Compared(pair, first, after, theirs, ours)


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None
