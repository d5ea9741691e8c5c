"""What becomes of a text before it is read: emoji as words, personal data masked, texts that say nothing."""

from __future__ import annotations

import pytest

from wellheard.enrich.text.cleaning import for_model, plain, says_nothing, sentences


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to anna.b+x@shop.example now", "write to [mail] now"),
        ("see https://x.example/a?b=c and www.y.example", "see [link] and [link]"),
        ("call +49 170 1234567 or (030) 123-45-67", "call [number] or [number]"),
        ("my card 4111 1111 1111 1111.", "my card [number]."),
        ("to DE89 3704 0044 0532 0130 00 please", "to [account] please"),
        ("@wellheard where is it", "[user] where is it"),
        ("order 48812 of 2026-03-05 cost 1200", "order 48812 of 2026-03-05 cost 1200"),
    ],
)
def test_personal_data_are_masked_and_other_numbers_stay(text: str, masked: str) -> None:
    assert plain(text) == masked


@pytest.mark.parametrize(
    "text", ["n/a", "N.A.", "-", " none ", "Nothing.", "12345", "...", "", "a@b.example", "no comment", "\u200b", "xxx"]
)
def test_what_says_nothing(text: str) -> None:
    assert says_nothing(plain(text))


@pytest.mark.parametrize("text", ["👍", "bad", "nothing works", "no", "12 days late", "não", "نعم", "いい"])
def test_what_says_something(text: str) -> None:
    assert says_nothing(plain(text)) is (text == "no")


def test_emoji_are_words_and_runs_are_cut() -> None:
    assert for_model("ok 😡😡😡😡") == "ok very angry very angry"
    assert for_model("great 👍🏽") == "great very good"
    assert for_model("soooooo good!!!!!!") == "sooo good!!!"
    assert for_model("fine :-)") == "fine happy"
    assert "avocado" in for_model("🥑")


def test_hidden_signs_and_entities_are_gone() -> None:
    assert plain("fish &amp;\u202e chips\u0000\n now") == "fish & chips now"


def test_long_texts_are_read_by_sentences_and_short_ones_whole() -> None:
    assert sentences("Good. Bad.") == ["Good. Bad."]
    long = "The room was lovely and quiet. " * 5 + "Dr. Smith waited 3.5 hours! Why?" + " x" * 60
    parts = sentences(long)
    assert parts[0] == "The room was lovely and quiet."
    assert len(parts) == 8
