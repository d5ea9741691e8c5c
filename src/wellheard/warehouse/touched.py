"""The rows of everyone whom the changes between two snapshots touch, as they were before and as they are after.

A KPI's figures are sums over customers, companies or whoever else counts as one. Who is not touched adds the same to
both sides, so the sums of all people move by the difference between the two sides' sums, whoever else is among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import ibis.expr.types as ir

from wellheard.tables.catalogue import table as canonical
from wellheard.tables.catalogue import tables
from wellheard.warehouse import schema
from wellheard.warehouse.engine import Lake, opened_of

Side = Literal["before", "after"]
LINKS = ("person_links", "company_links")
SMALL = ("schedules", "fx_rates", "touchpoints")  # read whole: what changes in them touches everyone
# Columns by which rows belong together beside those that refer to another table.
TOGETHER = {"visitor_id": "visitor", "submission_id": "submission", "text_id": "text", "person_id": "person"}
LINES = {"orders": {"order_id": "order number"}, "company_links": {"company_id": "company"}}
PEOPLE = ("customers", "accounts")


class Touched:
    """Temporary tables of both sides, which end with the `reading` they are made in."""

    def __init__(self, lake: Lake, before: int, after: int) -> None:
        self.lake = lake
        self.snapshots: dict[Side, int] = {"before": before, "after": after}
        self.changed = lake.changed(before, after)
        self._made: dict[tuple[str, Side], int] = {}  # how many names were known when a table was made
        self._gather()

    @property
    def everyone(self) -> bool:
        """Whether what changed touches everyone, so that nothing is gained by looking at some alone."""
        return bool(self.changed & set(SMALL))

    def table(self, name: str, side: Side, *, history: bool = False) -> ir.Table:
        """The canonical table `name` with the rows of the touched alone, opened as the lake opens it."""
        raw = self.lake.backend.table(self.make(name, side), database=("temp", "main"))
        return opened_of(raw, canonical(name), history=history)

    def make(self, name: str, side: Side) -> str:
        """Makes the temporary table of the touched rows where it is not there yet; gives its name."""
        place = f"_{side}_{name}"
        if (name, side) not in self._made:
            self._read(name, side)
            self._look_up(name, side)
        return place

    def _read(self, name: str, side: Side) -> None:
        where = "true" if name in SMALL else f"{self._belongs(name)} or {self._named(name)}"
        self.lake.con.execute(
            f"create or replace temp table {schema.quoted(f'_{side}_{name}')} as "
            f"select * from facts.main.{schema.quoted(name)} at (version => {int(self.snapshots[side])}) where {where}"
        )
        self._made[name, side] = self._names()

    def _look_up(self, name: str, side: Side) -> None:
        """Notes whom and what the rows of a table name, and reads the tables again in which those stand.

        A row may belong to the touched by its company and yet name somebody else, whose own company it then counts for.
        """
        keys = {column: kind for column, kind in keys_of(name).items() if kind in referred() and column != "source_id"}
        if name in SMALL or not keys:
            return
        known = self._names()
        named = {column: f"named {kind}" for column, kind in keys.items()}
        self._add(f"select {_entries(named)} from temp.main.{schema.quoted(f'_{side}_{name}')}")
        if self._names() == known:
            return
        for other in (*sorted(referred()), *LINKS):
            if other != name and self._made.get((other, side), self._names()) < self._names():
                self._read(other, side)
                self._look_up(other, side)

    def _names(self) -> int:
        row = self.lake.con.execute("select count(*) from _touched where kind like 'named %'").fetchone()
        return int(row[0]) if row else 0

    def _named(self, name: str) -> str:
        """The rows of a table that others refer to, and the links of people and companies, which the rows read name."""
        if name not in referred() and name not in LINKS:
            return "false"
        columns = {"source_id": name} if name in referred() else {}
        columns |= {c: kind for c, kind in keys_of(name).items() if name in LINKS and kind in PEOPLE}
        return " or ".join(self._in(column, f"named {kind}") for column, kind in columns.items())

    def _gather(self) -> None:
        """Fills `_touched(kind, key)`: whose rows changed, who belongs to them, and what belongs to those."""
        con = self.lake.con
        con.execute("create temp table _touched (kind varchar, key varchar)")
        if self.everyone:
            return
        before, after = self.snapshots["before"], self.snapshots["after"]
        for name in sorted(self.changed & set(tables())):
            keys = {**keys_of(name), "id": f"row of {name}"}
            feed = f"ducklake_table_changes('facts', 'main', '{name}', {int(before) + 1}, {int(after)})"
            con.execute(f"create temp table _feed as select {_listed(keys)} from {feed}")
            self._add(f"select {_entries(keys)} from _feed")
            con.execute("drop table _feed")
        self._up()
        self._across()
        self._down()

    def _up(self) -> None:
        """Those whom touched conversations, orders and invitations belong to."""
        for name in sorted(referred() - set(PEOPLE)):
            keys = {c: k for c, k in keys_of(name).items() if k in PEOPLE}
            if keys:
                self._add(f"select {_entries(keys)} from {self._now(name)} where {self._in('source_id', name)}")

    def _across(self) -> None:
        """The people that are one with the touched, their companies, and everybody in those.

        Whoever a change moves must be read whole, since units are squared. Of those who are read because they are in
        the same company nothing moves, so their other companies may be read in part.
        """
        customers = self._now("customers")
        self._one("person_links")
        self._add(f"select 'accounts', account_id from {customers} where {self._in('source_id', 'customers')}")
        self._one("company_links")
        self._add(f"select 'customers', source_id from {customers} where {self._in('account_id', 'accounts')}")
        self._one("person_links")

    def _one(self, links: str) -> None:
        """What is linked with the touched: first the people or companies that they are, then all rows of those."""
        for _ in range(2):
            self._add(f"select {_entries(keys_of(links))} from {self._now(links)} where {self._belongs(links)}")

    def _down(self) -> None:
        """The conversations, orders and invitations of the touched, by which further rows belong to them."""
        for name in sorted(referred() - set(PEOPLE)):
            where = self._belongs(name)
            self._add(f"select '{name}', source_id from {self._now(name)} where {where}")

    def _add(self, entries: str) -> None:
        con = self.lake.con
        con.execute(f"create temp table _more as select distinct * from ({entries}) e(kind, key) where key is not null")
        con.execute("insert into _touched select * from _more anti join _touched using (kind, key)")
        con.execute("drop table _more")

    def _now(self, name: str) -> str:
        return f"facts.main.{schema.quoted(name)} at (version => {int(self.snapshots['after'])})"

    def _belongs(self, name: str) -> str:
        keys = {**keys_of(name), "id": f"row of {name}"}
        kinds = {row[0] for row in self.lake.con.execute("select distinct kind from _touched").fetchall()}
        found = [self._in(column, kind) for column, kind in keys.items() if kind in kinds]
        return " or ".join(found) or "false"

    @staticmethod
    def _in(column: str, kind: str) -> str:
        return f"{schema.quoted(column)} in (select key from _touched where kind = '{kind}')"


@contextmanager
def touched(lake: Lake, before: int, after: int) -> Iterator[Touched]:
    """The touched rows of both sides; must be used within the lake's `reading`."""
    found = Touched(lake, before, after)
    try:
        yield found
    finally:
        for name, side in found._made:
            lake.con.execute(f"drop table temp.main.{schema.quoted(f'_{side}_{name}')}")
        lake.con.execute("drop table temp.main._touched")


def keys_of(name: str) -> dict[str, str]:
    """The columns of a table by which its rows belong to somebody or something, each with the kind of its keys."""
    words = canonical(name)
    keys = {c.name: c.refers for c in words.public if c.refers}
    keys |= {c.name: TOGETHER[c.name] for c in words.public if c.name in TOGETHER}
    keys |= LINES.get(name, {})
    return {"source_id": name, **keys} if name in referred() else keys


def referred() -> set[str]:
    """The tables that others refer to."""
    return {c.refers for words in tables().values() for c in words.columns if c.refers}


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(schema.quoted(column) for column in columns)


def _entries(keys: dict[str, str]) -> str:
    kinds = ", ".join(f"'{kind}'" for kind in keys.values())
    return f"unnest([{kinds}]), unnest([{_listed(keys)}])"
