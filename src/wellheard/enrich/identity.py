"""Finds which rows of different systems are one person or one company, by rules that can be explained and undone.

Evidence is used from the strongest to the weakest, each pair in the order of its keys, so that the result hangs on what
the rows say alone and not on the order in which they came. docs/decisions/0014 gives the reasons for each rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from itertools import combinations
from typing import Any

from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import BY_HAND, FOUND, KINDS, Kind, Near, near, write

STRENGTH = ("by_hand", "source_link", "external_id", "email", "email_domain", "phone")
MOST_ROWS = 50  # a value that so many sources share says nothing


@dataclass(frozen=True, order=True)
class Edge:
    """Two rows, named as `source:source_id`, that are one for a reason, since an instant."""

    one: str
    other: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class Member:
    """One row of a person: the `whole` it belongs to, and the row `beside` it that it was linked with."""

    source: str
    key: str
    whole: str
    beside: str
    reason: str
    since: datetime


@cache
def free_mail() -> tuple[str, ...]:
    """The domains under which anybody can have an address, so that they name no company."""
    lines = (files(__package__) / "free_mail.txt").read_text("utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def find_links(lake: Lake, touched: Mapping[str, str]) -> int:
    """Brings the found links up to date with the touched rows; gives how many links changed.

    `touched` names, by canonical table, a temporary table of the rows which changed, as they were and as they are.
    """
    changed = 0
    for kind in KINDS.values():
        if {kind.linked, kind.links} & set(touched):
            around = near(lake, kind, touched, free_mail())
            if around is not None:
                rows = _difference(kind, members(kind, around), around.found)
                write(lake, kind, rows)
                changed += len(rows)
    return changed


def members(kind: Kind, around: Near) -> dict[str, Member]:
    """Who belongs together, by row: every row of a person or company of at least two rows."""
    groups = Groups(split_key(kind, around))
    _decided(groups, kind, [row for row in around.given if row["source"] == BY_HAND])
    for edge in _source_links(kind, around.given):
        groups.join(edge, strict=False)
    shared = list(_shared(around.evidence))
    for reason in STRENGTH:
        for edge in sorted(e for given, rows in shared if given == reason for e in _pairs(groups, reason, rows)):
            groups.join(edge)
    return groups.members()


def split_key(kind: Kind, around: Near) -> dict[str, tuple[str, str]]:
    """Source and key of every row, by its name."""
    named = [(row["source"], row["source_id"]) for row in around.evidence]
    named += [(row[kind.source], row[kind.key]) for row in (*around.given, *around.found)]
    found = {f"{source}:{key}": (source, key) for source, key in named}
    for row in around.given:
        if row["source"] == BY_HAND:
            found.setdefault(row[kind.whole], tuple(row[kind.whole].split(":", 1)))
    return found


class Groups:
    """Rows joined one pair after the other, unless something keeps them apart (union–find)."""

    def __init__(self, rows: Mapping[str, tuple[str, str]]) -> None:
        self._rows = rows
        self._parent: dict[str, str] = {}
        self._inside: dict[str, set[str]] = {}
        self._apart: dict[str, set[str]] = defaultdict(set)
        self._edges: list[Edge] = []

    def find(self, row: str) -> str:
        """The row that stands for the group."""
        top = row
        while (above := self._parent.get(top, top)) != top:
            top = above
        while (above := self._parent.get(row, row)) != top:
            self._parent[row] = top
            row = above
        return top

    def inside(self, top: str) -> set[str]:
        return self._inside.get(top, {top})

    def keep_apart(self, one: str, other: str) -> None:
        """Says that two rows are not one, unless they were said to be one before."""
        if self.find(one) != self.find(other):
            self._apart[one].add(other)
            self._apart[other].add(one)

    def join(self, edge: Edge, *, strict: bool = True) -> bool:
        """Makes two groups one. Not where two of their rows are kept apart or, if `strict`, come from one source."""
        one, other = self.find(edge.one), self.find(edge.other)
        if one == other:
            return True
        few, many = sorted((one, other), key=lambda top: len(self.inside(top)))
        inside = self.inside(few)
        if any(self.find(row) == many for member in inside for row in self._apart.get(member, ())):
            return False
        if strict and self._sources(few) & self._sources(many):
            return False
        self._parent[few] = many
        self._inside[many] = self.inside(many) | inside
        self._inside.pop(few, None)
        self._edges.append(edge)
        return True

    def _sources(self, top: str) -> set[str]:
        return {self._rows[row][0] for row in self.inside(top)}

    def members(self) -> dict[str, Member]:
        """Every row of a group of two or more, with the row nearest to the group's first by which it was linked."""
        beside: dict[str, list[Edge]] = defaultdict(list)
        for edge in self._edges:
            beside[edge.one].append(edge)
            beside[edge.other].append(edge)
        found: dict[str, Member] = {}
        for whole in sorted({min(self._inside[top]) for top in {self.find(row) for row in beside}}):
            found.update(self._explained(whole, beside))
        return found

    def _explained(self, whole: str, beside: Mapping[str, list[Edge]]) -> Iterator[tuple[str, Member]]:
        reached, waiting = {whole}, [whole]
        first = min(beside[whole])
        yield whole, self._member(whole, whole, first.other if first.one == whole else first.one, first)
        while waiting:
            here = waiting.pop(0)
            for edge in sorted(beside[here]):
                there = edge.other if edge.one == here else edge.one
                if there not in reached:
                    reached.add(there)
                    waiting.append(there)
                    yield there, self._member(there, whole, here, edge)

    def _member(self, row: str, whole: str, beside: str, edge: Edge) -> Member:
        source, key = self._rows[row]
        return Member(source, key, whole, beside, edge.reason, edge.since)


