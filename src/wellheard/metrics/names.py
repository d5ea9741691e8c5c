"""Finds what a dimension's name means: a column of the fact, its customer, account or touchpoint, or an attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wellheard.base.errors import Refused, Unknown
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Table, Type

PREFIXES = {"customer": "customers", "account": "accounts", "touchpoint": "touchpoints"}
ATTRIBUTES = "attributes"
JOINED = ("customers", "accounts")
HIDDEN = ("id", "ingested_at", "deleted", "attributes", "updated_at")
NOT_SHARED = ("source", "source_id", "account_id", "created_at", "ended_at", "external_id")


@dataclass(frozen=True)
class Origin:
    """One place a value may come from; `attribute` is set where it is an entry of the table's attributes."""

    table: str
    column: str
    attribute: str | None = None


@dataclass(frozen=True)
class Dimension:
    """A name and where its value comes from: the first origin that is filled."""

    name: str
    origins: tuple[Origin, ...]


def dimension(name: str, fact: str, attributes_of: Callable[[str], frozenset[str]]) -> Dimension:
    """What `name` means beside the table `fact`. Raises Unknown with what there is, Refused for a personal column."""
    table = canonical(fact)
    head, _, rest = name.partition(".")
    if rest and head in PREFIXES:
        return Dimension(name, _in_table(PREFIXES[head], rest, attributes_of) or _fail(name, table, attributes_of))
    if rest and head == ATTRIBUTES:
        return Dimension(name, _attribute(fact, rest, attributes_of) or _fail(name, table, attributes_of))
    if origins := _column(fact, name):
        return Dimension(name, origins)
    shared = tuple(o for t in JOINED if _reaches(table, t) and name not in NOT_SHARED for o in _column(t, name))
    if not shared and "touchpoint" in table.by_name:
        shared = _column("touchpoints", name)
    # A column comes first; where it is empty, an attribute of that name speaks.
    found = (*shared, *_attribute(fact, name, attributes_of))
    return Dimension(name, found or _fail(name, table, attributes_of))


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
