"""All canonical tables, found by their files."""

from __future__ import annotations

from functools import cache

from wellheard.base.errors import Unknown
from wellheard.base.registry import found
from wellheard.tables.table import Table


@cache
def tables() -> dict[str, Table]:
    """Every canonical table by name, in alphabetical order."""
    return found("wellheard.tables", "TABLE", Table)


def table(name: str) -> Table:
    """The canonical table called `name`; raises Unknown with the names that exist."""
    try:
        return tables()[name]
    except KeyError:
        hint = f"tables: {', '.join(tables())}"
        raise Unknown(f"there is no table called {name!r}", hint=hint, field="table") from None
