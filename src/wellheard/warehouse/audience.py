"""Who can be asked: customers with their addresses, all rows that are one person, and their company's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import FOUND, KINDS

TRAITS = ("segment", "tier", "region", "country", "persona", "language")
ZONE = "time_zone"  # the attribute that names a person's zone
COLUMNS = ("source", "source_id", "account_id", "email", "phone", "ended_at", *TRAITS, "email_confirmed")


@dataclass(frozen=True)
class Person:
    """One person: all rows of customers that are this person, the one asked for first, and all rows of the company."""

    rows: tuple[str, ...]
    companies: tuple[str, ...]
    customer_id: str
    account_id: str | None
    email: str | None
    phone: str | None
    zone: str | None
    traits: Mapping[str, str]
    ended_at: datetime | None


class Audience:
    """The customers of a workspace at one snapshot; `ids` limits it to these keys and who is linked with them."""

    def __init__(self, lake: Lake, ids: Iterable[str] | None = None) -> None:
        with lake.reading():
            links = _groups(lake, "person")
            self._wholes = _groups(lake, "company")
            wanted = None if ids is None else _with_linked(set(ids), links)
            self._rows = {f"{row['source']}:{row['source_id']}": row for row in _customers(lake, wanted)}
            self._accounts = _sources(lake, "accounts")
        self._links = links
        self._users: dict[str, set[str]] = {}
        for row in self._rows.values():
            self._users.setdefault(row["source_id"], set()).add(row["source"])

    def person(self, source: str, customer_id: str, account_id: str | None = None) -> Person | None:
        """Whom a row's key names: the customer of its own source, else of the only source that has it (record 0006)."""
        users = self._users.get(customer_id, set())
        of = source if source in users else next(iter(users)) if len(users) == 1 else None
        return None if of is None else self._person(f"{of}:{customer_id}", account_id)

    def linked(self, row: str) -> list[Mapping[str, Any]]:
        """All rows of customers that are one person with this row, `source:source_id`, itself among them, in order."""
        return [self._rows[name] for name in sorted(self._links.get(row, (row,))) if name in self._rows]

    def __iter__(self) -> Iterator[Person]:
        """Each person once, by the first of the rows."""
        for name in sorted(self._rows):
            group = self._links.get(name, (name,))
            if name == min(row for row in group if row in self._rows):
                yield self._person(name, None)

    def _person(self, name: str, account_id: str | None) -> Person:
        row = self._rows[name]
        others = [other for other in self._links.get(name, ()) if other != name]
        linked = [row, *(self._rows[other] for other in others if other in self._rows)]
        own = [(r["source"], r["account_id"]) for r in linked if r["account_id"]]
        given, account = (row["source"], account_id) if account_id else next(iter(own), (row["source"], None))
        ends = [r["ended_at"] for r in linked]
        return Person(
            rows=(name, *others),
            companies=self._company(given, account) if account else (),
            customer_id=row["source_id"],
            account_id=account,
            email=next((r["email"] for r in linked if r["email"] and r["email_confirmed"] is not False), None),
            phone=next((r["phone"] for r in linked if r["phone"]), None),
            zone=next((r["zone"] for r in linked if r["zone"]), None),
            traits={n: v for n in TRAITS if (v := next((r[n] for r in linked if r[n]), None)) is not None},
            ended_at=None if None in ends else max(ends),
        )

    def _company(self, source: str, account_id: str) -> tuple[str, ...]:
        users = self._accounts.get(account_id, set())
        of = next(iter(users)) if source not in users and len(users) == 1 else source
        name = f"{of}:{account_id}"
        return (name, *(other for other in self._wholes.get(name, ()) if other != name))


def _customers(lake: Lake, wanted: set[str] | None) -> list[dict[str, Any]]:
    t = lake.table("customers", private=True)
    t = t.select(*COLUMNS, zone=t.attributes[ZONE])
    if wanted is None:
        return _fetched(lake, t)
    return _fetched(lake, t.filter(t.source_id.isin(sorted(wanted)))) if wanted else []


def _groups(lake: Lake, kind: str) -> dict[str, tuple[str, ...]]:
    """All rows of the person or company that each linked row belongs to, by row."""
    named = KINDS[kind]
    t = lake.table(named.links)
    t = t.filter((t.source == FOUND) & t.undone_at.isnull())
    t = t.select(whole=t[named.whole], row=t[named.source] + ibis.literal(":") + t[named.key])
    groups: dict[str, list[str]] = {}
    for row in _fetched(lake, t.order_by("whole", "row")):
        groups.setdefault(row["whole"], []).append(row["row"])
    return {name: tuple(rows) for rows in groups.values() for name in rows}


def _sources(lake: Lake, name: str) -> dict[str, set[str]]:
    """The sources that use each key of a table."""
    t = lake.table(name)
    users: dict[str, set[str]] = {}
    for row in _fetched(lake, t.select("source", "source_id")):
        users.setdefault(row["source_id"], set()).add(row["source"])
    return users


def _with_linked(ids: set[str], links: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The keys, and those of all rows that are linked with any row of such a key."""
    groups = [group for name, group in links.items() if name.partition(":")[2] in ids]
    return ids | {row.partition(":")[2] for group in groups for row in group}


def _fetched(lake: Lake, rows: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.fetch(lake.backend.compile(rows)).to_pylist()
    return found
