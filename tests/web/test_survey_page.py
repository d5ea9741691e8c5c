"""The page on which surveys are answered and the widget's script: small, whole, in any language, and never code."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from wellheard.surveys.catalogue import question_types
from wellheard.surveys.shelf import templates
from wellheard.surveys.survey import Survey, survey_from
from wellheard.surveys.words import ENGLISH, LANGUAGES
from wellheard.web.survey_page import HONEYPOT, Page, Sheet, beacon, closed_page, ink_on, question_page, thanks_page
from wellheard.web.widget.script import shown, widget_script

LARGEST_PAGE = 30_000  # bytes, the whole of what a browser loads
LARGEST_WIDGET = 6_000  # bytes, gzipped


def _addressed(language: str) -> str:
    return f"?lang={language}&i=" + "x" * 22


def _sheet(survey: Survey, language: str = ENGLISH, **more: Any) -> Sheet:
    return Sheet(survey, language, "/s/abc", address=_addressed, **more)


def _every_type(text: str, brand: str = "Larkfield") -> Survey:
    """A survey with a question of each type, whose own words are all the same text."""
    questions = []
    for name, type_ in question_types().items():
        options = next((dict(example.options) for example in type_.examples if example.options), {})
        options |= {"of": "nps"} if "of" in options else {}
        words = dict.fromkeys(("title", *type_.makes_words(type_.options(**options))), text)
        questions.append({"id": name, "type": name, "options": options, "words": {"en": words}})
    questions.sort(key=lambda q: q["id"] != "nps")
    ends = [{"link": "https://example.com/?a=b", "words": {"en": {"title": text, "text": text, "link": text}}}]
    told = {"title": text, "intro": text}
    branding = {"name": brand[:80]}
    return survey_from(
        {"id": "s", "name": "S", "branding": branding, "words": {"en": told}, "questions": questions, "thanks": ends}
    )


def _pages(survey: Survey, language: str = ENGLISH, **more: Any) -> list[Page]:
    asked = [question_page(_sheet(survey, language, step=step, **more)) for step in range(len(survey.steps))]
    return [*asked, thanks_page(_sheet(survey, language)), closed_page(_sheet(survey, language))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_at_most_30_kb_in_all(language: str) -> None:
    sizes = {
        template.id: max(len(page.html.encode()) for page in _pages(template, language))
        for template in templates().values()
    }
    assert {id: size for id, size in sizes.items() if size > LARGEST_PAGE} == {}


def test_the_page_with_every_question_type_is_at_most_30_kb_and_loads_nothing() -> None:
    for page in _pages(_every_type("What do you think?")):
        assert len(page.html.encode()) <= LARGEST_PAGE
        assert re.findall(r"<(?:script|link|img|iframe|object|embed)|url\(|@import", page.html) == []


def test_the_policy_takes_this_style_and_nothing_else() -> None:
    page = question_page(_sheet(templates()["recommendation"]))
    (style,) = re.findall(r"<style>(.*?)</style>", page.html, re.DOTALL)
    mark = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{mark}';")
    assert "frame-ancestors 'none'" in policy
    assert " style=" not in page.html


@pytest.mark.parametrize(("language", "written"), [("en", "ltr"), ("ar", "rtl"), ("ja", "ltr")])
def test_language_and_direction_are_said(language: str, written: str) -> None:
    html = question_page(_sheet(templates()["recommendation"], language)).html
    assert f'<html lang="{language}" dir="{written}">' in html
    assert html.count("hreflang=") == 12


def test_a_preselected_score_has_a_button_that_confirms_it() -> None:
    html = question_page(_sheet(templates()["recommendation"], answers={"recommend": "9"}, preselected=True)).html
    assert re.findall(r'value="(\d+)" checked', html) == ["9"]
    assert "Send this answer" in html
    assert '<form method="post" action="/s/abc">' in html


def test_the_follow_up_fits_the_score_and_brings_the_score_along() -> None:
    survey = templates()["recommendation"]
    for score, words in (("2", "What went wrong"), ("8", "What would have made it better"), ("10", "did you like")):
        html = question_page(_sheet(survey, answers={"recommend": score}, step=1)).html
        assert words in html
        assert f'<input type="hidden" name="a.recommend" value="{score}">' in html


def test_what_is_wrong_stands_at_its_question() -> None:
    html = question_page(_sheet(templates()["recommendation"], faults={"recommend": "missing"})).html
    assert 'aria-describedby="fault-recommend"' in html
    assert '<p class="fault" id="fault-recommend">Please answer this question.</p>' in html
    assert 'role="alert"' in html


def test_a_program_finds_a_field_that_no_person_sees() -> None:
    html = question_page(_sheet(templates()["recommendation"])).html
    assert re.search(rf'aria-hidden="true"><input type="text" name="{HONEYPOT}" tabindex="-1"', html)


def test_a_question_whose_condition_does_not_hold_is_not_shown() -> None:
    survey = templates()["first-contact-resolution"]
    assert "a.open" not in question_page(_sheet(survey, answers={"solved": "yes"}, step=1)).html
    assert "a.open" in question_page(_sheet(survey, answers={"solved": "no"}, step=1)).html


def test_test_mode_and_anonymity_are_said() -> None:
    survey = templates()["ease"].model_copy(update={"test": True, "anonymous": True})
    html = question_page(_sheet(survey)).html
    assert "Test: this answer does not count." in html
    assert "This survey is anonymous." in html
    assert "AAAA-BBBB" in thanks_page(_sheet(survey), receipt="AAAA-BBBB").html


def test_S8_hostile_words_and_answers_stay_words_on_every_page(
    hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    for text in hostile:
        survey = _every_type(text, text)
        answers = {q.id: text for q in survey.questions}
        hidden = {"i": text, "lang": text}
        for page in _pages(survey, answers=answers, hidden=hidden):
            ours = f"<script>{beacon()}</script>"  # the policy admits it by its hash, and nothing else
            harmless(page.html.replace("https://example.com/?a=b", "/").replace(ours, ""))
            assert page.html.count("<style>") == 1


def test_S8_none_of_140_hostile_texts_gets_out_of_a_page(
    corpus: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    assert len(set(corpus)) == 140
    told = {"id": "s", "name": "S", "questions": [{"id": "q", "type": "text"}, {"id": "n", "type": "nps"}]}
    for text in corpus:
        words = {"en": {"title": text, "intro": text}}
        own = [{**question, "words": {"en": {"title": text}}} for question in told["questions"]]
        survey = survey_from({**told, "words": words, "questions": own, "branding": {"name": text[:80]}})
        harmless(question_page(_sheet(survey, answers={"q": text, "n": text}, hidden={"key": text})).html)
        harmless(thanks_page(_sheet(survey), receipt=text).html)


@pytest.mark.parametrize("colour", ["#1f5c57", "#ffffff", "#000000", "#ffcc00", "#777777", "#d00000"])
def test_the_words_on_a_button_can_be_read_on_any_colour(colour: str) -> None:
    def light(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    darker, lighter = sorted((light(colour), light(ink_on(colour))))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_widget_is_one_script_of_at_most_6_kb_gzipped() -> None:
    script = widget_script()
    assert len(gzip.compress(script.text.encode(), 9)) <= LARGEST_WIDGET
    assert "TYPES" not in script.text
    assert "CSS_TEXT" not in script.text
    for name in question_types():
        assert f'type("{name}",' in script.text


def test_the_widget_s_name_changes_with_its_text() -> None:
    script = widget_script()
    assert script.name == f"wellheard-{hashlib.sha256(script.text.encode()).hexdigest()[:12]}.js"


def test_the_widget_uses_no_cookie_no_code_from_text_and_no_other_site() -> None:
    text = widget_script().text
    assert re.findall(r"cookie|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[\w.]+", text) == []
    assert re.findall(r"\bimport\b|\brequire\b", text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_widget_is_told_is_plain_and_says_nothing_internal(language: str) -> None:
    survey = templates()["after-support"].model_copy(update={"key": "a" * 32, "origins": ("https://a.example",)})
    told = json.dumps(shown(survey, language))
    assert "aaaa" not in told
    assert "a.example" not in told
    assert json.loads(told)["words"]["send"]
