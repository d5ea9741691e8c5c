"""What people answer in the ready surveys gives the KPI that a count by hand gives."""

from __future__ import annotations

from typing import Any

import pytest

from wellheard.surveys.reading import read_answers
from wellheard.surveys.shelf import templates

WHEN = "2026-03-05T10:00:00Z"


def _answered(desk: Any, template: str, *filled: dict[str, Any], language: str = "en") -> None:
    """Puts filled-in questionnaires of a template into the lake, one customer each."""
    survey = templates()[template]
    rows = []
    for number, raw in enumerate(filled):
        reading = read_answers(survey, raw, language)
        assert reading.faults == {}
        for answer in reading.answers:
            said = {name: value for name, value in answer.fields().items() if name != "attributes"}
            key = f"{template}:{language}:{number}:{answer.question_id}"
            who = {"customer_id": f"{template}-{language}-{number}", "submission_id": f"{template}-{language}-{number}"}
            rows.append({**said, **who, "source_id": key, "survey_id": template, "answered_at": WHEN})
    desk.deliver({"survey_responses": rows})


@pytest.mark.parametrize(
    ("ready", "filled", "kpi", "value", "n"),
    [
        # 3 promoters, 1 passive, 1 detractor of 5: 60 − 20
        ("recommendation", [{"recommend": s} for s in (10, 9, 9, 8, 0)], "nps", 40.0, 5),
        ("satisfaction", [{"satisfied": s} for s in (5, 4, 3, 1)], "csat", 50.0, 4),
        ("ease", [{"easy": s} for s in (7, 5, 4, 1)], "ces", 50.0, 4),
        ("first-contact-resolution", [{"solved": s} for s in ("yes", "yes", "yes", "no")],
         "first_contact_resolution:self_reported", 75.0, 4),
        ("visitor-intent", [{"why-here": {"choice": c, "done": d}} for c, d in
                            (("support", "yes"), ("support", "no"), ("other", ""), ("transactional", "yes"))],
         "visitor_intent:support", 50.0, 4),
        ("visitor-intent", [{"why-here": {"choice": c, "done": d}} for c, d in
                            (("support", "yes"), ("support", "no"), ("support", ""), ("transactional", "yes"))],
         "visitor_intent:task_success+support", 50.0, 2),
        # pleasant: (5 + 4) ÷ 2 = 4.5, unpleasant: (2 + 1) ÷ 2 = 1.5, of a range of 4: 3 ÷ 4 × 100
        ("emotions", [{"feel": {"happy": 5, "frustrated": 2}}, {"feel": {"valued": 4, "stressed": 1}}],
         "net_emotion_score", 75.0, 4),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_ready_survey_feeds_its_kpi(
    desk: Any, ready: str, filled: list[dict[str, Any]], kpi: str, value: float, n: int
) -> None:
    _answered(desk, ready, *filled)
    figure = desk.one(kpi)
    assert (figure["value"], figure["n"]) == (pytest.approx(value), n)


def test_one_questionnaire_feeds_three_kpis_each_by_its_own_question(desk: Any) -> None:
    _answered(
        desk,
        "after-support",
        {"satisfied": 5, "easy": 5, "solved": "yes", "why": "Quick"},
        {"satisfied": "2", "easy": "1", "solved": "no"},
        {"satisfied": 4},
    )
    figures = {kpi: desk.one(kpi) for kpi in ("csat", "ces", "first_contact_resolution:self_reported")}
    assert [round(f["value"], 6) for f in figures.values()] == [66.666667, 50.0, 50.0]
    assert [f["n"] for f in figures.values()] == [3, 2, 2]


def test_languages_of_one_survey_are_one_figure(desk: Any) -> None:
    for language in ("en", "ar", "ja"):
        _answered(desk, "recommendation", {"recommend": 10}, {"recommend": 3}, language=language)
    figure = desk.one("nps")
    assert (figure["value"], figure["n"]) == (0.0, 6)
