"""Which of a workspace's texts wait to be read: customers' own words, not yet read by this model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.warehouse.engine import Lake

PERSON = "human"
OURS = "texts"  # the beginning of a score's source_id that was made here
_SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}


@dataclass(frozen=True)
class Text:
    """A customer's text with what stands beside it in its row."""

    table: str
    id: str
    source: str
    text: str
    written_at: datetime | None
    customer_id: str | None
    language: str | None
    rating: float | None
    low: float | None
    high: float | None


def texts(lake: Lake) -> ir.Table:
    """Every text of a customer: comments of surveys, feedback with its title, messages without automatic replies."""
    return ibis.union(_comments(lake), _feedback(lake), _messages(lake))


def _comments(lake: Lake) -> ir.Table:
    t = lake.table("survey_responses", private=True)
    low = t.scale_min.coalesce(ibis.cases(*((t.kind == kind, low) for kind, (low, _) in _SCALES.items())))
    high = t.scale_max.coalesce(ibis.cases(*((t.kind == kind, high) for kind, (_, high) in _SCALES.items())))
    # An open question has a row of its own: the rating beside it is that of the same submission's main question.
    rated = t.filter(t.score.notnull() & t.submission_id.notnull() & t.main.fill_null(True))
    beside = rated.group_by(r_source=rated.source, r_submission=rated.submission_id).agg(
        r_score=rated.score.min(), r_low=low.min(), r_high=high.min(), r_n=rated.score.nunique()
    )
    beside = beside.filter(beside.r_n == 1)
    t = t.mutate(low__=low, high__=high)
    t = t.left_join(beside, [t.source == beside.r_source, t.submission_id == beside.r_submission])
    own = t.score.notnull()
    return _shaped(
        t.filter(t.comment.notnull()),
        "survey_responses",
        text=t.comment,
        written_at=t.answered_at,
        customer_id=t.customer_id,
        language=t.language,
        rating=ibis.ifelse(own, t.score, t.r_score),
        low=ibis.ifelse(own, t.low__, t.r_low),
        high=ibis.ifelse(own, t.high__, t.r_high),
    )


def _feedback(lake: Lake) -> ir.Table:
    t = lake.table("feedback", private=True)
    text = ibis.ifelse(t.title.notnull() & t.body.notnull(), t.title + ". " + t.body, t.body.coalesce(t.title))
    return _shaped(
        t.filter(t.body.notnull() | t.title.notnull()),
        "feedback",
        text=text,
        written_at=t.written_at,
        customer_id=t.customer_id,
        language=t.language,
        rating=t.rating,
        low=t.scale_min,
        high=t.scale_max,
    )


def _messages(lake: Lake) -> ir.Table:
    t = lake.table("messages", private=True)
    t = t.filter((t.author_type == "customer") & ~t.auto_reply.fill_null(False) & t.body.notnull())
    c = lake.table("conversations")
    c = c.select(c_source=c.source, c_key=c.source_id, c_customer=c.customer_id)
    t = t.left_join(c, [t.source == c.c_source, t.conversation_id == c.c_key])
    none: Any = ibis.null("float64")
    return _shaped(
        t,
        "messages",
        text=t.body,
        written_at=t.sent_at,
        customer_id=t.c_customer,
        language=ibis.null("string"),
        rating=none,
        low=none,
        high=none,
    )


def _shaped(t: ir.Table, name: str, **columns: Any) -> ir.Table:
    numbers = {key: columns[key].cast("float64") for key in ("rating", "low", "high")}
    words = {key: columns[key].cast("string") for key in ("text", "customer_id", "language")}
    return t.select(
        table=ibis.literal(name),
        id=t.id,
        source=t.source,
        seen_at=t.ingested_at,
        written_at=columns["written_at"],
        **words,
        **numbers,
    )


def waiting(lake: Lake, model: str | None, limit: int) -> list[Text]:
    """The texts that wait, at most `limit`, the newest first; with no model named, those that none has read."""
    t = _waiting(lake, model)
    t = t.order_by([ibis.desc(t.written_at), t.id]).limit(limit)
    rows = lake.backend.to_pyarrow(t.select(*(c for c in t.columns if c != "seen_at"))).to_pylist()
    return [Text(**row) for row in rows]


def many_waiting(lake: Lake, model: str | None) -> int:
    """How many texts wait."""
    t = _waiting(lake, model)
    return int(lake.backend.to_pyarrow(t.aggregate(n=t.count())).to_pylist()[0]["n"])


def _waiting(lake: Lake, model: str | None) -> ir.Table:
    s = lake.table("text_scores")
    read = s.filter(s.source_id.startswith(OURS + ":") & s.aspect.isnull())
    read = read if model is None else read.filter(read.attributes["asked"] == model)
    read = read.select(s_table=read.text_table, s_id=read.text_id, s_at=read.scored_at)
    t = texts(lake)
    return t.anti_join(read, [t.table == read.s_table, t.id == read.s_id, t.seen_at <= read.s_at])


def orphans(lake: Lake) -> list[dict[str, Any]]:
    """The keys of scores made here whose text is no longer there."""
    s = lake.table("text_scores")
    s = s.filter(s.source_id.startswith(OURS + ":"))
    t = texts(lake)
    gone = s.anti_join(t, [s.text_table == t.table, s.text_id == t.id])
    return list(lake.backend.to_pyarrow(gone.select("source", "source_id", "text_id", "text_table")).to_pylist())
