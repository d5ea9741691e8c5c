"""What a page or the widget shows of a survey: plain values in one language, without anything that stays inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellheard.surveys.survey import Condition, Question, Survey, Thanks
from wellheard.surveys.words import direction, interface

WIDGET_WORDS = (
    "next",
    "send",
    "close",
    "optional",
    "missing",
    "failed",
    "thanks",
    "thanks_text",
    "test",
    "anonymous",
    "receipt",
)


def shown_question(survey: Survey, question: Question, language: str) -> dict[str, Any]:
    """A question's id, type, title and what its type shows."""
    asked = survey.asked(question, language)
    head = {"id": asked.id, "type": question.type, "title": asked.word("title"), "required": asked.required}
    return head | question.kind_of.view(asked)


def shown_survey(survey: Survey, language: str) -> dict[str, Any]:
    """A whole survey as the widget takes it: pages of questions with their conditions, thanks, words and colour."""
    words = interface(language)
    return {
        "language": language,
        "dir": direction(language),
        "accent": survey.branding.accent,
        "title": survey.said(survey.words, language).get("title") or survey.branding.name or words["survey"],
        "test": survey.test,
        "anonymous": survey.anonymous,
        "words": {key: words[key] for key in (*WIDGET_WORDS, "point_of")},
        "steps": [
            [shown_question(survey, q, language) | {"when": [_told(c) for c in q.when]} for q in page]
            for page in survey.steps
        ],
        "thanks": [
            shown_thanks(survey, t, language) | {"when": [_told(condition) for condition in t.when]}
            for t in survey.thanks
        ],
    }


def shown_thanks(survey: Survey, thanks: Thanks | None, language: str) -> dict[str, Any]:
    """What is said at the end: title, text, and the address and words of a link where there is one."""
    words, standard = survey.said(thanks.words, language) if thanks else {}, interface(language)
    return {
        "title": words.get("title") or standard["thanks"],
        "text": words.get("text") or standard["thanks_text"],
        "link": thanks.link if thanks else None,
        "link_words": words.get("link") or (thanks.link if thanks else None),
    }


def _told(condition: Condition) -> Mapping[str, Any]:
    return condition.model_dump(mode="json", exclude_defaults=True)
