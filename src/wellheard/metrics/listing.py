"""Rows of a canonical table as plain objects, filtered by the text that KPIs are filtered by, dimensions as of then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import ibis
import ibis.expr.types as ir

from wellheard.base.settings import Settings
from wellheard.metrics.ask import NAMED, Ask
from wellheard.metrics.metric import Asked, Metric
from wellheard.metrics.question import question
from wellheard.metrics.reader import Reader, instant_literal
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse.engine import Lake

Row = dict[str, Any]
MOST = 100_000


def list_rows(
    lake: Lake,
    settings: Settings,
    table: str,
    columns: Sequence[str],
    *,
    where: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    named: Sequence[str] = (),
    equal: Mapping[str, Sequence[str]] | None = None,
    limit: int = MOST,
) -> list[Row]:
    """Rows of `table` whose instant lies in [since, until), oldest first, with `columns`, personal ones among them.

    Each has `id, source, source_id, instant, person, company` beside them, of which `person` and `company` are keys
    under which linked rows are one. `named` are dimensions as a filter names them, and come under their names. `equal`
    keeps rows whose column is one of some values.
    """
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot)
        asked = question("listing", where=where or None)
        # A listing is of no figure, and nothing that is called here looks at one.
        ask = Ask(reader, cast(Metric, None), cast(Asked, None), asked)
        fact = reader.table(table, private=any(canonical(table).by_name[c].private for c in columns))
        instant = canonical(table).instant
        rows = fact.mutate(instant=fact[instant]) if instant else fact.mutate(instant=fact.updated_at)
        for bound, earlier in ((since, False), (until, True)):
            if bound is not None:
                moment = instant_literal(bound.astimezone(UTC))
                rows = rows.filter(rows.instant < moment if earlier else rows.instant >= moment)
        for column, values in (equal or {}).items():
            rows = rows.filter(rows[column].isin(list(values)))
        rows = ask.belonging(rows, table, named=named)
        kept = dict.fromkeys(("id", "source", "source_id", "instant", *columns))
        shown: dict[str, ir.Value] = {name: rows[name] for name in kept}
        shown |= {"person": rows.customer_key, "company": rows.account_key}
        shown |= {name: rows[NAMED + name] for name in named}
        rows = rows.select(**shown).order_by([ibis.asc("instant"), ibis.asc("id")]).limit(limit)
        return cast(list[Row], reader.run(rows).to_pylist())


def count_by_hour(
    lake: Lake,
    settings: Settings,
    table: str,
    *,
    where: str = "",
    by: str = "",
    since: datetime,
    until: datetime,
) -> list[Row]:
    """How many rows there are by UTC hour and by a dimension: `hour, group, n`. Hours without rows are left out."""
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot)
        ask = Ask(reader, cast(Metric, None), cast(Asked, None), question("listing", where=where or None))
        fact = reader.table(table)
        rows = fact.mutate(instant=fact[canonical(table).instant or "updated_at"])
        rows = rows.filter(rows.instant >= instant_literal(since.astimezone(UTC)))
        rows = rows.filter(rows.instant < instant_literal(until.astimezone(UTC)))
        rows = ask.belonging(rows, table, named=[by] if by else [])
        group = rows[NAMED + by].cast("string") if by else ibis.literal("")
        counted = rows.group_by(hour=rows.instant.truncate("h"), group=group).agg(n=rows.count())
        return cast(list[Row], reader.run(counted.order_by(["hour", "group"])).to_pylist())


def last_seen(lake: Lake, settings: Settings, table: str, *, where: str = "", until: datetime) -> list[Row]:
    """When each customer last had a row in `table` before `until`: `person, source, customer_id, last`."""
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot)
        ask = Ask(reader, cast(Metric, None), cast(Asked, None), question("listing", where=where or None))
        fact = reader.table(table)
        rows = fact.mutate(instant=fact[canonical(table).instant or "updated_at"])
        rows = rows.filter(rows.customer_id.notnull() & (rows.instant < instant_literal(until.astimezone(UTC))))
        rows = ask.belonging(rows, table)
        seen = rows.group_by(person=rows.customer_key).agg(
            source=rows.source.max(), customer_id=rows.customer_id.max(), last=rows.instant.max()
        )
        return cast(list[Row], reader.run(seen.order_by("person")).to_pylist())


def last_row(lake: Lake, settings: Settings, table: str) -> datetime | None:
    """The last instant of a table that is not in the future; None where it is empty."""
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot)
        last = reader.bounds(table).last
        return None if last is None else min(last, datetime.now(UTC))
