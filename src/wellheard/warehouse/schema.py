"""How a canonical table lies in the lake: its columns, the housekeeping beside them, and what is personal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from wellheard.tables.catalogue import tables
from wellheard.tables.table import Column, Table, Type

FORMAT = 1  # the layout of a home; a program refuses a home with a greater one

SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.INSTANT: "TIMESTAMPTZ",
    Type.DATE: "DATE",
    Type.INTEGER: "BIGINT",
    Type.NUMBER: "DOUBLE",
    Type.MONEY: "DECIMAL(18,4)",
    Type.BOOLEAN: "BOOLEAN",
    Type.MAP: "MAP(VARCHAR, VARCHAR)",
}

# Housekeeping that every fact row carries beside the common columns of its table.
KEY = (("id", "VARCHAR"), ("source", "VARCHAR"), ("source_id", "VARCHAR"))
KEPT = (
    ("updated_at", "TIMESTAMPTZ"),
    ("ingested_at", "TIMESTAMPTZ"),
    ("deleted", "BOOLEAN"),
    ("row_hash", "BIGINT"),
    ("import_id", "VARCHAR"),
)
SPAN = (("valid_from", "TIMESTAMPTZ"), ("valid_to", "TIMESTAMPTZ"))

IMPORTS = (
    ("import_id", "VARCHAR"),
    ("taken_at", "TIMESTAMPTZ"),
    ("source", "VARCHAR"),
    ("what", "VARCHAR"),
    ("report", "VARCHAR"),
    ("undone_at", "TIMESTAMPTZ"),
)


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def made_name(column: Column) -> str:
    """Where the value made by an enrichment lies, beside the given one."""
    return f"made__{column.name}"


def made_version(enrichment: str) -> str:
    """The column that says which version of an enrichment has seen a row."""
    return f"made_by__{enrichment}"


def enrichments(table: Table) -> tuple[str, ...]:
    """The enrichments that fill columns of `table`."""
    return tuple(sorted({c.made_by for c in table.columns if c.made_by}))


def fact_columns(table: Table) -> list[tuple[str, str]]:
    """Name and SQL type of each column of the table in the lake of facts, in order."""
    made = [(made_name(c), SQL_TYPES[c.type]) for c in table.columns if c.made_by]
    versions = [(made_version(e), "VARCHAR") for e in enrichments(table)]
    own = [(c.name, SQL_TYPES[c.type]) for c in table.public]
    span = list(SPAN) if table.versioned else []
    return [*KEY, *KEPT, *span, *own, ("attributes", SQL_TYPES[Type.MAP]), *made, *versions]


def personal_columns(table: Table) -> list[tuple[str, str]]:
    """Name and SQL type of each column of the table in the personal lake; empty where nothing is personal."""
    if not table.private:
        return []
    own = [(c.name, SQL_TYPES[c.type]) for c in table.private]
    return [("id", "VARCHAR"), ("updated_at", "TIMESTAMPTZ"), ("import_id", "VARCHAR"), *own]


def columns_in(lake: str, table: Table) -> list[tuple[str, str]]:
    """Name and SQL type of each column of the table in one of the two lakes."""
    return fact_columns(table) if lake == "facts" else personal_columns(table)


def version_key(table: Table) -> tuple[str, ...]:
    """The columns that tell the lake's rows of a table apart."""
    return ("id", "updated_at") if table.versioned else ("id",)


def create_statement(lake: str, name: str, columns: Iterable[tuple[str, str]]) -> str:
    """The statement that makes a table in a lake where it is missing."""
    body = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns)
    return f"create table if not exists {lake}.main.{quoted(name)} ({body})"


def layout() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Every table of both lakes: `(lake, table)` to its columns."""
    result: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, table in tables().items():
        result["facts", name] = fact_columns(table)
        if personal := personal_columns(table):
            result["personal", name] = personal
    result["facts", "_imports"] = list(IMPORTS)
    result["personal", "_imports"] = [("import_id", "VARCHAR"), ("undone_at", "TIMESTAMPTZ")]
    return result


def fingerprint() -> str:
    """Changes whenever the layout changes, so that an up-to-date home is opened without looking at its tables."""
    return hashlib.sha256(repr(sorted(layout().items())).encode()).hexdigest()[:16]
