"""Writes the letter of an invitation: in the person's language, with a link for each answer to the first question.

A link brings an answer along and stores none: mail scanners open links, and a person confirms on the page.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from wellheard.surveys.channel import Letter
from wellheard.surveys.display import shown_question
from wellheard.surveys.reading import FIELD
from wellheard.surveys.survey import Survey
from wellheard.surveys.words import Standard, direction, interface, standard

WORDS = Path(__file__).parent / "letter.toml"
MARKUP = Path(__file__).parent / "markup"
MOST_POINTS = 11  # answers that stand side by side; a longer question is opened by a button
LONGEST_SHORT = 300  # characters of a short message, link included


def letter_words() -> Standard:
    """The standard words of letters."""
    return standard(WORDS)


def write_letter(
    survey: Survey, *, key: str, kind: str, to: str, token: str, language: str | None, address: str, test: bool
) -> Letter:
    """The letter for one invitation. `address` is what public addresses begin with, `token` the invitation's.

    `kind` is `invitation` or `reminder`. Raises nothing that hangs on the survey's words.
    """
    spoken = survey.spoken(language)
    words = {name: survey.branded(text) for name, text in letter_words().in_language(spoken).items()}
    link = f"{address}/s/{survey.key}?{urlencode({'i': token, 'lang': spoken})}"
    first = shown_question(survey, survey.questions[0], spoken)
    own = survey.said(survey.words, spoken)
    told = {
        "language": spoken,
        "dir": direction(spoken),
        "words": words,
        "title": own.get("title") or survey.branding.name or survey.name,
        "intro": own.get("intro") or words["hello"],
        "question": first["title"],
        "points": _points(first, link),
        "ends": (first.get("low") or "", first.get("high") or ""),
        "link": link,
        "leave": f"{address}/u/{token}",
        "accent": survey.branding.accent,
        "ink": _ink_on(survey.branding.accent),
        "test": interface(spoken)["test"] if test else "",
    }
    subject = " ".join(words["reminder" if kind == "reminder" else "subject"].split())
    return Letter(
        key=key,
        kind=kind,
        to=to,
        survey_id=survey.id,
        language=spoken,
        subject=f"[Test] {subject}" if test else subject,
        text=_templates().get_template("letter.txt").render(told),
        html=_pages().get_template("letter.html").render(told),
        short=_short(words["short"], first["title"], link),
        link=link,
        leave=told["leave"],
        test=test,
    )


def _points(question: dict[str, Any], link: str) -> list[dict[str, str]]:
    """The answers that can be chosen in the letter, each with its link; none where the question is not of that kind."""
    points = [(str(p["value"]), str(p["label"]), str(p.get("spoken") or "")) for p in question.get("points", ())]
    if question["type"] in ("choice", "resolution"):
        points = [(str(p["value"]), str(p["label"]), "") for p in question.get("options", ())]
    if len(points) > MOST_POINTS:
        return []
    name = f"{FIELD}{question['id']}"
    return [
        {"label": label, "spoken": spoken, "link": f"{link}&{urlencode({name: value})}"}
        for value, label, spoken in points
    ]


def _short(words: str, title: str, link: str) -> str:
    """The message for the telephone: a title that is too long is cut, the link never."""
    room = LONGEST_SHORT - len(words) - len(link)
    cut = title if len(title) <= room else title[: room - 1].rstrip() + "…"
    return words.replace("{link}", link).replace("{title}", cut)


def _ink_on(colour: str) -> str:
    """White or black, whichever can be read better on a colour (WCAG 2.2, contrast ratio)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "#000000"


@cache
def _pages() -> Environment:
    return Environment(loader=FileSystemLoader(MARKUP), autoescape=True, undefined=StrictUndefined)


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(MARKUP), autoescape=False, undefined=StrictUndefined)
