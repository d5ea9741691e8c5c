"""From readings to rows of `text_scores`, and into the lake: a row a text, and one an aspect of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wellheard.base.errors import BadInput
from wellheard.enrich.text.categories import assigned
from wellheard.enrich.text.cleaning import plain
from wellheard.enrich.text.comments import newest
from wellheard.enrich.text.issues import band_of, disagrees, issue_of
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.reading import Read
from wellheard.enrich.text.topics import Topic, Topics
from wellheard.enrich.text.waiting import OURS, Text, many_waiting, orphans, texts, waiting
from wellheard.sources.recipe import Recipe, mapped
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Type
from wellheard.warehouse import load
from wellheard.warehouse.engine import Lake

ROUND = 2_000  # texts that are read and written at a time: what a crash costs
Progress = Callable[[int, int], None]
Row = dict[str, Any]


class Rows:
    """Rows of `text_scores` as the loader takes them."""

    name = "text_scores"

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        self.columns: Sequence[str] = list(dict.fromkeys(name for row in rows for name in row))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All in one, each column of its type."""
        known = canonical(self.name).by_name
        kinds = {Type.INSTANT: pa.timestamp("us", "UTC"), Type.NUMBER: pa.float64()}
        arrays = {}
        for name in self.columns:
            kind = kinds.get(known[name].type, pa.string()) if name in known else pa.string()
            values = [row.get(name) for row in self.rows]
            if kind == pa.string():
                values = [str(v).lower() if isinstance(v, bool) else v for v in values]
            arrays[name] = pa.array(values, kind)
        arrays["__row"] = pa.array(range(1, len(self.rows) + 1), pa.int64())
        yield pa.RecordBatch.from_pydict(arrays)


def write(lake: Lake, rows: Sequence[Mapping[str, Any]], rejects: Path, enrich: load.Enrich | None = None) -> int:
    """Takes rows into the lake, an import for each source. Raises BadInput where the lake refuses one."""
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append({k: v for k, v in row.items() if k != "source"})
    for source, part in by_source.items():
        delivery = Rows(part)
        targets = {n if n in canonical("text_scores").by_name else f"attributes.{n}": n for n in delivery.columns}
        (rule,) = mapped("text_scores", source, targets, {}).rules
        recipe = Recipe("what was read in texts", source, (replace(rule, files=delivery.name),))
        report = load.take(lake, recipe, [delivery], default_zone="UTC", rejects_folder=rejects, enrich=enrich)
        if report.rejected:
            raise BadInput(f"{report.rejected} readings were refused by the lake", hint=str(report.reasons))
    return len(rows)


def read_waiting(
    lake: Lake, reader: Reader, topics: Topics, rejects: Path, *, enrich: load.Enrich | None = None,
    most: int | None = None, unread: bool = False, progress: Progress = lambda _done, _all: None,
) -> int:  # fmt: skip
    """Reads what waits, round by round; gives how many texts. Ended at any point, the next call goes on from there.

    A text that this model has read, and that has not changed since, is not read again; what another model read stays.
    With `unread`, texts wait that no model has read.
    """
    model = None if unread else reader.model
    done, whole = 0, many_waiting(lake, model)
    whole = whole if most is None else min(most, whole)
    progress(0, whole)
    while done < whole and (part := waiting(lake, model, min(ROUND, whole - done))):
        write(lake, rows_of(part, reader, topics, datetime.now(UTC)), rejects, enrich)
        done += len(part)
        progress(done, whole)
    if most is None and (gone := orphans(lake)):
        write(lake, [{**row, "deleted": True} for row in gone], rejects, enrich)
    return done


