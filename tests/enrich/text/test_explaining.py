"""Why a text was read as it was: words that moved the score, and the things that are named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wellheard.enrich.text.aspects import vocabulary
from wellheard.enrich.text.cleaning import for_model
from wellheard.enrich.text.decoding import valences
from wellheard.enrich.text.entities import Entity, entities, named
from wellheard.enrich.text.explaining import words_that_moved
from wellheard.enrich.text.graph import graph_in
from wellheard.enrich.text.reading import Read

PRODUCTS = ("Trail Jacket", "Jacket", "X200")


def things(text: str) -> set[tuple[str, str]]:
    return {(kind, words) for kind, words, _ in named(text, vocabulary(), PRODUCTS)}


def test_what_a_word_adds_is_the_valence_with_it_less_the_valence_without() -> None:
    graph, text = graph_in(), "the staff were rude and the room was lovely"
    words = text.split()
    told = {each.word: each for each in words_that_moved(text, graph)}
    for word in ("rude", "lovely"):
        without = " ".join(w for w in words if w != word)
        # One by one, while the explanation reads them in a batch, which moves eight bits a little.
        whole, less = (float(valences(graph.read([for_model(t)]), graph.manifest)[0]) for t in (text, without))
        assert told[word].model == pytest.approx(whole - less, abs=0.08)
    assert (told["rude"].model or 0) < 0 < (told["lovely"].model or 0)
    assert (told["rude"].lexicon or 0) < 0 < (told["lovely"].lexicon or 0)
    assert "the" not in {word for word, each in told.items() if each.lexicon is not None}


def test_a_negation_moves_what_follows_it() -> None:
    told = {each.word: each.model for each in words_that_moved("I would not recommend this shop", graph_in())}
    assert (told["not"] or 0) < -0.2


def test_a_long_text_is_explained_sentence_by_sentence() -> None:
    plain = "We came on Monday and sat down at the table by the window. " * 5
    told = [each for each in words_that_moved(plain + "The waiter was terrible.", graph_in()) if each.model]
    alone = [each for each in words_that_moved("The waiter was terrible.", graph_in()) if each.model]
    strongest = min(alone, key=lambda each: each.model or 0)
    assert strongest.word == "terrible."
    assert all(abs(each.model or 0) < abs(strongest.model or 0) for each in told)


def test_without_a_model_the_lexicon_alone_speaks() -> None:
    (great,) = words_that_moved("a great day", None)
    assert great.model is None
    assert (great.lexicon or 0) > 0
    assert words_that_moved("", graph_in()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The trail jacket faded in Lyon", {("product", "trail jacket"), ("place", "Lyon")}),
        ("my X200 arrived on Monday", {("product", "X200"), ("feature", "arrived")}),
        ("the X2000 is nice", set()),
        ("I was charged £12.50 twice", {("feature", "charged"), ("amount", "£12.50")}),
        ("20 % off and 15 euros", {("amount", "20 %"), ("amount", "15 euros")}),
        ("the driver Ahmed shouted at Mrs Gruber", {("person", "driver [name]"), ("person", "mrs [name]")}),
        ("I spoke to Anna near King Street", {("person", "[name]"), ("place", "King Street")}),
        ("we came in March", set()),
        ("I got a reply from Sarah", {("feature", "reply")}),
        ("I wrote to Maria Lang", set()),
        ("I walked to King Street and back from Riga Airport",
         {("place", "King Street"), ("place", "Riga Airport")}),
        ("", set()),
    ],
)  # fmt: skip
def test_things_are_named_and_people_hidden(text: str, expected: set[tuple[str, str]]) -> None:
    assert things(text) == expected


def test_each_thing_is_spoken_of_as_its_clause_is() -> None:
    def read(parts: Sequence[str]) -> list[Read]:
        return [Read(sentiment="negative" if "late" in p else "positive", valence=-0.5) for p in parts]

    found = entities("The courier was late but the food in Riga was good", read, vocabulary(), ())
    assert Entity("feature", "late", "waiting", "negative", -0.5) in found
    assert Entity("place", "Riga", None, "positive", -0.5) in found
    assert Entity("feature", "food", "product", "positive", -0.5) in found
