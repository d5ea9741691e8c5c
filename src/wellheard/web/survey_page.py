"""The page on which a survey is answered: plain markup without a script, whole in one file, in any language."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wellheard.surveys import catalogue
from wellheard.surveys.display import shown_question, shown_thanks
from wellheard.surveys.reading import CHOICE, FIELD, applies, read_answers, thanks_for
from wellheard.surveys.survey import Question, Survey
from wellheard.surveys.words import LANGUAGES, direction, interface

HERE = Path(__file__).parent / "survey"
MARKUP = Path(catalogue.__file__).parent / "markup"
HONEYPOT = "website"  # a field that no person sees: what is written into it was written by a program
TOKEN = "i"  # the field that holds an invitation's token
STEP = "step"  # the field that says which page was sent, from 0


@dataclass(frozen=True)
class Page:
    """A page and the headers that must go with it; nothing may run in it, and its style is the only one taken."""

    html: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """One turn of answering.

    `action` is where the form goes, `hidden` what it brings along beside the answers, such as tokens. `answers` are the
    raw ones so far, by question, to be shown again; `faults` say by question what is wrong with them. `address` gives
    the page in another language; `preselected` marks an answer that came with the link and must be confirmed.
    `preview` lets our own pages frame it, and shows also what is asked under a condition.
    """

    survey: Survey
    language: str
    action: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
    address: Callable[[str], str] | None = None
    preselected: bool = False
    preview: bool = False


def question_page(sheet: Sheet) -> Page:
    """The page number `step` with its questions that apply, and a button that sends them."""
    survey, language = sheet.survey, sheet.language
    page = survey.steps[max(0, min(sheet.step, len(survey.steps) - 1))]
    asked = [q for q in page if sheet.preview or applies(survey, q.when, sheet.answers)]
    more = sheet.step < len(survey.steps) - 1
    tells = bool(sheet.hidden.get(TOKEN)) and not (survey.anonymous or sheet.preview)
    own = survey.said(survey.words, language)
    return _page(
        sheet,
        "questions.html",
        intro=own.get("intro") if sheet.step == 0 else None,
        anonymous=survey.anonymous,
        action=sheet.action,
        hidden=[*sheet.hidden.items(), (STEP, str(sheet.step)), *_carried(sheet, {q.id for q in page})],
        honeypot=HONEYPOT,
        faulty=any(q.id in sheet.faults for q in page),
        pieces=[question_markup(sheet, q) for q in asked],
        button="confirm" if sheet.preselected else "next" if more else "send",
        beacon=Markup(beacon()) if tells else "",
    )


def thanks_page(sheet: Sheet, change: str | None = None, receipt: str | None = None) -> Page:
    """What stands there once all is answered: `change` is where the answer can be changed, `receipt` its code."""
    shown = shown_thanks(sheet.survey, thanks_for(sheet.survey, sheet.answers), sheet.language)
    shown["heading"] = shown.pop("title")
    return _page(sheet, "ended.html", change=change, receipt=receipt, **shown)


def closed_page(sheet: Sheet) -> Page:
    """What stands in the place of a survey that takes no answers."""
    ui = interface(sheet.language)
    nothing = dict.fromkeys(("link", "link_words", "change", "receipt"))
    return _page(sheet, "ended.html", heading=ui["closed"], text=ui["closed_text"], **nothing)


def question_markup(sheet: Sheet, question: Question) -> Markup:
    """One question's fields, by the `page.html` of its type."""
    outcomes = read_answers(sheet.survey, _known(sheet), sheet.language).outcomes
    shown = shown_question(sheet.survey, question, sheet.language) | {"fault": sheet.faults.get(question.id)}
    rendered = (
        _templates()
        .get_template(f"{question.type}/page.html")
        .render(q=shown, value=sheet.answers.get(question.id, ""), ui=interface(sheet.language), outcomes=outcomes)
    )
    return Markup(rendered)


def _page(sheet: Sheet, template: str, **context: Any) -> Page:
    survey, language = sheet.survey, sheet.language
    ui = interface(language)
    style = f":root{{--accent:{survey.branding.accent};--on:{ink_on(survey.branding.accent)}}}{_style()}"
    title = survey.said(survey.words, language).get("title") or survey.branding.name or ui["survey"]
    html = (
        _templates()
        .get_template(template)
        .render(
            language=language,
            dir=direction(language),
            ui=ui,
            title=title,
            style=Markup(style),
            test=survey.test,
            languages=list(_languages(sheet)),
            **context,
        )
    )
    return Page(html, _headers(style, sheet.preview, str(context.get("beacon", ""))))


def _headers(style: str, framed: bool, script: str = "") -> dict[str, str]:
    runs = f" script-src 'sha256-{_mark(script)}'; connect-src 'self';" if script else ""
    kept = f"style-src 'sha256-{_mark(style)}';{runs} form-action 'self'; base-uri 'none'"
    policy = f"default-src 'none'; {kept}; frame-ancestors "
    return {
        "content-security-policy": policy + ("'self'" if framed else "'none'"),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }


def _mark(text: str) -> str:
    """The hash by which a policy admits just this style or script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def ink_on(colour: str) -> str:
    """Black or white, whichever can be read better on a colour `#rrggbb`: by relative luminance, as WCAG 2.2 has it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "#000000"


def _languages(sheet: Sheet) -> Iterator[tuple[str, str, str]]:
    for language in sheet.survey.languages if sheet.address else ():
        assert sheet.address is not None
        yield language, LANGUAGES.get(language, language), sheet.address(language)


def _known(sheet: Sheet) -> dict[str, Any]:
    return {name: raw for name, raw in sheet.answers.items() if name in sheet.survey.by_id}


def _carried(sheet: Sheet, shown: set[str]) -> Iterator[tuple[str, str]]:
    """The answers that the other pages took, as fields that this one brings along."""
    for name, raw in _known(sheet).items():
        if name in shown:
            continue
        parts = raw if isinstance(raw, Mapping) else {"": raw}
        for part, value in parts.items():
            label = f"{FIELD}{name}" + (f".{part}" if part not in ("", CHOICE) else "")
            for one in value if isinstance(value, list | tuple) else [value]:
                if one is not None:
                    yield label, _field_text(one)


def _field_text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


@cache
def _style() -> str:
    return "".join(line.strip() for line in (HERE / "survey.css").read_text("utf-8").splitlines())


@cache
def beacon() -> str:
    """Tells that a person looks at the page: at the first movement, for scanners of mail open pages as well."""
    return "".join(line.strip() for line in (HERE / "seen.js").read_text("utf-8").splitlines())


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader([HERE, MARKUP, catalogue.FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
