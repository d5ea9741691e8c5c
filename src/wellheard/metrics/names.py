"""Finds what a dimension's name means: a column of the fact, its customer, account or touchpoint, or an attribute.

`revenue[100, 500]` cuts a number at those edges, `age[10]` into steps of ten, and `segments.NAME` is a saved filter.
`rfm_recency`, `rfm_frequency` and `rfm_money` are the fifth, 1 to 5, in which a customer stands by their orders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from wellheard.base.errors import BadCall, Refused, Unknown
from wellheard.metrics.where import Where, names_in, parse
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Table, Type

PREFIXES = {"customer": "customers", "account": "accounts", "touchpoint": "touchpoints"}
ATTRIBUTES = "attributes"
JOINED = ("customers", "accounts")
HIDDEN = ("id", "ingested_at", "deleted", "attributes", "updated_at")
SEGMENTS = "segments"
BINNED = re.compile(r"(?P<name>[^\[\]]+)\[(?P<edges>[^\[\]]*)\]")
MOST_EDGES = 50
NUMBERS = (Type.INTEGER, Type.NUMBER, Type.MONEY)
VALUES = ("rfm_recency", "rfm_frequency", "rfm_money")  # the fifth of the customers by what they ordered
NOT_SHARED = ("source", "source_id", "account_id", "created_at", "ended_at", "external_id")


@dataclass(frozen=True)
class Origin:
    """One place a value may come from; `attribute` is set where it is an entry of the table's attributes."""

    table: str
    column: str
    attribute: str | None = None


@dataclass(frozen=True)
class Bins:
    """How a number is cut: at `edges` in order, or in steps of `width` from 0 where there are none."""

    edges: tuple[float, ...] = ()
    width: float = 0.0

    def label(self, index: int) -> str:
        """What bin `index` is called: with edges, 0 is below the first one; with a width, 0 begins at 0."""
        if not self.edges:
            return f"{index * self.width:,g} to under {(index + 1) * self.width:,g}"
        if index == 0:
            return f"under {self.edges[0]:,g}"
        if index == len(self.edges):
            return f"{self.edges[-1]:,g} or more"
        return f"{self.edges[index - 1]:,g} to under {self.edges[index]:,g}"


@dataclass(frozen=True)
class Dimension:
    """A name and where its value comes from: the first origin that is filled.

    With `bins` that value is a number that is cut; a saved segment is a `condition` on the dimensions `of`.
    """

    name: str
    origins: tuple[Origin, ...]
    bins: Bins | None = None
    condition: Where | None = None
    of: tuple[Dimension, ...] = ()


def dimension(
    name: str, fact: str, attributes_of: Callable[[str], frozenset[str]], segments: Mapping[str, str] | None = None
) -> Dimension:
    """What `name` means beside the table `fact`. Raises Unknown with what there is, Refused for a personal column."""
    if cut := BINNED.fullmatch(name):
        inner = dimension(cut["name"].strip(), fact, attributes_of, segments)
        _must_be_number(inner)
        return replace(inner, name=name, bins=bins_of(name))
    table = canonical(fact)
    head, _, rest = name.partition(".")
    if rest and head == SEGMENTS:
        return _segment(name, rest, fact, attributes_of, segments or {})
    if rest and head in PREFIXES:
        return Dimension(name, _in_table(PREFIXES[head], rest, attributes_of) or _fail(name, table, attributes_of))
    if rest and head == ATTRIBUTES:
        return Dimension(name, _attribute(fact, rest, attributes_of) or _fail(name, table, attributes_of))
    if origins := _column(fact, name):
        return Dimension(name, origins)
    if name in VALUES and (fact == "customers" or "customer_id" in table.by_name):
        return Dimension(name, (Origin("values", name),))
    shared = tuple(o for t in JOINED if _reaches(table, t) and name not in NOT_SHARED for o in _column(t, name))
    if not shared and "touchpoint" in table.by_name:
        shared = _column("touchpoints", name)
    # A column comes first; where it is empty, an attribute of that name speaks.
    found = (*shared, *_attribute(fact, name, attributes_of))
    return Dimension(name, found or _fail(name, table, attributes_of))


