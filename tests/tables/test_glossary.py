"""The glossary gives every word of the field once, in order, with one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "GLOSSARY.md").read_text("utf-8")
ENTRIES = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", TEXT, re.MULTILINE)
TERMS = [term for term, _ in ENTRIES]

NEEDED = (
    "promoter|passive|detractor|top-two-box|ease|churn|cohort|retention|gross revenue retention|net revenue retention|"
    "MRR|first response time|resolution|business seconds|censored|pending|interval|unit|part|row part|unit part|"
    "partial period|quarantine|tombstone|recipe|dimension|variant|preset|snapshot|viewer|touchpoint|workspace"
)


def test_every_line_of_the_list_is_an_entry() -> None:
    assert len(ENTRIES) == sum(line.startswith("- ") for line in TEXT.splitlines())


def test_terms_stand_once_and_in_order() -> None:
    folded = [t.casefold() for t in TERMS]
    assert folded == sorted(set(folded))


@pytest.mark.parametrize("term", NEEDED.split("|"))
def test_words_of_the_field_are_explained(term: str) -> None:
    assert term in TERMS


@pytest.mark.parametrize(("term", "definition"), ENTRIES, ids=TERMS)
def test_a_definition_is_one_sentence_that_does_not_lean_on_its_own_term(term: str, definition: str) -> None:
    assert definition.endswith(".")
    assert ". " not in definition
    assert not definition.casefold().startswith((f"a {term.casefold()} ", f"the {term.casefold()} "))
