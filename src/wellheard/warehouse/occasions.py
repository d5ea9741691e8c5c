"""Reads what sets surveys off: rows of the lake that a trigger names, in a stretch of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.surveys.trigger import Trigger
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Type
from wellheard.warehouse.engine import Lake


@dataclass(frozen=True)
class Occasion:
    """One row that sets a survey off. `key` names it for ever; `until` is when it ends, where it does."""

    key: str
    instant: datetime
    until: datetime | None
    source: str
    customer_id: str
    account_id: str | None
    about: Mapping[str, str]
    traits: Mapping[str, str]


def occasions(lake: Lake, trigger: Trigger, after: datetime, before: datetime, *, lasting: bool) -> list[Occasion]:
    """The rows of a trigger from `after` up to `before`, both included, by their instants.

    With `lasting` those that began at any time before `before` and had not ended at `after`.
    """
    with lake.reading():
        rows = _rows(lake, trigger)
        rows = rows.filter(rows.instant <= ibis.literal(before))
        if lasting:
            rows = rows.filter(rows.until.isnull() | (rows.until > ibis.literal(after)))
        else:
            rows = rows.filter(rows.instant >= ibis.literal(after))
        found = lake.fetch(lake.backend.compile(rows.order_by("instant", "source", "source_id"))).to_pylist()
    return [_occasion(row, trigger) for row in found]


def _rows(lake: Lake, trigger: Trigger) -> ir.Table:
    """The rows that count, with the columns `instant` and `until` beside those that are shown."""
    t = lake.table(trigger.table)
    instant = t[trigger.instant]
    if trigger.otherwise is not None:
        instant = instant.coalesce(t[trigger.otherwise])
    until = t[trigger.until] if trigger.until else ibis.null("timestamp('UTC', 6)")
    t = t.mutate(instant=instant, until=until)
    for column, values in trigger.where.items():
        t = t.filter(_one_of(t, trigger, column, values))
    for column, values in trigger.never.items():
        t = t.filter(~_one_of(t, trigger, column, values).fill_null(False))
    t = t.filter(t.customer_id.notnull())
    if trigger.first_of is not None:
        t = _edge(t, trigger.first_of, last=False)
    if trigger.last_of is not None:
        t = _edge(t, trigger.last_of, last=True)
    account = t.account_id if "account_id" in t.columns else ibis.null("string")
    named = {*trigger.about.values(), *trigger.traits} - {"source_id"}
    return t.filter(t.instant.notnull()).select(
        "source", "source_id", "instant", "until", "customer_id", account_id=account, **{f"v_{c}": t[c] for c in named}
    )


def _one_of(t: ir.Table, trigger: Trigger, column: str, values: tuple[object, ...]) -> Any:
    text = canonical(trigger.table).by_name[column].type is Type.TEXT
    given = t[column].lower() if text else t[column]
    holds = given.isin([value for value in values if value is not None])
    if None not in values:
        return holds
    return t[column].isnull() | holds if len(values) > 1 else t[column].isnull()


def _edge(t: ir.Table, by: tuple[str, ...], *, last: bool) -> ir.Table:
    """The first row of each customer with the same values, or the last where none has an empty instant.

    What ends is over only when all of them are.
    """
    keys = ["source", "customer_id", *by]
    order = [ibis.desc("instant"), ibis.desc("source_id")] if last else ["instant", "source_id"]
    ranked = ibis.window(group_by=keys, order_by=order)
    whole = ibis.window(group_by=keys)
    t = t.mutate(
        rank__=ibis.row_number().over(ranked),
        open__=t.instant.isnull().cast("int64").sum().over(whole),
        running__=t.until.isnull().cast("int64").sum().over(whole),
        over__=t.until.max().over(whole),
    )
    t = t.mutate(until=ibis.ifelse(t.running__ > 0, ibis.null("timestamp('UTC', 6)"), t.over__))
    t = t.filter(t.rank__ == 0)
    return t.filter(t.open__ == 0) if last else t


def _occasion(row: Mapping[str, Any], trigger: Trigger) -> Occasion:
    def said(column: str) -> str | None:
        value = row["source_id"] if column == "source_id" else row[f"v_{column}"]
        return None if value is None else str(value)

    return Occasion(
        key=f"{row['source']}:{row['source_id']}",
        instant=row["instant"],
        until=row["until"],
        source=row["source"],
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        about={name: value for name, column in trigger.about.items() if (value := said(column)) is not None},
        traits={name: value for name in trigger.traits if (value := said(name)) is not None},
    )
