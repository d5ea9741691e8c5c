"""Fills a conversation's times from its raw messages and status events, for the conversations that a load touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.schedules import Schedule, schedule_from_rows
from wellheard.enrich.clock import VERSION, Times, times_of_all
from wellheard.enrich.replay import Conversation, Message, StatusEvent
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Type
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.made import fill

ENRICHMENT = "clock"
SEEN = "_clock_"  # what a load touched, by table
EVENTS = ("messages", "status_events")
HAPPENED = (
    ("conversations", ("opened_at", "resolved_at", "closed_at")),
    ("messages", ("sent_at",)),
    ("status_events", ("changed_at",)),
)
BATCH = 20_000
ARROW = {Type.INSTANT: pa.timestamp("us", "UTC"), Type.INTEGER: pa.int64(), Type.NUMBER: pa.float64()}


def fill_times(lake: Lake, touched: Mapping[str, str]) -> int:
    """Fills the clock's columns of every conversation that the touched rows belong to; gives how many.

    `touched` names, by canonical table, a temporary table of the rows which changed, as they were and as they are.
    Conversations whose clock still runs are read anew too, since it runs to the end of the data.
    """
    if not {"conversations", "schedules", *EVENTS} & set(touched):
        return 0
    looked_at = [] if "schedules" in touched else sorted({"conversations", *EVENTS} & set(touched))
    for name in looked_at:  # under one name at every load, so that the statements are compiled once
        lake.con.execute(f'create or replace temp view "{SEEN}{name}" as from temp.main."{touched[name]}"')
    # The three streams read from one connection one after the other, so each is held as a compact Arrow table.
    first, said, changed = (
        _tuples(lake.fetch(lake.text((ENRICHMENT, name, *looked_at), partial(_stream, lake, name, looked_at))))
        for name in ("conversations", *EVENTS)
    )
    rows = times_of_all(first, said, changed, schedules(lake), data_end(lake))
    return fill(lake, canonical("conversations"), ENRICHMENT, VERSION, _batches(rows))


def _stream(lake: Lake, name: str, looked_at: list[str]) -> ir.Table:
    """The conversations to read anew, all of them where none is looked at alone, or what happened in them."""
    conversations = _given(lake)
    if looked_at:
        keys = ibis.union(_keys(lake, conversations, looked_at), _running(lake), distinct=True)
        conversations = conversations.semi_join(keys, "id")
    if name == "conversations":
        return conversations.select("id", "schedule_id", *Conversation._fields).order_by("id")
    return _events(lake, conversations, name, (Message if name == "messages" else StatusEvent)._fields)


def data_end(lake: Lake) -> datetime | None:
    """The last instant at which anything happened in a conversation, up to now."""
    ends = []
    for name, columns in HAPPENED:
        found = lake.fetch(lake.text((ENRICHMENT, "end", name), partial(_ends, lake, name, columns))).to_pylist()[0]
        ends += [end for end in found.values() if end is not None]
    return min(max(ends), datetime.now(UTC)) if ends else None


def _ends(lake: Lake, name: str, columns: tuple[str, ...]) -> ir.Table:
    rows = lake.given(name)
    return rows.aggregate(**{column: rows[column].max() for column in columns})


def _running(lake: Lake) -> ir.Table:
    """The conversations that had a clock running at the last load."""
    rows = lake.table("conversations")
    asked_since = rows.unanswered_seconds.notnull() & (rows.first_customer_at > rows.resolved_at)
    return rows.filter(rows.resolved_at.isnull() | asked_since).select("id")


def _given(lake: Lake) -> ir.Table:
    """The conversations with what their source says, not what we made of it before."""
    raw = lake.given("conversations")
    whole = ibis.window(group_by=raw.source_id)
    return raw.mutate(only=raw.source.min().over(whole) == raw.source.max().over(whole))


def _keys(lake: Lake, conversations: ir.Table, looked_at: list[str]) -> ir.Table:
    parts = []
    for name in looked_at:
        rows = lake.backend.table(SEEN + name, database=("temp", "main"))
        if name == "conversations":
            # All of that id: whether a row of another source belongs to one hangs on how many there are.
            parts.append(conversations.semi_join(rows.select("source_id").distinct(), "source_id").select("id"))
            continue
        side = rows.select(t_source=rows.source, t_key=rows.conversation_id).distinct()
        parts.append(_of(conversations, side).select("id"))
    return (ibis.union(*parts, distinct=True) if len(parts) > 1 else parts[0]).distinct()


def _of(conversations: ir.Table, side: ir.Table) -> ir.Table:
    """Joins rows to the conversation they name: of their own source, or the only one of that id."""
    match = [conversations.source_id == side.t_key, (conversations.source == side.t_source) | conversations.only]
    return conversations.join(side, match)


def events_of(lake: Lake, id: str, name: str, fields: tuple[str, ...]) -> ir.Table:
    """The messages or status events of one conversation by its row id, personal fields among them, in order of time."""
    conversations = _given(lake)
    return _events(lake, conversations.filter(conversations.id == id), name, fields)


def _events(lake: Lake, conversations: ir.Table, name: str, fields: tuple[str, ...]) -> ir.Table:
    private = any(column.private for column in canonical(name).columns if column.name in fields)
    rows = lake.table(name, private=private)
    side = rows.select(
        t_source=rows.source, t_key=rows.conversation_id, t_id=rows.id, **{f"e_{f}": rows[f] for f in fields}
    )
    joined = _of(conversations.select("id", "source", "source_id", "only"), side)
    ordered = joined.order_by(["id", f"e_{fields[0]}", "t_id"])
    return ordered.select("id", **{f: ordered[f"e_{f}"] for f in fields})


def _tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def schedules(lake: Lake) -> dict[str | None, Schedule]:
    """The lake's schedules by id; where there is one alone, it holds for conversations that name none."""
    rows = lake.fetch(lake.text((ENRICHMENT, "schedules"), lambda: lake.table("schedules"))).to_pylist()
    found: dict[str | None, Schedule] = {}
    found.update(schedule_from_rows(rows))
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    return found


def _batches(rows: Iterable[tuple[str, Times]]) -> Iterator[pa.RecordBatch]:
    columns = canonical("conversations").made_by(ENRICHMENT)
    schema = pa.schema([("id", pa.string()), *((c.name, ARROW[c.type]) for c in columns)])
    source = iter(rows)
    while chunk := list(islice(source, BATCH)):
        arrays = [pa.array([key for key, _ in chunk], pa.string())]
        arrays += [pa.array([getattr(t, c.name) for _, t in chunk], ARROW[c.type]) for c in columns]
        yield pa.record_batch(arrays, schema=schema)
