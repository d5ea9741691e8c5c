"""What a conversation's customer said: tags of the newest readings alone, and sentences in English alone."""

from __future__ import annotations

from typing import Any

from wellheard.enrich.text.conversation_words import told_in
from wellheard.enrich.text.graph import graph_in
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.reader import Reader

DAY = "2026-03-04"
BODIES = {"en": "The driver was rude and the parcel came late", "pt": "O quarto estava sujo e ninguém limpou nada"}


def _reading(text_id: str, asked: str, at: str, aspect: str | None) -> dict[str, Any]:
    return {"source_id": f"texts:messages:{text_id}:{asked}" + (f":{aspect}" if aspect else ""), "text_id": text_id,
            "text_table": "messages", "written_at": DAY, "scored_at": at, "updated_at": at, "model": asked,
            "attributes.asked": asked, "sentiment": "negative", "aspect": aspect}  # fmt: skip


def test_tags_are_those_of_the_newest_reading_and_only_english_is_summed_up(desk: Any) -> None:
    desk.deliver(
        {
            "messages": [
                {"source_id": f"m-{language}", "conversation_id": f"k-{language}", "author_type": "customer",
                 "sent_at": DAY, "body": body}
                for language, body in BODIES.items()
            ]
        }
    )  # fmt: skip
    (text_id,) = desk.sql("select id from facts.main.messages where source_id = 'm-en'")["id"]
    readings = [("old", "2026-03-05", "place"), ("new", "2026-03-06", "staff")]
    desk.deliver({"text_scores": [_reading(text_id, *r[:2], a) for r in readings for a in (None, r[2])]})

    reader = Reader(graph=graph_in(), kept=Kept())
    english = told_in(desk.workspace.lake, reader, "example", "k-en")
    assert list(english.tags) == ["staff"]
    assert english.summary
    assert not told_in(desk.workspace.lake, reader, "example", "k-pt").summary
