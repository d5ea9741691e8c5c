"""A workspace's texts from the lake and back: whose words are read, when they are read again, and what the rows say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wellheard.cli import app
from wellheard.enrich.enrichments import enrich
from wellheard.enrich.text import scores
from wellheard.enrich.text.comments import Wanted
from wellheard.enrich.text.topics import Topic, Topics
from wellheard.enrich.text.workspace_texts import Texts

MARCH = "2026-03-04"
FEEDBACK = [
    {"source_id": "f1", "title": "Never again", "body": "The room was dirty and the staff were rude",
     "written_at": MARCH, "rating": 1, "scale_min": 1, "scale_max": 5, "customer_id": "c1"},
    {"source_id": "f2", "body": "n/a", "written_at": MARCH, "customer_id": "c2"},
    {"source_id": "f3", "body": "O quarto estava sujo e ninguém limpou nada durante a semana", "written_at": MARCH},
]  # fmt: skip
ANSWERS = [
    {"source_id": "a1", "kind": "nps", "score": 0, "submission_id": "s", "main": "true", "answered_at": MARCH},
    {"source_id": "a2", "kind": "custom", "submission_id": "s", "main": "false", "comment": "I love it, wonderful work",
     "answered_at": MARCH, "customer_id": "c3"},
]  # fmt: skip
MESSAGES = [
    {"source_id": "m1", "conversation_id": "k", "author_type": "customer", "sent_at": MARCH,
     "body": "Where is my parcel? Mail me at ann@x.example"},
    {"source_id": "m2", "conversation_id": "k", "author_type": "human", "sent_at": MARCH, "body": "We are so sorry"},
    {"source_id": "m3", "conversation_id": "k", "author_type": "customer", "auto_reply": "true", "sent_at": MARCH,
     "body": "I am out of office"},
]  # fmt: skip
CONVERSATIONS = [{"source_id": "k", "customer_id": "c9", "opened_at": MARCH, "opened_by": "customer"}]


@pytest.fixture(scope="module")
def desk(new_desk: Callable[..., Any]) -> Any:
    made = new_desk()
    made.deliver(
        {"feedback": FEEDBACK, "survey_responses": ANSWERS, "messages": MESSAGES, "conversations": CONVERSATIONS}
    )
    return made


def lexicon(desk: Any, name: str) -> Texts:
    """The same workspace's texts, read by the lexicon."""
    workspace = desk.workspace
    settings = workspace.settings.model_copy(update={"text_model": "vader"})
    return Texts(workspace.lake, settings, workspace.folder / name, enrich)


@pytest.mark.slow
def test_customers_words_alone_are_read_once_and_again_by_another_model(desk: Any) -> None:
    texts: Texts = desk.workspace.texts
    seen: list[tuple[int, int]] = []
    assert texts.read(most=2) == 2
    assert texts.read(progress=lambda done, whole: seen.append((done, whole))) == 3
    assert seen == [(0, 3), (3, 3)]
    assert (texts.waiting(), texts.read()) == (0, 0)
    assert texts.status()["unread"] == {"no content": 1, "language not supported: pt": 1}

    rows = desk.sql("select * from facts.main.text_scores where aspect is null and not deleted").set_index("text_table")
    assert len(rows) == 5
    assert rows.loc["messages", "customer_id"] == "c9"
    assert rows.loc["messages", "issue"] == "question"
    answer = rows.loc["survey_responses"]
    assert (answer.sentiment, answer.rating_band, answer.disagrees) == ("positive", "low", True)
    bad = rows[(rows.sentiment == "negative")]
    assert list(bad.index) == ["feedback"]
    assert (bool(bad.iloc[0].disagrees), bool(bad.iloc[0].negative_emotion)) == (False, True)
    sides = desk.sql("select aspect, sentiment from facts.main.text_scores where aspect is not null order by aspect")
    assert sides.values.tolist() == [["delivery", "neutral"], ["place", "negative"], ["staff", "negative"]]

    (comment,) = texts.comments(Wanted(table="messages"))
    assert comment.text == "Where is my parcel? Mail me at [mail]"
    assert desk.one("sentiment")["n"] == 3

    other = lexicon(desk, "lexicon")
    assert other.read() == 5
    assert desk.one("sentiment")["n"] == 3, "the newest reading of each text counts, and no other"
    models = desk.sql("select model, count(*) n from facts.main.text_scores where aspect is null group by all")
    assert dict(models.values.tolist()) == {texts.reader.model: 5, "vader-3.3.2": 5}
    other.close()


@pytest.mark.slow
def test_a_text_that_changed_is_read_again_and_one_that_went_loses_its_score(desk: Any) -> None:
    texts = lexicon(desk, "changing")
    texts.read()
    desk.deliver({"feedback": [{**FEEDBACK[0], "title": "", "body": "They made it right, wonderful and kind people"}]})
    assert texts.waiting() == 1
    assert texts.read() == 1
    assert texts.comments(Wanted(words="wonderful people"))[0].read["sentiment"] == "positive"
    desk.deliver({"feedback": [{**FEEDBACK[2], "deleted": "true"}]})
    texts.read()
    left = desk.sql("select count(*) n from facts.main.text_scores s join facts.main.feedback f on f.id = s.text_id "
                    "where f.deleted and not s.deleted and s.model like 'vader%'")  # fmt: skip
    assert left.n[0] == 0
    texts.close()