def rows_of(given: Sequence[Text], reader: Reader, topics: Topics, now: datetime) -> list[Row]:
    """The rows of texts that are read now."""
    reads = reader.read([t.text for t in given], [t.language for t in given])
    places = topics_of([t.text for t in given], reads, reader, topics)
    rows = []
    for text, read, topic in zip(given, reads, places, strict=True):
        band = band_of(text.rating, text.low, text.high)
        row = {
            **_base(text, reader.model, read, now),
            "sentiment": read.sentiment,
            "valence": read.valence,
            "emotions": ",".join(read.emotions) or None,
            "positive_emotion": read.pleasant,
            "negative_emotion": read.unpleasant,
            "strength": read.strength,
            **topic_columns(topic),
            "issue": issue_of(plain(text.text), read),
            "rating_band": band,
            "disagrees": disagrees(read, band),
            "unread": read.why,
        }
        rows.append(row)
        for aspect in read.aspects:
            rows.append(
                {
                    **_base(text, reader.model, read, now),
                    "source_id": f"{row['source_id']}:{aspect.aspect}",
                    "sentiment": aspect.sentiment,
                    "valence": aspect.valence,
                    "aspect": aspect.aspect,
                    "rating_band": band,
                    **topic_columns(topic),
                }
            )
    return rows


def _base(text: Text, asked: str, read: Read, now: datetime) -> Row:
    return {
        "source": text.source,
        "source_id": f"{OURS}:{text.table}:{text.id}:{asked}",
        "updated_at": now,
        "text_id": text.id,
        "text_table": text.table,
        "written_at": text.written_at,
        "customer_id": text.customer_id,
        "model": read.model or asked,
        "scored_at": now,
        "language": read.language,
        "asked": asked,
    }


def topic_columns(topic: Topic | None) -> Row:
    """What a row says of its topic."""
    if topic is None:
        return {"topic_id": None, "topic_name": None, "topic_group": None}
    return {"topic_id": topic.id, "topic_name": topic.name, "topic_group": topic.group or topic.name}


def topics_of(given: Sequence[str], reads: Sequence[Read], reader: Reader, topics: Topics) -> list[Topic | None]:
    """The topic of each text; none where nothing was read, or in a language that has no meanings here."""
    places = [n for n, read in enumerate(reads) if read.sentiment and read.language == "en"]
    found: list[Topic | None] = [None] * len(given)
    if not topics.topics or not places or reader.graph is None:
        return found
    meanings = np.array(reader.meanings([given[n] for n in places]), np.float32)
    for n, id in zip(places, assigned(topics, meanings, reader.meanings), strict=True):
        found[n] = topics.topic(id) if id else None
    return found


def place(lake: Lake, reader: Reader, topics: Topics, rejects: Path, enrich: load.Enrich | None = None) -> int:
    """Writes the topic of every text that now has another one; gives how many rows changed."""
    changed = 0
    with lake.reading():
        s = newest(lake)
        s = s.filter(s.sentiment.notnull() & (s.language == "en"))
        s = s.select(s_table=s.text_table, s_id=s.text_id, t_id=s.topic_id, t_name=s.topic_name, t_group=s.topic_group)
        t = texts(lake)
        t = t.inner_join(s, [t.table == s.s_table, t.id == s.s_id]).order_by(["table", "id"])
        rows = lake.backend.to_pyarrow(t.select("table", "id", "text", "t_id", "t_name", "t_group")).to_pylist()
    for start in range(0, len(rows), ROUND):
        part = rows[start : start + ROUND]
        meanings = np.array(reader.meanings([row["text"] for row in part]), np.float32)
        moved = {}
        for row, id in zip(part, assigned(topics, meanings, reader.meanings), strict=True):
            told = topic_columns(topics.topic(id) if id else None)
            if (row["t_id"], row["t_name"], row["t_group"]) != tuple(told.values()):
                moved[row["table"], row["id"]] = told
        changed += _replaced(lake, moved, rejects, enrich)
    return changed


def _replaced(
    lake: Lake, moved: Mapping[tuple[str, str], Row], rejects: Path, enrich: load.Enrich | None
) -> int:  # fmt: skip
    """Writes rows again with other topics; all else in them stays."""
    if not moved:
        return 0
    names = [c.name for c in canonical("text_scores").columns]
    with lake.reading():
        s = lake.table("text_scores")
        s = s.filter(s.source_id.startswith(OURS + ":") & s.text_id.isin([id for _, id in moved]))
        held = s.select("source", "source_id", *names, asked=s.attributes["asked"])
        rows = lake.backend.to_pyarrow(held).to_pylist()
    now = datetime.now(UTC)
    told = [
        {**row, **moved[row["text_table"], row["text_id"]], "updated_at": now}
        for row in rows
        if (row["text_table"], row["text_id"]) in moved
    ]
    return write(lake, told, rejects, enrich)