def bins_of(name: str) -> Bins | None:
    """How `name` cuts its number; None where it cuts none. Raises BadCall for edges that are none."""
    cut = BINNED.fullmatch(name)
    if cut is None:
        return None
    try:
        numbers = [float(text) for text in cut["edges"].split(",")]
    except ValueError:
        numbers = []
    rising = all(a < b for a, b in pairwise(numbers))
    usable = numbers and rising and len(numbers) <= MOST_EDGES and all(abs(x) < 1e15 for x in numbers)
    if not usable or (len(numbers) == 1 and numbers[0] <= 0):
        hint = "write rising edges as revenue[100, 500], or one step as age[10]"
        raise BadCall(f"{name!r} does not say where to cut", hint=hint, field="by")
    return Bins(width=numbers[0]) if len(numbers) == 1 else Bins(tuple(numbers))


def _must_be_number(found: Dimension) -> None:
    """Raises BadCall for a column that holds no number; an attribute may hold one, and so may the fifths."""
    if found.condition is not None:
        held = Type.BOOLEAN.value
    else:
        places = [o for o in found.origins if o.attribute is None and o.table in tables()]
        held = next((t.value for o in places if (t := canonical(o.table).by_name[o.column].type) not in NUMBERS), "")
    if held:
        hint = "only a number is cut into ranges: group by the name alone"
        raise BadCall(f"{found.name} holds {held}", hint=hint, field="by")


def _segment(
    name: str, saved: str, fact: str, attributes_of: Callable[[str], frozenset[str]], segments: Mapping[str, str]
) -> Dimension:
    if saved not in segments:
        there = ", ".join(f"{SEGMENTS}.{s}" for s in segments) or "none yet: `wellheard segments save` keeps one"
        raise Unknown(f"there is no saved segment {saved!r}", hint=f"there are: {there}", field="by")
    condition = parse(segments[saved])
    if any(n.startswith(f"{SEGMENTS}.") for n in names_in(condition)):
        hint = "write out what the other segment says"
        raise BadCall(f"the segment {saved!r} is made of another segment", hint=hint, field="by")
    of = tuple(dimension(n, fact, attributes_of) for n in names_in(condition))
    return Dimension(name, tuple(o for d in of for o in d.origins), condition=condition, of=of)


def known_names(fact: str, attributes_of: Callable[[str], frozenset[str]]) -> tuple[str, ...]:
    """Every name that `dimension` finds for a fact: its columns, then its customer's and account's, then attributes."""
    table = canonical(fact)
    names = [c.name for c in table.columns if not c.private and c.type is not Type.MAP]
    for joined in JOINED:
        if _reaches(table, joined):
            names += [c.name for c in canonical(joined).public if c.name not in NOT_SHARED]
    if "touchpoint" in table.by_name:
        names += [c.name for c in canonical("touchpoints").public]
    for place in (fact, *JOINED):
        names += sorted(attributes_of(place))
    names += VALUES if fact == "customers" or "customer_id" in table.by_name else ()
    return tuple(dict.fromkeys([*names, "source"]))


def _reaches(fact: Table, joined: str) -> bool:
    """Whether a row of the fact leads to a customer or an account."""
    own = {"customers": "customer_id", "accounts": "account_id"}[joined]
    return fact.name != joined and (own in fact.by_name or "customer_id" in fact.by_name)


def _column(table: str, name: str) -> tuple[Origin, ...]:
    column = canonical(table).by_name.get(name)
    if column is None or name in HIDDEN or column.type is Type.MAP:
        return ()
    if column.private:
        raise Refused(
            f"{name} is personal and is no dimension",
            hint="group by a segment, region or other public field",
            field="by",
        )
    return (Origin(table, name),)


def _in_table(table: str, name: str, attributes_of: Callable[[str], frozenset[str]]) -> tuple[Origin, ...]:
    found = _column(table, name)
    if not found and name in attributes_of(table):
        return (Origin(table, ATTRIBUTES, name),)
    return found


def _attribute(fact: str, name: str, attributes_of: Callable[[str], frozenset[str]]) -> tuple[Origin, ...]:
    places = (fact, *(t for t in JOINED if _reaches(canonical(fact), t)))
    return tuple(Origin(t, ATTRIBUTES, name) for t in places if name in attributes_of(t))


def _fail(name: str, fact: Table, attributes_of: Callable[[str], frozenset[str]]) -> tuple[Origin, ...]:
    raise Unknown(
        f"{name!r} is no dimension of {fact.title.lower()}",
        hint=f"there are: {', '.join(known_names(fact.name, attributes_of))}",
        field="by",
    )
