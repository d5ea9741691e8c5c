"""Surveys as they are written: what a file may say, what is wrong with one, and what a survey knows of itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from wellheard.base.errors import BadCall, BadInput, Unknown
from wellheard.metrics.emotions import PLEASANT, UNPLEASANT
from wellheard.surveys.catalogue import PARTS, missing_words, question_types, standard_words
from wellheard.surveys.shelf import Shelf, survey_text, templates
from wellheard.surveys.survey import Survey, read_survey, survey_of
from wellheard.surveys.words import ENGLISH, INTERFACE, LANGUAGES, direction, standard

WHOLE = """
name = "After support"
touchpoint = "support"
languages = ["de", "en"]
anonymous = true
edit_minutes = 10
origins = ["https://www.example.com", "http://localhost:8000"]

[branding]
name = "Larkfield"
accent = "#AA3300"

[words.de]
title = "Wie war es bei {brand}?"

[[questions]]
id = "satisfied"
type = "satisfaction"
required = true
options = { look = "stars" }

[[questions]]
id = "why"
type = "followup"
options = { of = "satisfied" }
words.de = { low = "Was war schlecht?" }

[[questions]]
id = "part"
type = "choice"
when = { question = "satisfied", at_most = 3 }
options = { choices = ["price", "help"], other = true }
words.de = { title = "Woran lag es?", price = "Am Preis", help = "An der Hilfe" }
words.en = { title = "What was it?", price = "The price", help = "The help" }

