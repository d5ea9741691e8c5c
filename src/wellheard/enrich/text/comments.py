"""What customers wrote with what was read in it: found by filters, by words and by meaning; always masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.enrich.text.cleaning import plain
from wellheard.enrich.text.waiting import OURS, PERSON, texts
from wellheard.warehouse.engine import Lake

FIELDS = ("sentiment", "valence", "emotions", "strength", "topic_id", "topic_name", "topic_group", "issue",
          "rating_band", "disagrees", "language", "unread", "model")  # fmt: skip
NONE = "none"


@dataclass(frozen=True)
class Wanted:
    """Which comments: every part that is given must hold. `topic` may be `none`."""

    words: str = ""
    topic: str = ""
    sentiment: str = ""
    issue: str = ""
    aspect: str = ""
    strength: str = ""
    emotion: str = ""
    language: str = ""
    table: str = ""
    rating_band: str = ""
    disagrees: bool = False
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Comment:
    """A text of a customer, masked, with what was read in it; `likeness` to what was searched by meaning."""

    table: str
    id: str
    text: str
    written_at: datetime | None
    customer_id: str | None
    rating: float | None
    read: dict[str, Any]
    aspects: tuple[tuple[str, str], ...] = ()
    likeness: float | None = None


def newest(lake: Lake) -> ir.Table:
    """The newest reading of each whole text that was made here."""
    s = lake.table("text_scores")
    s = s.filter(s.source_id.startswith(OURS + ":") & s.aspect.isnull() & (s.model != PERSON))
    turn = ibis.row_number().over(
        ibis.window(group_by=[s.text_table, s.text_id], order_by=[ibis.desc(s.scored_at), s.id])
    )
    s = s.mutate(turn__=turn)
    return s.filter(s.turn__ == 0).drop("turn__")


def comments(lake: Lake, wanted: Wanted, limit: int) -> list[Comment]:
    """At most `limit`, the newest first."""
    s = _matching(lake, wanted)
    t = texts(lake)
    s = s.select(s_table=s.text_table, s_id=s.text_id, asked=s.attributes["asked"], **{f"r_{f}": s[f] for f in FIELDS})
    joined = t.inner_join(s, [t.table == s.s_table, t.id == s.s_id])
    for word in wanted.words.lower().split():
        joined = joined.filter(joined.text.lower().contains(word))
    joined = joined.order_by([ibis.desc(joined.written_at), joined.table, joined.id]).limit(limit)
    rows = lake.backend.to_pyarrow(joined).to_pylist()
    sides = _aspects(lake, [row["id"] for row in rows])
    return [
        Comment(
            row["table"], row["id"], plain(row["text"]), row["written_at"], row["customer_id"], row["rating"],
            {f: row[f"r_{f}"] for f in FIELDS}, tuple(sides.get((row["table"], row["id"], row["asked"]), ())),
        )
        for row in rows
    ]  # fmt: skip


def _matching(lake: Lake, wanted: Wanted) -> ir.Table:
    s = newest(lake)
    for name in ("sentiment", "issue", "strength", "language", "rating_band"):
        if value := getattr(wanted, name):
            s = s.filter(s[name] == value)
    if wanted.topic:
        s = s.filter(s.topic_id.isnull() & s.unread.isnull() if wanted.topic == NONE else s.topic_id == wanted.topic)
    if wanted.table:
        s = s.filter(s.text_table == wanted.table)
    if wanted.emotion:
        s = s.filter((ibis.literal(",") + s.emotions + ",").contains(f",{wanted.emotion},"))
    if wanted.disagrees:
        s = s.filter(s.disagrees)
    if wanted.start:
        s = s.filter(s.written_at >= ibis.timestamp(str(wanted.start), timezone="UTC"))
    if wanted.end:
        s = s.filter(s.written_at < ibis.timestamp(str(wanted.end), timezone="UTC"))
    if wanted.aspect:
        side = lake.table("text_scores")
        side = side.filter(side.aspect == wanted.aspect).select(a_table=side.text_table, a_id=side.text_id).distinct()
        s = s.semi_join(side, [s.text_table == side.a_table, s.text_id == side.a_id])
    return s


def _aspects(lake: Lake, ids: Sequence[str]) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    if not ids:
        return {}
    s = lake.table("text_scores")
    s = s.filter(s.aspect.notnull() & s.text_id.isin(list(ids)))
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    wanted = s.select("text_table", "text_id", "aspect", "sentiment", asked=s.attributes["asked"]).order_by("aspect")
    for row in lake.backend.to_pyarrow(wanted).to_pylist():
        key = (row["text_table"], row["text_id"], row["asked"])
        found.setdefault(key, []).append((row["aspect"], row["sentiment"]))
    return found


def counted(lake: Lake, by: str) -> dict[str, int]:
    """How many texts there are by a column of their newest reading, the most first; what is null counts as `none`."""
    s = newest(lake)
    counts = s.group_by(value=s[by].cast("string").coalesce(NONE)).agg(n=s.count())
    rows = lake.backend.to_pyarrow(counts.order_by([ibis.desc(counts.n), counts.value])).to_pylist()
    return {row["value"]: row["n"] for row in rows}


def many_by(lake: Lake, model: str) -> int:
    """How many texts have their newest reading by a model, those that it could not read left out."""
    s = newest(lake)
    s = s.filter((s.model == model) & s.sentiment.notnull())
    return int(lake.backend.to_pyarrow(s.aggregate(n=s.count())).to_pylist()[0]["n"])