def _decided(groups: Groups, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> None:
    """What people decided, the newest first: it holds against every rule and every older decision."""
    for row in sorted(rows, key=lambda r: (r["updated_at"], r["source_id"]), reverse=True):
        one, other = row[kind.whole], f"{row[kind.source]}:{row[kind.key]}"
        if row["undone_at"] is None:
            first, second = sorted((one, other))
            groups.join(Edge(first, second, "by_hand", row["since"] or row["updated_at"]), strict=False)
        else:
            groups.keep_apart(one, other)


def _source_links(kind: Kind, rows: Iterable[Mapping[str, Any]]) -> list[Edge]:
    """The links that sources gave: rows to which one source gives one person are one."""
    wholes: dict[tuple[str, str], list[tuple[str, datetime]]] = defaultdict(list)
    for row in rows:
        if row["source"] != BY_HAND and row["undone_at"] is None:
            node = f"{row[kind.source]}:{row[kind.key]}"
            wholes[row["source"], row[kind.whole]].append((node, row["since"] or row["updated_at"]))
    edges = []
    for linked in wholes.values():
        (first, since), *others = sorted(linked)
        edges += [Edge(first, other, "source_link", max(since, then)) for other, then in others if other != first]
    return sorted(edges)


def _shared(evidence: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The rows that share a value, by reason."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in evidence:
        value = phone_of(row["raw"]) if row["reason"] == "phone" else row["value"]
        if value:
            groups[row["reason"], value].append(row)
    for (reason, _), rows in sorted(groups.items(), key=lambda item: item[0]):
        if 1 < len({row["source"] for row in rows}) <= MOST_ROWS:
            yield reason, rows


def _pairs(groups: Groups, reason: str, rows: list[Mapping[str, Any]]) -> list[Edge]:
    """The pairs that share a value; none where one source gives the value to several people: whose is it then?"""
    bearers: dict[str, set[str]] = defaultdict(set)
    since: dict[str, datetime] = {}
    for row in rows:
        node = f"{row['source']}:{row['source_id']}"
        bearers[row["source"]].add(groups.find(node))
        since[node] = max(row["since"], since.get(node, row["since"]))
    if any(len(people) > 1 for people in bearers.values()):
        return []
    return [Edge(one, other, reason, max(since[one], since[other])) for one, other in combinations(sorted(since), 2)]


@lru_cache(maxsize=10_000)
def _parsed(number: str, country: str | None) -> str:
    import phonenumbers  # takes a fifth of a second, and most imports bring no numbers that two sources share

    try:
        found = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(found):
        return ""
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def phone_of(raw: str) -> str:
    """A telephone number as the world dials it, from the number and the country with chr(31) between.

    Empty where it is none, or where a national number's country is not known.
    """
    number, _, country = raw.partition("\x1f")
    code = country.strip().upper()
    number = number.strip()
    international = "+" + number[2:] if number.startswith("00") else number
    return _parsed(international, code or None)


def _difference(kind: Kind, wanted: Mapping[str, Member], found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows to write so that the links that hold are exactly those wanted. A link that ends is kept as ended."""
    rows = []
    known = {row["source_id"]: row for row in found}
    for name, member in sorted(wanted.items()):
        row = known.get(name)
        made = {
            "source": FOUND,
            "source_id": name,
            "updated_at": member.since,
            kind.whole: member.whole,
            kind.source: member.source,
            kind.key: member.key,
            "reason": member.reason,
            "since": member.since,
            "undone_at": None,
            "attributes": {"beside": member.beside},
        }
        if row is None or any(_plain(row[column]) != value for column, value in made.items()):
            rows.append(made)
    now = datetime.now(UTC)
    for name, row in sorted(known.items()):
        if name not in wanted and row["undone_at"] is None:
            kept = {column: row[column] for column in made_columns(kind)}
            rows.append({**kept, "attributes": _plain(row["attributes"]), "updated_at": now, "undone_at": now})
    return rows


def made_columns(kind: Kind) -> tuple[str, ...]:
    return ("source", "source_id", kind.whole, kind.source, kind.key, "reason", "since")


def _plain(value: Any) -> Any:
    """A map as a dictionary, and an instant in UTC."""
    if isinstance(value, list):
        return dict(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