[[thanks]]
when = [{ question = "satisfied", outcome = ["high"] }]
link = "https://www.example.com/review"
words.en = { title = "Lovely", text = "Tell others?", link = "Review us" }
"""


def _survey(text: str = WHOLE) -> Survey:
    return survey_of(text, "after-support.toml", id="after-support")


def _fault(text: str) -> BadInput:
    with pytest.raises(BadInput) as refused:
        _survey(text)
    return refused.value


def test_a_file_becomes_a_survey_and_the_survey_the_same_file_again() -> None:
    survey = _survey()
    assert survey.id == "after-support"
    assert survey.branding.accent == "#aa3300"
    assert survey.question("satisfied").options.look == "stars"  # type: ignore[attr-defined]
    assert survey.thanks[0].when[0].outcome == ("high",)
    assert survey_of(survey_text(survey)) == survey


def test_what_depends_on_an_answer_stands_on_a_later_page() -> None:
    assert [[q.id for q in page] for page in _survey().steps] == [["satisfied"], ["why", "part"]]


def test_words_fall_back_key_by_key_and_own_words_replace_the_standard_in_every_tongue() -> None:
    survey = _survey()
    german = survey.asked(survey.question("satisfied"), "de")
    english = survey.asked(survey.question("satisfied"), "en")
    assert german.word("title") == "Wie zufrieden waren Sie mit Ihrem Erlebnis mit Larkfield?"
    assert english.word("high") == "Very satisfied"
    assert (german.version, english.version) == ("satisfaction-1", "satisfaction-1")
    why = survey.question("why")
    assert survey.asked(why, "en").word("low") == "Was war schlecht?"  # own, and only in German: no other question
    assert survey.asked(why, "en").word("high") == "What did you like most?"


def test_a_changed_word_is_another_version_of_the_wording() -> None:
    survey = _survey()
    first = survey.asked(survey.question("why"), "de").version
    other = _survey(WHOLE.replace("Was war schlecht?", "Was war schlimm?"))
    assert first.startswith("own-")
    assert other.asked(other.question("why"), "de").version not in (first, "followup-1")


def test_the_main_question_of_a_kind_is_the_first_or_the_one_that_says_so() -> None:
    two = 'name = "Two"\n[[questions]]\nid = "a"\ntype = "nps"\n[[questions]]\nid = "b"\ntype = "nps"\n'
    assert _survey(two).mains == {"a"}
    assert _survey(two + "main = true\n").mains == {"b"}
    assert _survey().mains == {"satisfied"}


@pytest.mark.parametrize(
    ("was", "now", "field", "words"),
    [
        ("satisfaction", "delight", "questions[0].type", "no question type 'delight'"),
        ("stars", "hearts", "questions[0].options.look", "'numbers', 'stars' or 'faces'"),
        ('of = "satisfied"', 'of = "later"', None, "why depends on later, which is no earlier question"),
        ('id = "why"', 'id = "satisfied"', None, "two questions are called satisfied"),
        ('{ low = "Was war', '{ lowest = "Was war', "questions[1]", "words.de.lowest is no word of this question"),
        ('"Am Preis"', '""', None, "part has no words.de.price"),
        ('"#AA3300"', '"red; } body { display: none"', "branding.accent", "pattern"),
        ("https://www.example.com/review", "javascript:alert(1)", "thanks[0].link", "pattern"),
        ('"http://localhost:8000"', '"*"', "origins[1]", "pattern"),
        ("edit_minutes", "edit_minuets", "edit_minuets", "not permitted"),
        ('name = "After support"', "", "name", "required"),
    ],
)
def test_a_wrong_file_is_refused_with_its_field(was: str, now: str, field: str | None, words: str) -> None:
    error = _fault(WHOLE.replace(was, now, 1))
    assert error.place.file == "after-support.toml"
    assert error.field == field
    assert words in error.message


def test_every_wrong_field_is_named_at_once() -> None:
    error = _fault(WHOLE.replace("satisfaction", "delight").replace("edit_minutes = 10", "edit_minutes = -1"))
    assert "questions[0].type" in error.message
    assert "edit_minutes" in error.message


def test_what_is_no_toml_names_its_line() -> None:
    assert "line 1" in _fault("name = oh\n").message


def test_the_shelf_keeps_versions_and_never_loses_a_change_of_somebody_else(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "surveys")
    assert shelf.surveys() == ([], {})
    first = shelf.save(_survey(), replaces=None)
    assert first.version == 1
    assert shelf.survey("after-support") == first
    second = shelf.save(first.model_copy(update={"name": "Renamed"}), replaces=1)
    assert (second.version, shelf.survey("after-support").name) == (2, "Renamed")
    with pytest.raises(BadCall, match="version 2 was saved while you changed version 1"):
        shelf.save(first, replaces=1)
    with pytest.raises(BadCall, match="already"):
        shelf.save(first, replaces=None)
    assert [path.name for path in shelf.folder.iterdir()] == ["after-support.toml"]


def test_one_bad_file_leaves_the_others_on_the_shelf(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.save(_survey(), replaces=None)
    (tmp_path / "broken.toml").write_text("name = 1", "utf-8")
    surveys, faulty = shelf.surveys()
    assert [survey.id for survey in surveys] == ["after-support"]
    assert list(faulty) == ["broken"]


@pytest.mark.parametrize("id", ["../secret", "A", "", "a/b", ".hidden", "a" * 61])
def test_no_name_leads_out_of_the_shelf(tmp_path: Path, id: str) -> None:
    with pytest.raises(BadCall):
        Shelf(tmp_path).survey(id)


def test_an_unknown_survey_says_which_there_are(tmp_path: Path) -> None:
    Shelf(tmp_path).save(_survey(), replaces=None)
    with pytest.raises(Unknown) as refused:
        Shelf(tmp_path).survey("other")
    assert "after-support" in refused.value.hint


def test_a_file_that_is_called_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('id = "b"\n' + WHOLE, "utf-8")
    with pytest.raises(BadInput, match="its id is 'b'"):
        read_survey(tmp_path / "a.toml")


def test_there_is_a_ready_template_for_every_kind_of_survey_kpi() -> None:
    kinds = {q.kind_of.kind for template in templates().values() for q in template.questions}
    assert kinds >= {"nps", "csat", "ces", "intent", "emotion", "fcr"}
    for template in templates().values():
        assert set(template.languages) == set(LANGUAGES)


def test_emotions_are_those_whose_side_the_kpi_knows() -> None:
    items = set(standard_words("emotions").by_language[ENGLISH]) - {"title", "low", "high"}
    assert items <= {*PLEASANT, *UNPLEASANT}
    default = question_types()["emotions"].options().items  # type: ignore[attr-defined]
    assert set(default) & set(PLEASANT)
    assert set(default) & set(UNPLEASANT)


def test_the_words_of_the_pages_are_there_in_every_language() -> None:
    words = standard(INTERFACE)
    assert words.read_by_natives == ("en",)
    for language in LANGUAGES:
        assert words.missing(language) == ()
        told = tomllib.loads(INTERFACE.read_text("utf-8"))[language]
        assert {"{n}", "{most}"} <= set(told["point_of"].replace("{", " {").replace("}", "} ").split())
    assert [language for language in LANGUAGES if direction(language) == "rtl"] == ["ar"]


def test_the_survey_in_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "surveys.md").read_text("utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    survey = survey_of(text, id="after-support")
    assert [len(step) for step in survey.steps] == [1, 2]
    assert {name for name in question_types() if f"`{name}`" in page} == set(question_types())


@pytest.mark.slow
def test_a_new_question_type_is_one_new_folder(tmp_path: Path) -> None:
    repo = Path(__file__).parents[2]
    guide = (repo / "CONTRIBUTING.md").read_text("utf-8").partition("## Add a question type")[2]
    shutil.copytree(repo / "src", tmp_path / "src")
    folder = tmp_path / "src" / "wellheard" / "surveys" / "questions" / "thumb"
    folder.mkdir()
    for language, name in zip(("python", "html", "js", "toml"), PARTS, strict=True):
        block = re.search(rf"^```{language}\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
        assert block is not None
        (folder / name).write_text(block.group(1), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/contracts/test_questions.py", "-n0", "-k", "thumb"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PYTEST_ADDOPTS": ""},
        cwd=repo,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\b1[0-9] passed", done.stdout), done.stdout[-3000:]


def test_the_standard_wordings_are_there_in_every_language() -> None:
    missing = missing_words()
    for name in (
        "nps",
        "satisfaction",
        "ease",
        "intent",
        "emotions",
        "resolution",
        "choice",
        "choices",
        "text",
        "followup",
    ):
        assert missing[name] == {}
        assert standard_words(name).read_by_natives == ("en",)
