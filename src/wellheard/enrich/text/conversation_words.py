"""What the customer of one conversation said, in a few sentences, and the tags that its readings suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellheard.enrich.text.cleaning import plain
from wellheard.enrich.text.comments import newest
from wellheard.enrich.text.languages import language_of
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.summary import summary
from wellheard.enrich.text.waiting import OURS
from wellheard.warehouse.engine import Lake

MOST_MESSAGES = 200
MOST_TAGS = 6


@dataclass(frozen=True)
class Told:
    """Sentences of the customer, masked, and suggested tags, the most frequent first. Both may be empty."""

    summary: Sequence[str]
    tags: Sequence[str]


def told_in(lake: Lake, reader: Reader, source: str, conversation: str) -> Told:
    """What the messages of a conversation's customer say; `conversation` is its id in its source.

    The summary is of the messages in English alone.
    """
    with lake.reading():
        m = lake.table("messages", private=True)
        m = m.filter((m.source == source) & (m.conversation_id == conversation) & (m.author_type == "customer"))
        m = m.filter(~m.auto_reply.fill_null(False) & m.body.notnull()).order_by(["sent_at", "id"]).limit(MOST_MESSAGES)
        rows = lake.backend.to_pyarrow(m.select("id", "body")).to_pylist()
        tags = _tags(lake, [row["id"] for row in rows])
    # Without a model there are no meanings to compare, and there are none but of English.
    texts = [row["body"] for row in rows if language_of(plain(row["body"]), None, reader.expected) == "en"]
    return Told(summary(texts, reader.meanings) if texts and reader.graph is not None else (), tags)


def _tags(lake: Lake, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    s = newest(lake)
    s = s.filter((s.text_table == "messages") & s.text_id.isin(list(ids)) & s.sentiment.notnull())
    rows = lake.backend.to_pyarrow(
        s.select("topic_name", "issue", n_id=s.text_id, n_asked=s.attributes["asked"])
    ).to_pylist()
    read_by = {(row["n_id"], row["n_asked"]) for row in rows}
    a = lake.table("text_scores")
    a = a.filter(a.source_id.startswith(OURS + ":") & a.aspect.notnull() & (a.text_table == "messages"))
    a = a.filter(a.text_id.isin(list(ids))).select("aspect", "text_id", asked=a.attributes["asked"]).distinct()
    sides = lake.backend.to_pyarrow(a).to_pylist()
    # What an earlier reader found in the text was superseded with its reading.
    return suggested([*rows, *(side for side in sides if (side["text_id"], side["asked"]) in read_by)])


def suggested(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The topics, kinds and aspects that readings name, the most frequent first, at most six; a plain statement is no
    tag."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in ("topic_name", "issue", "aspect"):
            if (value := row.get(name)) and value != "statement":
                counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda tag: (-counts[tag], tag))[:MOST_TAGS]