@pytest.mark.slow
def test_a_crash_costs_one_round_and_nothing_twice(desk: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = lexicon(desk, "crash")
    settings = texts.settings.model_copy(update={"text_language": "de"})  # another cache, the same model
    texts = Texts(texts.lake, settings, tmp_path / "texts", enrich)
    texts.reader.service_name = "round"
    monkeypatch.setattr(scores, "ROUND", 2)
    kept, rounds = scores.write, []

    def dying(*given: Any, **more: Any) -> int:
        rounds.append(1)
        if len(rounds) == 2:
            raise KeyboardInterrupt
        return kept(*given, **more)

    monkeypatch.setattr(scores, "write", dying)
    whole = texts.waiting()
    with pytest.raises(KeyboardInterrupt):
        texts.read()
    assert texts.waiting() == whole - 2
    assert texts.read() == whole - 2
    assert texts.waiting() == 0
    texts.close()


@pytest.mark.slow
def test_score_text_gives_a_row_a_text(tmp_path: Path) -> None:
    given = "The crew were lovely\nn/a\nDer Zug kam schon wieder viel zu spät an\n"
    call = ["--home", str(tmp_path / "home"), "score-text", "-"]
    ran = CliRunner().invoke(app, call, input=given)
    assert ran.exit_code == 0, ran.output
    rows = json.loads(ran.stdout)
    assert [list(row) for row in rows] == [
        ["language", "sentiment", "valence", "emotions", "strength", "topics", "model"]
    ] * 3
    assert [(row["language"], row["sentiment"]) for row in rows] == [("en", "positive"), (None, None), ("de", None)]
    assert rows[0]["valence"] > 0.2
    assert rows[0]["strength"] in ("low", "medium", "high")
    table = tmp_path / "texts.csv"
    table.write_text('id,says\n1,"Slow, slow\nand rude"\n', encoding="utf-8")
    ran = CliRunner().invoke(app, [*call[:-1], str(table), "--column", "says", "--format", "csv"])
    (row,) = csv.DictReader(io.StringIO(ran.stdout))
    assert (row["language"], row["sentiment"]) == ("en", "negative")


@pytest.mark.slow
def test_a_big_first_load_is_read_by_the_lexicon_and_by_the_model_later(new_desk: Callable[..., Any]) -> None:
    desk = new_desk()
    bodies = ["The room was dirty and the staff were rude", "I love it, wonderful work", "n/a",
              "O quarto estava sujo e ninguém limpou nada durante a semana"]  # fmt: skip
    desk.deliver({"feedback": [{"source_id": f"f{n}", "body": b, "written_at": MARCH} for n, b in enumerate(bodies)]})
    workspace = desk.workspace
    texts = Texts(
        workspace.lake, workspace.settings.model_copy(update={"text_fast_from": 3}), workspace.folder / "fast", enrich
    )
    assert texts.crowded()
    assert texts.read_fast() == 4
    assert not texts.crowded()
    assert texts.read_fast() == 0
    assert (texts.status()["fast"], texts.status()["waiting"]) == (2, 4)
    comments = {c.text: c.read for c in texts.comments(Wanted())}
    rude = comments[bodies[0]]
    assert (rude["model"], rude["sentiment"], rude["emotions"]) == ("vader-3.3.2", "negative", None)
    assert comments[bodies[3]]["unread"] == "language not supported: pt"
    (net,) = workspace.kpi("net_emotion_score:text").to_list()
    assert (net["value"], net["n"]) == (None, 0)  # the lexicon reads no emotions, which is not to show none

    assert texts.read() == 4
    assert (texts.status()["fast"], texts.status()["waiting"]) == (0, 0)
    assert texts.read_fast() == 0
    (rude,) = [c.read for c in texts.comments(Wanted()) if c.text == bodies[0]]
    assert rude["model"] == texts.reader.model
    (net,) = workspace.kpi("net_emotion_score:text").to_list()
    assert net["n"] == 2
    texts.close()


def test_what_the_lexicon_read_is_on_no_topic_and_not_off_it_either(new_desk: Callable[..., Any]) -> None:
    desk = new_desk()
    model, lexical = "wellheard-reader-1", "vader-3.3.2"
    read = [("1", model, "t1"), ("2", model, None), ("3", lexical, None), ("4", lexical, None), ("5", lexical, "t1")]
    desk.deliver(
        {
            "text_scores": [
                {"source_id": f"texts:feedback:{id}:{by}", "text_id": id, "text_table": "feedback", "written_at": MARCH,
                 "scored_at": MARCH, "model": by, "sentiment": "negative", "topic_id": topic,
                 "topic_name": topic and "Parcels"}
                for id, by, topic in read
            ]
        }
    )  # fmt: skip
    for by in ((), ("topic_name",)):
        (share,) = desk.workspace.kpi("topic_share", by=by).to_list()
        assert (share["value"], share["n"], share["pending"]) == (50.0, 2, 3)

    texts = Texts(desk.workspace.lake, desk.workspace.settings, desk.workspace.folder / "volumes", enrich)
    texts.shelf.save_topics(Topics(version=1, topics=(Topic("t1", "Parcels", ("parcel",), (1.0,), 1),), next_id=2))
    ((_, volume),) = texts.volumes()
    assert (volume.now, volume.share) == (1, 50.0)
    texts.close()
