"""Something a customer wrote, by what a model read out of it: its topic, emotion, sentiment or strength."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from wellheard.actions.condition import both, quoted
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When, facts_of

COLUMNS = ("text_id", "text_table", "sentiment", "emotions", "strength", "topic_id", "aspect", "customer_id", "model")
BODIES = {"messages": "body", "feedback": "body", "survey_responses": "comment"}
BESIDE = {"messages": ("conversation_id", "author_type", "auto_reply"), "survey_responses": ("conversation_id",)}


class TextWhen(When):
    """Which texts; a text that is read by several models or aspects happens once."""

    trigger: Literal["text"] = "text"
    topic: str = ""
    emotion: str = ""
    sentiment: str = ""
    strength: str = ""


def find(when: TextWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The texts written in that time."""
    named = (("topic_id", when.topic), ("sentiment", when.sentiment), ("strength", when.strength))
    bounds = [f"{name} = {quoted(value)}" for name, value in named if value]
    bounds += [f"emotions contains {quoted(when.emotion)}"] if when.emotion else []
    rows = look.rows("text_scores", COLUMNS, where=both(*bounds, when.where), since=since, until=until)
    texts = {table: _texts(look, table, rows) for table in sorted({row["text_table"] for row in rows})}
    found: dict[str, Happening] = {}
    for row in rows:
        happening = _happening(row, texts[row["text_table"]].get(row["text_id"], {}))
        found.setdefault(happening.subject, happening)
    return list(found.values())


def _texts(look: Look, table: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    body = BODIES.get(table)
    if body is None:
        return {}
    ids = sorted({row["text_id"] for row in rows if row["text_table"] == table})
    columns = (body, *BESIDE.get(table, ()))
    found = [*look.rows(table, columns, equal={"source_id": ids}), *look.rows(table, columns, equal={"id": ids})]
    return {key: {**row, "text": row[body]} for row in found for key in (row["source_id"], row["id"])}


def _happening(row: dict[str, Any], text: dict[str, Any]) -> Happening:
    read = row["topic_id"] or row["sentiment"] or "text"
    return Happening(
        subject=f"text:{row['text_table']}:{row['text_id']}",
        at=row["instant"],
        kind="text",
        title=f"{str(row['sentiment'] or 'A').capitalize()} text on {read}" if row["topic_id"] else f"A {read} text",
        text=text.get("text") or "",
        facts=facts_of(row, ("topic_id", "aspect", "sentiment", "emotions", "strength")),
        person=row["person"],
        source=text.get("source") or row["source"],
        customer_id=row["customer_id"],
        conversation_id=text.get("conversation_id"),
        machine=bool(text.get("auto_reply")) or text.get("author_type", "customer") != "customer",
    )


TRIGGER = Trigger("A text", "A customer wrote something with a topic, emotion or sentiment.", TextWhen, find)
