"""Reads what may show that rows are one person or company, and writes which of them are.

A row of a links table is either given, by a source or by hand, or found by our rules: then its source is `FOUND`, and
it says for one row of customers or accounts which person or company it belongs to. KPIs read the found ones alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse import merge, schema, takeback
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.load import Enrich

FOUND = "wellheard"  # the source of links that rules found
BY_HAND = "by_hand"  # the source of what a person decided
EMAIL = r"lower(regexp_replace(p.email, '\s+', '', 'g'))"
DIGITS = r"regexp_replace(p.phone, '[^0-9]', '', 'g')"
DOMAIN = r"lower(regexp_replace(trim(p.domain), '^([a-zA-Z]+://)?([wW]{3}\.)?([^/:?#]+).*$', '\3'))"
ENOUGH_DIGITS = 7  # by which numbers are brought together; whether they are the same is decided where they are read


@dataclass(frozen=True)
class Kind:
    """People or companies: the table of links, its columns, the table that it links and the evidence in its rows.

    Evidence is `(reason, SQL of the value, SQL of what a row must fulfil)` over its facts `f` and personal columns `p`.
    """

    name: str
    links: str
    linked: str
    whole: str
    source: str
    key: str
    raw: str
    evidence: tuple[tuple[str, str, str], ...]


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "person",
            "person_links",
            "customers",
            "person_id",
            "customer_source",
            "customer_id",
            "p.phone || chr(31) || coalesce(f.country, '')",
            (
                ("external_id", "trim(f.external_id)", "trim(f.external_id) <> ''"),
                ("email", EMAIL, f"coalesce(f.email_confirmed, true) and {EMAIL} like '%_@_%'"),
                ("phone", f"right({DIGITS}, {ENOUGH_DIGITS})", f"length({DIGITS}) >= {ENOUGH_DIGITS}"),
            ),
        ),
        Kind(
            "company",
            "company_links",
            "accounts",
            "company_id",
            "account_source",
            "account_id",
            "null",
            (
                ("external_id", "trim(f.external_id)", "trim(f.external_id) <> ''"),
                ("email_domain", DOMAIN, f"{DOMAIN} like '%_._%' and not list_contains($left_out, {DOMAIN})"),
            ),
        ),
    )
}


@dataclass(frozen=True)
class Near:
    """What is known of rows that may belong together, as lists of dictionaries.

    `evidence`: reason, value, raw, source, source_id, since. `given`: the links that sources and people gave. `found`:
    the links that rules found before.
    """

    evidence: list[dict[str, Any]]
    given: list[dict[str, Any]]
    found: list[dict[str, Any]]


def near(lake: Lake, kind: Kind, touched: Mapping[str, str], left_out: Sequence[str]) -> Near | None:
    """Everything that may bear on the links of the touched rows: all that shares a value or a link, and so on from it.

    None where there is nothing to link: rows of one source alone, and no links. `left_out` are values that show
    nothing, such as the domains of free e-mail providers.
    """
    if not _any_to_link(lake, kind):
        return None
    con = lake.con
    con.execute(f"create or replace temp table _evidence as {_evidence(kind)}", _bound(kind, left_out))
    con.execute("create or replace temp table _near (node VARCHAR)")
    con.execute(f"insert into _near select distinct node from ({_seeds(kind, touched)})")
    while True:
        row = con.execute(f"insert into _near {_neighbours(kind)}").fetchone()
        if row is None or not row[0]:
            break
    links = f"select *, {_node(kind)} as node from facts.main.{kind.links} where not deleted"
    found = Near(
        _rows(lake, "select * exclude (now, node) from _evidence semi join _near using (node) where now"),
        _rows(lake, f"select * from ({links}) semi join _near using (node) where source <> '{FOUND}'"),
        _rows(lake, f"select * from ({links}) semi join _near using (node) where source = '{FOUND}'"),
    )
    con.execute("drop table _evidence")
    con.execute("drop table _near")
    return found


def _any_to_link(lake: Lake, kind: Kind) -> bool:
    row = lake.con.execute(
        f"select (select count(distinct source) from facts.main.{kind.linked}) > 1 "
        f"or exists (from facts.main.{kind.links})"
    ).fetchone()
    return bool(row and row[0])


def _bound(kind: Kind, left_out: Sequence[str]) -> dict[str, Any]:
    return {"left_out": list(left_out)} if any("$left_out" in must for _, _, must in kind.evidence) else {}


def _evidence(kind: Kind) -> str:
    """A statement: one row a value and version; `now` says whether it holds today, `since` since when."""
    parts = [
        f"select '{reason}' as reason, {value} as value, {kind.raw} as raw, f.source, f.source_id, "
        f"f.source || ':' || f.source_id as node, f.updated_at as since, f.valid_to is null and not f.deleted as now "
        f"from facts.main.{kind.linked} f "
        f"left join personal.main.{kind.linked} p on p.id = f.id and p.updated_at = f.updated_at where {must}"
        for reason, value, must in kind.evidence
    ]
    return " union all ".join(parts)


def _node(kind: Kind) -> str:
    return f"{kind.source} || ':' || {kind.key}"


def _seeds(kind: Kind, touched: Mapping[str, str]) -> str:
    """Where to begin: what changed, and values that more than one source has whose rows are not one yet."""
    links = f"facts.main.{kind.links}"
    parts = [
        f"""select e.node from _evidence e semi join (
                select g.reason, g.value from _evidence g
                left join {links} l on l.source = '{FOUND}' and l.undone_at is null and {_node(kind)} = g.node
                where g.now and g.reason <> 'phone' group by all
                having count(distinct g.source) > 1 and count(distinct coalesce(l.{kind.whole}, g.node)) > 1
            ) u on u.reason = e.reason and u.value = e.value"""
    ]
    if kind.linked in touched:
        parts.append(f"select source || ':' || source_id from temp.main.{schema.quoted(touched[kind.linked])}")
    if kind.links in touched:
        changed = f"temp.main.{schema.quoted(touched[kind.links])}"
        parts.append(f"select {_node(kind)} from {links} semi join {changed} using ({kind.key})")
    return " union all ".join(parts)


def _neighbours(kind: Kind) -> str:
    """A statement: what shares a value, a link or the whole of a link with what is near, and is not there yet."""
    links = f"facts.main.{kind.links}"
    shared = "select e.reason, e.value from _evidence e semi join _near using (node)"
    # Two plain joins: one with an "or" would compare every link with everything that is near.
    wholes = (
        f"select l.source, l.{kind.whole} as whole from {links} l semi join _near n on n.node = {_node(kind)} union "
        f"select l.source, l.{kind.whole} as whole from {links} l semi join _near n on n.node = l.{kind.whole}"
    )
    members = f"select l.source, l.{kind.whole} as whole, {_node(kind)} as node from {links} l"
    return f"""
        select distinct node from (
            select e.node from _evidence e semi join ({shared}) s on s.reason = e.reason and s.value = e.value
            union all
            select m.node from ({members}) m semi join ({wholes}) w on w.source = m.source and w.whole = m.whole
            union all
            select w.whole as node from ({wholes}) w where w.source in ('{FOUND}', '{BY_HAND}')
        ) anti join _near using (node)"""


def _rows(lake: Lake, sql: str) -> list[dict[str, Any]]:
    table: pa.Table = lake.con.execute(sql).to_arrow_table()
    return list(table.to_pylist())


def rows_of(lake: Lake, kind: Kind) -> list[dict[str, Any]]:
    """Every row of the links table that was not deleted."""
    return _rows(lake, f"select * from facts.main.{kind.links} where not deleted")


def write(lake: Lake, kind: Kind, rows: Sequence[Mapping[str, Any]], import_id: str | None = None) -> str | None:
    """Merges rows of the links table by their key, inside the caller's transaction.

    Each row is a dictionary of canonical columns with `source`, `source_id` and `updated_at`. Gives the temporary view
    of the rows touched, None where there are none.
    """
    if not rows:
        return None
    words = canonical(kind.links)
    columns = schema.fact_columns(words)
    body = ", ".join(f"{schema.quoted(name)} {type_}" for name, type_ in columns)
    con = lake.con
    con.execute("drop view if exists temp.main._touched_links")
    con.execute(f"create or replace temp table _links ({body}, __state VARCHAR)")
    names = [name for name, _ in columns if name not in ("id", "row_hash")]
    given: list[dict[str, Any]] = [
        {"deleted": False, "ingested_at": datetime.now(UTC), "import_id": import_id, **row, "__state": "changed"}
        for row in rows
    ]
    arrays = {n: _array(type_, [row.get(n) for row in given]) for n, type_ in columns if n in names}
    con.register("_batch", pa.table({**arrays, "__state": pa.array([row["__state"] for row in given], pa.string())}))
    content = ", ".join(f"b.{schema.quoted(n)}" for n in names if n not in ("ingested_at", "import_id"))
    try:
        con.execute(
            "insert into _links by name select b.*, md5(concat(b.source, chr(31), b.source_id)) as id, "
            f"(md5_number_upper(concat_ws(chr(31), {content})) >> 2)::bigint as row_hash from _batch b"
        )
    finally:
        con.unregister("_batch")
    merge.note_touched(con, words, "_links", "_touched_links", "_links_before")
    merge.write_facts(con, words, "_links")
    return "_touched_links"


def _array(type_: str, values: list[Any]) -> pa.Array:
    kinds = {
        "VARCHAR": pa.string(),
        "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
        "BOOLEAN": pa.bool_(),
        "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    }
    return pa.array([list(v.items()) if isinstance(v, dict) else v for v in values], kinds[type_])


def decide(lake: Lake, kind: Kind, row: Mapping[str, Any], words: str, enrich: Enrich) -> str:
    """Writes what a person decided, as an import that can be taken back like any other; gives its id."""
    at = datetime.now(UTC)
    import_id = f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"

    def facts() -> None:
        takeback.sign(lake.con, "facts", import_id)
        apply(lake, kind, row, enrich, import_id)
        counts = merge.Counts(kind.links, read=1, changed=1)
        report = {"files": [words], "recipe": BY_HAND, "unreadable": 0, "tables": [counts.as_dict()]}
        lake.con.execute(
            "insert into facts.main._imports values (?, ?, ?, ?, ?, null)",
            [import_id, at, BY_HAND, words, json.dumps(report)],
        )

    with lake.writing():
        lake.commit(facts)
    return import_id


def apply(lake: Lake, kind: Kind, row: Mapping[str, Any], enrich: Enrich, import_id: str | None = None) -> None:
    """Writes a decision and what follows from it, inside the caller's transaction."""
    touched = write(lake, kind, [row], import_id)
    assert touched is not None
    enrich(lake, {kind.links: touched})
