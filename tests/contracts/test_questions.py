"""What every question type keeps. A type is found by its folder; its own examples say what it takes and refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from wellheard.surveys.catalogue import FOLDER, PARTS, missing_words, part_of, question_types, standard_words
from wellheard.surveys.question import LONGEST_TEXT, BadAnswer, Example, QuestionType, is_empty
from wellheard.surveys.reading import from_form, read_answers
from wellheard.surveys.survey import Survey, survey_from
from wellheard.surveys.words import ENGLISH, LANGUAGES
from wellheard.tables.catalogue import table
from wellheard.web.survey_page import Sheet, question_markup

TYPES = question_types()
EXAMPLES = [(name, example) for name, type_ in TYPES.items() for example in type_.examples]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(EXAMPLES)]
HOSTILE = "\"><script>x</script><img src=x onerror='x'>{{ 7*7 }}"
JUNK: tuple[Any, ...] = (
    -1, 10**30, 1.5, float("nan"), True, "１", "<script>", "x" * 100_000, "\x00", [1], [[]], [None, "x"], {"x": 1},
    {"choice": ["x", 1]}, {"choice": {"choice": 1}}, {"other": 5}, {1: 2}, {"done": []}, {"happy": {}}, b"x", "\ud800",
)  # fmt: skip


def _survey(type_name: str, options: dict[str, Any] | None = None, **words: str) -> Survey:
    """A survey in which the last question, `asked`, is of a type; an earlier one is there for it to speak of."""
    type_ = TYPES[type_name]
    told = dict(_options(type_) if options is None else options)
    own = {key: f"The {key}" for key in type_.makes_words(type_.options(**told))} | words
    question = {"id": "asked", "type": type_name, "options": told, "words": {ENGLISH: own} if own else {}}
    return survey_from({"id": "s", "name": "S", "questions": [{"id": "earlier", "type": "nps"}, question]})


def _options(type_: QuestionType) -> dict[str, Any]:
    return next((dict(example.options) for example in type_.examples if example.options), {})


class _Form(HTMLParser):
    """Reads a piece of a page as a browser does: its fields with their names, and which of them would be sent."""

    VOID = frozenset({"input", "path", "circle", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.fields: list[dict[str, Any]] = []
        self.labels: dict[str, str] = {}
        self.legends = 0
        self.fieldsets = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.attributes |= set(given)
        self.fieldsets += tag == "fieldset"
        self.legends += tag == "legend"
        if tag in ("input", "textarea"):
            self.fields.append({"tag": tag, "text": "", "label": given.get("aria-label") or "", **given})
        if tag not in self.VOID:
            self.open.append((tag, {**given, "_field": str(len(self.fields))}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while tag not in self.VOID and self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag, given in self.open:
            if tag == "label" and given.get("for"):
                self.labels[str(given["for"])] = self.labels.get(str(given["for"]), "") + data.strip()
            elif tag == "label":
                self.fields[-1]["label"] += data.strip()
            elif tag == "textarea":
                self.fields[-1]["text"] += data

    def named(self) -> Iterator[tuple[str, str]]:
        """Every field with what a reader of the screen hears of it."""
        for one in self.fields:
            yield str(one["name"]), one["label"] or self.labels.get(str(one.get("id")), "")

    def sent(self) -> list[tuple[str, str]]:
        """What a browser sends of it."""
        pairs = []
        for one in self.fields:
            if one["tag"] == "textarea":
                pairs.append((one["name"], one["text"]))
            elif one.get("type") not in ("radio", "checkbox") or "checked" in one:
                pairs.append((one["name"], one.get("value") or ""))
        return pairs


def _drawn(survey: Survey, raw: Any = "", language: str = ENGLISH) -> _Form:
    answers = {"asked": raw} if not is_empty(raw) else {}
    form = _Form()
    form.feed(str(question_markup(Sheet(survey, language, "/", answers=answers), survey.question("asked"))))
    return form


def test_every_folder_is_a_type_with_all_its_parts() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(TYPES)
    assert [(name, part) for name in TYPES for part in PARTS if not part_of(name, part).is_file()] == []


@pytest.mark.parametrize("name", TYPES)
def test_it_says_what_it_takes_and_what_it_refuses(name: str) -> None:
    type_ = TYPES[name]
    assert type_.title
    assert type_.about.endswith(".")
    assert any(example.rows is None for example in type_.examples)
    assert any(example.rows is not None for example in type_.examples)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=IDS)
def test_an_answer_gives_the_rows_it_should_or_is_refused(name: str, example: Example) -> None:
    survey = _survey(name, dict(example.options))
    asked = survey.asked(survey.question("asked"), ENGLISH)
    if example.rows is None:
        with pytest.raises(BadAnswer) as refused:
            TYPES[name].read(asked, example.raw)
        assert refused.value.field == "asked"
        assert refused.value.word in ("missing", "not_offered", "too_long")
        return
    rows = [answer.fields() for answer in TYPES[name].read(asked, example.raw)]
    assert [{key: row.get(key) for key in wanted} for row, wanted in zip(rows, example.rows, strict=True)] == [
        dict(wanted) for wanted in example.rows
    ]
    _assert_legal(name, rows)


def _assert_legal(name: str, rows: list[dict[str, Any]]) -> None:
    """Rows that the canonical table takes, each of which says its question, kind and wording."""
    columns = table("survey_responses").by_name
    assert len({row["question_id"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row) <= {*columns, "attributes"}
        assert row["kind"] == TYPES[name].kind
        assert row["kind"] in columns["kind"].one_of
        assert row["question_id"] == "asked" or row["question_id"].startswith("asked-")
        assert row["question_version"]
        assert {"score", "choice", "comment"} & set(row)
        assert len(row.get("comment", "")) <= LONGEST_TEXT
        if "score" in row:
            assert row["scale_min"] <= row["score"] <= row["scale_max"]
        if row["kind"] not in ("custom", "intent"):
            assert row["direction"] in columns["direction"].one_of


@pytest.mark.parametrize("name", TYPES)
def test_whatever_is_sent_is_read_or_refused(name: str) -> None:
    survey = _survey(name)
    asked = survey.asked(survey.question("asked"), ENGLISH)
    taken = 0
    for raw in JUNK:
        try:
            rows = [answer.fields() for answer in TYPES[name].read(asked, raw)]
        except BadAnswer:
            continue
        taken += 1
        _assert_legal(name, rows)
    assert taken < len(JUNK) / 2


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=IDS)
def test_the_page_shows_an_answer_and_sends_it_again_as_it_was(name: str, example: Example) -> None:
    survey = _survey(name, dict(example.options))
    form = _drawn(survey, example.raw)
    if example.rows is None:
        return  # it must only be drawn without a failure
    again = from_form(form.sent())
    assert read_answers(survey, again, ENGLISH).answers == read_answers(survey, {"asked": example.raw}, ENGLISH).answers


@pytest.mark.parametrize("language", [ENGLISH, "ar"])
@pytest.mark.parametrize("name", TYPES)
def test_the_page_needs_no_script_and_names_every_field(name: str, language: str) -> None:
    form = _drawn(_survey(name), language=language)
    assert form.fields
    assert form.fieldsets == form.legends
    assert {tag for tag in form.tags if tag in ("script", "iframe", "object", "style", "link")} == set()
    assert [a for a in form.attributes if a.startswith("on") or a == "style"] == []
    for field, said in form.named():
        assert re.fullmatch(r"a\.asked(\.[a-z]+)?", field)
        assert said


@pytest.mark.parametrize("name", TYPES)
def test_hostile_words_stay_words(name: str) -> None:
    keys = standard_words(name).by_language[ENGLISH]
    calm = _drawn(_survey(name, title="x"), "x")
    form = _drawn(_survey(name, **dict.fromkeys((*keys, "title"), HOSTILE)), HOSTILE)
    assert form.tags <= calm.tags | {"small"}
    assert "onerror" not in form.attributes
    markup = str(question_markup(Sheet(_survey(name, title=HOSTILE), ENGLISH, "/"), _survey(name).question("asked")))
    assert "<script>" not in markup
    assert "49" not in markup


@pytest.mark.parametrize("name", TYPES)
def test_english_is_whole_and_other_tongues_add_nothing_of_their_own(name: str) -> None:
    standard = standard_words(name)
    english = standard.by_language[ENGLISH]
    type_ = TYPES[name]
    assert ENGLISH in standard.read_by_natives
    assert [key for key, text in english.items() if not text and key not in ("title",)] == []
    made = type_.makes_words(type_.options(**_options(type_)))
    assert english["title"] or "title" in made
    for language, words in standard.by_language.items():
        assert set(words) <= set(english)
        assert [key for key, text in words.items() if ("{brand}" in text) != ("{brand}" in english[key])] == []
        assert language in LANGUAGES


@pytest.mark.parametrize("name", TYPES)
def test_a_tongue_without_words_falls_back_to_english_and_is_listed(name: str) -> None:
    standard = standard_words(name)
    assert dict(standard.in_language("fi")) == dict(standard.by_language[ENGLISH])
    assert set(missing_words(["fi"])[name]["fi"]) == {k for k, text in standard.by_language[ENGLISH].items() if text}


@pytest.mark.parametrize("name", TYPES)
def test_the_widget_draws_it_without_code_from_text(name: str) -> None:
    script = part_of(name, "widget.js").read_text("utf-8")
    assert f'type("{name}",' in script
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function|import", script) == []
