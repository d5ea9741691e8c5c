"""How a filled-in questionnaire is understood: conditions, comments, partial answers, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from wellheard.surveys.reading import from_form, read_answers, thanks_for
from wellheard.surveys.survey import Survey, survey_from

QUESTIONS: list[dict[str, Any]] = [
    {"id": "recommend", "type": "nps", "required": True},
    {"id": "why", "type": "followup", "options": {"of": "recommend"}},
    {"id": "feel", "type": "emotions", "when": {"question": "recommend", "at_most": 6}},
    {"id": "solved", "type": "resolution", "when": {"question": "recommend", "outcome": ["high"]}, "required": True},
    {"id": "more", "type": "text", "when": {"question": "solved", "choice": ["no"]}},
]


@pytest.fixture(scope="module")
def survey() -> Survey:
    thanks = [
        {"when": {"question": "recommend", "at_least": 9}, "words": {"en": {"title": "Lovely"}}},
        {"words": {"en": {"title": "Thanks"}}},
    ]
    return survey_from({"id": "s", "name": "S", "languages": ["en", "de"], "questions": QUESTIONS, "thanks": thanks})


def _rows(survey: Survey, raw: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    return {a.question_id: a.fields() for a in read_answers(survey, raw, "en", **more).answers}


def test_the_follow_up_is_a_comment_on_the_score(survey: Survey) -> None:
    rows = _rows(survey, {"recommend": 3, "why": "Slow", "feel": {"happy": 2}})
    assert set(rows) == {"recommend", "feel-happy"}
    assert rows["recommend"]["score"] == 3
    assert rows["recommend"]["comment"] == "Slow"
    assert rows["recommend"]["main"] is True


def test_scale_direction_anchors_and_wording_travel_with_the_answer(survey: Survey) -> None:
    (german,) = read_answers(survey, {"recommend": 9}, "de", done=0).answers
    assert german.fields() == {
        "question_id": "recommend", "kind": "nps", "main": True, "question_version": "nps-1", "score": 9,
        "scale_min": 0, "scale_max": 10, "direction": "high_is_good",
        "attributes": {"anchors": "Äußerst unwahrscheinlich – Äußerst wahrscheinlich"},
    }  # fmt: skip


def test_an_answer_to_what_was_not_asked_is_left_out(survey: Survey) -> None:
    assert set(_rows(survey, {"recommend": 8, "feel": {"happy": 2}, "solved": "no", "more": "x"})) == {"recommend"}


def test_conditions_chain(survey: Survey) -> None:
    assert set(_rows(survey, {"recommend": 9, "solved": "no", "more": "x"})) == {"recommend", "solved", "more"}
    assert set(_rows(survey, {"recommend": 9, "solved": "yes", "more": "x"})) == {"recommend", "solved"}


@pytest.mark.parametrize(
    ("raw", "done", "step", "faults"),
    [
        ({}, None, 0, {"recommend": "missing"}),
        ({"recommend": " "}, 0, 0, {"recommend": "missing"}),
        ({"recommend": 11}, 0, 0, {"recommend": "not_offered"}),
        ({"recommend": 8}, 0, 1, {}),
        ({"recommend": 8}, 1, None, {}),
        ({"recommend": 9}, None, 1, {"solved": "missing"}),
        ({"recommend": 9, "solved": "no"}, 1, 2, {}),
        ({"recommend": 9, "solved": "no"}, None, None, {}),
        ({"recommend": 9, "solved": "yes"}, 1, None, {}),
        ({"recommend": 9, "solved": "yes", "nonsense": 1}, None, None, {"nonsense": "unknown"}),
        ({"recommend": 9, "solved": "yes", "why": "x" * 2001}, None, 1, {"why": "too_long"}),
    ],
)
def test_which_page_comes_next_and_what_is_wrong(
    survey: Survey, raw: dict[str, Any], done: int | None, step: int | None, faults: dict[str, str]
) -> None:
    reading = read_answers(survey, raw, "en", done)
    assert (reading.step, dict(reading.faults)) == (step, faults)
    assert reading.complete == (step is None)


def test_a_score_counts_even_where_its_comment_is_at_fault(survey: Survey) -> None:
    assert set(_rows(survey, {"recommend": 5, "why": "x" * 2001})) == {"recommend"}


def test_thanks_follow_the_outcome(survey: Survey) -> None:
    said = {score: thanks_for(survey, {"recommend": score}) for score in ("9", "3")}
    assert {score: t.words["en"]["title"] for score, t in said.items() if t} == {"9": "Lovely", "3": "Thanks"}


def test_a_form_says_what_json_says() -> None:
    pairs = [
        ("a.recommend", "9"), ("a.feel.happy", "4"), ("a.feel.valued", "2"), ("a.picks", "a"), ("a.picks", "b"),
        ("a.one", "other"), ("a.one.other", "Parking"), ("a.empty", ""), ("key", "k"), ("a.why", " text "),
    ]  # fmt: skip
    assert from_form(pairs) == {
        "recommend": "9",
        "feel": {"happy": "4", "valued": "2"},
        "picks": ["a", "b"],
        "one": {"choice": "other", "other": "Parking"},
        "why": " text ",
    }
