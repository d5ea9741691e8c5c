"""Reading: languages, what is not read and why, the cache, the fallback, aspects, and an outside service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from wellheard.base.errors import BadInput
from wellheard.enrich.text.aspects import aspects_named, clauses, vocabulary
from wellheard.enrich.text.graph import Graph, graph_in
from wellheard.enrich.text.issues import band_of, disagrees, issue_of
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.languages import language_of
from wellheard.enrich.text.lexicon import words_that_spoke
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.reading import Read
from wellheard.enrich.text.service import read_of

PORTUGUESE = "O produto chegou com defeito e ninguém respondeu às minhas mensagens"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(graph=graph_in(), kept=Kept())


def test_a_language_that_is_not_supported_is_not_scored_and_says_so(reader: Reader) -> None:
    portuguese, english, declared = reader.read(
        [PORTUGUESE, "The product arrived broken", "gut"], [None, None, "de-AT"]
    )
    assert (portuguese.language, portuguese.sentiment, portuguese.valence) == ("pt", None, None)
    assert portuguese.why == "language not supported: pt"
    assert (english.language, english.sentiment) == ("en", "negative")
    assert (declared.language, declared.sentiment) == ("de", None)


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("ok", None, "en"),
        ("ok", "fr", "fr"),
        ("とても良い", None, "ja"),
        (PORTUGUESE, "en", "pt"),
        ("супер", None, "ru"),
    ],
)
def test_short_texts_keep_their_declared_language(text: str, declared: str | None, language: str) -> None:
    assert language_of(text, declared) == language


def test_no_content_is_no_neutral(reader: Reader) -> None:
    (read,) = reader.read(["n/a"])
    assert (read.sentiment, read.why) == (None, "no content")


def test_texts_that_were_read_are_not_read_again(tmp_path: Path) -> None:
    texts = ["What a lovely shop", "The queue was awful", "What a lovely shop"]
    kept = Kept(tmp_path / "kept.sqlite")
    first = Reader(graph=graph_in(), kept=kept).read(texts)
    kept.close()

    class Broken(Graph):
        def read(self, texts: Sequence[str], *, meaning: bool = False) -> object:  # type: ignore[override]
            raise AssertionError(f"read again: {texts}, {meaning}")

    again = Kept(tmp_path / "kept.sqlite")
    assert Reader(graph=Broken(), kept=again).read(texts) == first
    again.close()
    assert b"lovely" not in (tmp_path / "kept.sqlite").read_bytes()


def test_without_a_model_the_lexicon_reads() -> None:
    good, bad = Reader(graph=None).read(["What a lovely and helpful shop", "The queue was awful and rude"])
    assert (good.sentiment, bad.sentiment) == ("positive", "negative")
    assert good.model == bad.model == "vader-3.3.2"
    assert good.emotions == ()


def test_a_model_that_is_not_there_or_is_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no model"):
        _ = Graph(tmp_path).manifest
    (tmp_path / "manifest.json").write_text('{"name": "x", "files": {"reader.onnx": "00"}}')
    (tmp_path / "reader.onnx").write_bytes(b"x")
    with pytest.raises(BadInput, match="not the file"):
        _ = Graph(tmp_path).manifest


def test_each_side_of_a_text_has_its_own_sentiment(reader: Reader) -> None:
    (read,) = reader.read(["The price is outrageous, but the delivery was wonderfully quick"])
    assert {a.aspect: a.sentiment for a in read.aspects} == {"price": "negative", "delivery": "positive"}


def test_clauses_and_own_words_of_aspects(tmp_path: Path) -> None:
    assert clauses("The room was dirty but the crew were kind") == ["The room was dirty", "the crew were kind"]
    own = tmp_path / "aspects.toml"
    own.write_text('lift = ["elevator", "lift"]\n')
    assert aspects_named("the elevator stopped", vocabulary(own)) == ["lift"]
    broken = tmp_path / "broken.toml"
    broken.write_text("lift = [")
    with pytest.raises(BadInput, match=r"broken\.toml"):
        vocabulary(broken)


def test_the_words_that_speak_know_a_negation() -> None:
    assert dict(words_that_spoke("a great day"))["great"] > 0
    assert dict(words_that_spoke("not a great day"))["great"] < 0
    assert words_that_spoke("the table") == []


@pytest.mark.parametrize(
    ("score", "low", "high", "band"),
    [(0, 0, 10, "low"), (5, 0, 10, "middle"), (9, 0, 10, "high"), (2, 1, 5, "low"), (3, 1, 5, "middle"),
     (4, 1, 5, "high"),
     (None, 1, 5, None), (3, None, 5, None), (3, 3, 3, None)],
)  # fmt: skip
def test_bands_of_ratings(score: float | None, low: float | None, high: float | None, band: str | None) -> None:
    assert band_of(score, low, high) == band


def test_a_text_that_says_the_opposite_of_its_rating_is_flagged() -> None:
    assert disagrees(Read(sentiment="positive"), "low") is True
    assert disagrees(Read(sentiment="negative"), "low") is False
    assert disagrees(Read(sentiment="neutral"), "high") is False
    assert disagrees(Read(), "high") is None


@pytest.mark.parametrize(
    ("text", "sentiment", "issue"),
    [("How do I cancel?", "neutral", "question"), ("please send the invoice", "neutral", "request"),
     ("it broke", "negative", "complaint"), ("lovely", "positive", "praise"),
     ("I came on Monday", "neutral", "statement"),
     ("you should offer a smaller size", "neutral", "suggestion")],
)  # fmt: skip
def test_kinds_of_texts(text: str, sentiment: str, issue: str) -> None:
    assert issue_of(text, Read(sentiment=sentiment)) == issue


def test_what_an_outside_service_answers_is_checked() -> None:
    fit = {"sentiment": "negative", "valence": -0.5, "emotions": ["anger"], "strength": "high"}
    read = read_of(fit)
    assert read is not None
    assert (read.sentiment, read.valence, read.emotions) == ("negative", -0.5, ("anger",))
    for wrong in ({"sentiment": "bad"}, {"valence": 3}, {"valence": True}, {"emotions": ["rage"]}, {"strength": 5}):
        assert read_of({**fit, **wrong}) is None
    assert read_of("negative") is None


def test_a_service_is_asked_first_and_what_it_does_not_answer_our_model_reads() -> None:
    seen: list[str] = []

    def service(texts: Sequence[str]) -> list[Read | None]:
        seen.extend(texts)
        return [Read(sentiment="neutral", valence=0.0) if "first" in t else None for t in texts]

    reader = Reader(graph=graph_in(), service=service, service_name="outside")
    first, second = reader.read(["the first is awful, mail a@b.example", "the second is awful"])
    assert (first.sentiment, first.model) == ("neutral", "outside")
    assert (second.sentiment, second.model) == ("negative", graph_in().name)
    assert "the first is awful, mail [mail]" in seen
    assert "a@b.example" not in " ".join(seen)
