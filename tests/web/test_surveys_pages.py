"""The designer: a survey is made from a template, changed, previewed and saved, with and without mistakes."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wellheard.app import Workspace
from wellheard.serving import services_of
from wellheard.surveys.catalogue import question_types
from wellheard.surveys.shelf import Shelf
from wellheard.web.server import make_app
from wellheard.web.survey_form import done, name_of

Made = Callable[..., str]


@pytest.fixture(scope="module")
def opened(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Shelf]]:
    """The pages over a shelf of this file's own; the data are those that all tests share."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    app = make_app(replace(services_of(workspace), surveys=shelf), warm=False)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client, shelf


@pytest.fixture
def shelf(opened: tuple[TestClient, Shelf]) -> Shelf:
    for path in opened[1].folder.iterdir():
        path.unlink()
    return opened[1]


@pytest.fixture
def pages(opened: tuple[TestClient, Shelf], shelf: Shelf) -> TestClient:
    return opened[0]


@pytest.fixture
def token(pages: TestClient) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', pages.get("/surveys/new").text)
    assert found is not None
    return found.group(1)


@pytest.fixture
def make(pages: TestClient, token: str) -> Made:
    """Makes a survey by the page for new ones; gives its id."""

    def made(template: str = "recommendation", **told: str) -> str:
        form = {"form_token": token, "template": template, "name": "Mine", "brand": "Larkfield", **told}
        answer = pages.post("/surveys/new", data=form, follow_redirects=False)
        assert answer.status_code == 303
        return str(answer.headers["location"].rpartition("/")[2])

    return made


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the designer's form, with nothing changed."""
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if given.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in given:
            fields.setdefault(html.unescape(given["name"]), []).append(html.unescape(given.get("value", "on")))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', page):
        fields[name] = [html.unescape(text)]
    for name, inside in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        picked = re.search(r"<option(?: value=\"([^\"]*)\")? selected>([^<]*)", inside)
        first = re.search(r"<option(?: value=\"([^\"]*)\")?>([^<]*)", inside)
        chosen = picked or first
        fields[name] = [(chosen.group(1) if chosen.group(1) is not None else chosen.group(2)) if chosen else ""]
    return fields


def send(client: TestClient, id: str, do: str, **changes: Any) -> Any:
    """Opens the designer, changes fields (None takes one away) and presses a button."""
    fields = fields_of(client.get(f"/surveys/{id}").text)
    fields |= {name.replace("__", "."): value for name, value in changes.items()}
    data = {name: value for name, value in fields.items() if value is not None}
    return client.post(f"/surveys/{id}", data={**data, "do": do}, follow_redirects=False)


def test_without_surveys_the_list_leads_on(pages: TestClient) -> None:
    page = pages.get("/surveys").text
    assert "There is no survey yet." in page
    assert 'href="/surveys/new"' in page


def test_a_new_survey_begins_in_test_mode_as_a_file(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make(name="Wie geht’s? Été!")
    survey = shelf.survey(id)
    assert id == "wie-gehts-ete"
    assert (survey.version, survey.test, survey.branding.name) == (1, True, "Larkfield")
    page = pages.get("/surveys").text
    assert "Wie geht’s? Été!" in page
    assert ">test<" in page
    assert make(name="Wie geht’s? Été!") == "wie-gehts-ete-2"


def test_opening_and_saving_changes_nothing_but_the_version(pages: TestClient, make: Made, shelf: Shelf) -> None:
    for template in ("after-support", "emotions", "visitor-intent", "first-contact-resolution"):
        id = make(template, name=template)
        before = shelf.survey(id)
        assert send(pages, id, "save").status_code == 303
        assert shelf.survey(id) == before.model_copy(update={"version": 2})


def test_words_logic_languages_and_branding_are_saved(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make("satisfaction")
    assert send(pages, id, "thank").status_code == 200
    changed = {
        "q__0__w__title": ["How was {brand}?"],
        "q__0__o__look": ["stars"],
        "q__1__required": ["on"],
        "q__1__when__question": ["satisfied"],
        "q__1__when__at_most": ["3"],
        "q__1__id": ["reason"],
        "s__languages": ["en", "fi"],
        "s__accent": ["#aa3300"],
        "s__origins": ["https://a.example\nhttps://b.example"],
        "s__test": None,
        "s__anonymous": ["on"],
    }
    assert send(pages, id, "save", **changed).status_code == 303
    survey = shelf.survey(id)
    first, second = survey.questions
    assert survey.asked(first, "fi").word("title") == "How was Larkfield?"
    assert first.options.look == "stars"  # type: ignore[attr-defined]
    assert (second.id, second.required, second.when[0].at_most) == ("reason", True, 3)
    assert survey.languages == ("en", "fi")
    assert survey.origins == ("https://a.example", "https://b.example")
    assert (survey.test, survey.anonymous, survey.branding.accent) == (False, True, "#aa3300")


def test_a_question_that_is_renamed_keeps_what_depends_on_it(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make("satisfaction")
    assert send(pages, id, "save", q__0__id=["happy"], q__1__o__of=["satisfied"]).status_code == 303
    assert shelf.survey(id).questions[1].options.of == "happy"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", question_types())
def test_every_type_can_be_added_and_saved_as_it_is(name: str, pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make("ease")
    page = send(pages, id, f"add:{name}")
    assert page.status_code == 200
    assert "Changed, and not saved yet." in page.text
    assert len(shelf.survey(id).questions) == 2
    data = fields_of(page.text) | {"do": ["save"]}
    if name == "followup":
        data["q.2.o.of"] = ["why"]  # the other follow-up has taken the score
    assert pages.post(f"/surveys/{id}", data=data, follow_redirects=False).status_code == 303
    assert shelf.survey(id).questions[2].type == name


def test_options_are_lines_of_key_and_words(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make("ease")
    data = fields_of(send(pages, id, "add:choice").text)
    data |= {"q.2.o.choices": ["price: The price\nFriendly staff\n"], "do": ["save"]}
    assert pages.post(f"/surveys/{id}", data=data, follow_redirects=False).status_code == 303
    question = shelf.survey(id).questions[2]
    assert question.options.choices == ("price", "friendly-staff")  # type: ignore[attr-defined]
    assert dict(question.words["en"]) == {
        "title": "Your question",
        "price": "The price",
        "friendly-staff": "Friendly staff",
    }


def test_a_mistake_is_named_and_nothing_of_the_draft_is_lost(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make()
    answer = send(pages, id, "save", s__origins=["everywhere"], q__0__w__title=["Kept?"])
    assert answer.status_code == 422
    assert "origins[0]" in answer.text
    assert 'value="Kept?"' in answer.text
    assert shelf.survey(id).version == 1


def test_two_who_change_one_survey_do_not_overwrite_each_other(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make()
    mine = fields_of(pages.get(f"/surveys/{id}").text)
    assert send(pages, id, "save", s__name=["Theirs"]).status_code == 303
    answer = pages.post(f"/surveys/{id}", data=mine | {"do": ["save"]}, follow_redirects=False)
    assert answer.status_code == 422
    assert "version 2 was saved while you changed version 1" in answer.text.lower()
    assert shelf.survey(id).name == "Theirs"


def test_a_form_from_elsewhere_changes_nothing(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make()
    for path in (f"/surveys/{id}", "/surveys/new", "/surveys/preview"):
        assert pages.post(path, data={"do": "save", "form_token": "0" * 64}).status_code == 403
    assert shelf.survey(id).version == 1


def test_the_preview_shows_the_draft_in_a_frame_of_ours_alone(pages: TestClient, make: Made) -> None:
    id = make()
    fields = fields_of(pages.get(f"/surveys/{id}").text)
    answer = pages.post("/surveys/preview", data=fields | {"q.0.w.title": ["Draft words?"]})
    assert "Draft words?" in answer.text
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "frame-src 'self'" in pages.get(f"/surveys/{id}").headers["content-security-policy"]
    ended = pages.post("/surveys/preview", data=fields | {"page": ["thanks:"]})
    assert "Your answer has reached us." in ended.text
    faulty = pages.post("/surveys/preview", data=fields | {"s.languages": ["x"], "s.first": ["x"]})
    assert "languages[0]" in faulty.text
    assert "frame-ancestors 'self'" in faulty.headers["content-security-policy"]


def test_the_preview_shows_a_follow_up_as_each_outcome_words_it(pages: TestClient, make: Made) -> None:
    id = make("satisfaction")
    page = pages.get(f"/surveys/{id}").text
    assert [key for key in re.findall(r'<option value="([\w:]+)"', page) if key[0].isdecimal()] == [
        "0", "1:high", "1:middle", "1:low",
    ]  # fmt: skip
    said = {
        "high": "What did you like most?",
        "middle": "What would have made it better?",
        "low": "What went wrong, and what should we do better?",
    }
    for outcome, words in said.items():
        assert words in pages.get(f"/surveys/{id}/preview?page=1:{outcome}").text
    assert pages.get(f"/surveys/{id}/preview?page=99999:nonsense").status_code == 200


def test_a_file_that_is_wrong_is_shown_with_its_fault(pages: TestClient, make: Made, shelf: Shelf) -> None:
    make()
    (shelf.folder / "broken.toml").write_text('name = "x"\nquestions = [{ id = "a", type = "magic" }]\n', "utf-8")
    page = pages.get("/surveys").text
    assert "broken.toml" in page
    assert "magic" in page
    assert pages.get("/surveys/broken").status_code == 422
    assert pages.get("/surveys/nowhere").status_code == 404


def test_the_file_can_be_taken_to_git(pages: TestClient, make: Made, shelf: Shelf) -> None:
    id = make()
    assert pages.get(f"/surveys/{id}/file").text == shelf.path(id).read_text("utf-8")


def test_S8_hostile_words_stay_words_in_the_designer(
    pages: TestClient, make: Made, hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    fields = ("q.0.w.title", "q.0.w.low", "q.0.w.high", "sw.title", "sw.intro", "s.touchpoint")
    id = make(name=" ".join(hostile)[:120], brand=hostile[1])
    changes = {field: [text] for field, text in zip(fields, hostile, strict=True)}
    assert send(pages, id, "save", **changes).status_code == 303
    framed = re.compile(r"<iframe[^>]*></iframe>")
    for path in ("/surveys", f"/surveys/{id}", f"/surveys/{id}/preview"):
        harmless(framed.sub("", pages.get(path).text))


@pytest.mark.parametrize("draft", ["", "[]", "{}", '{"questions": 1}', "null", "x" * 1000])
def test_a_form_without_a_draft_is_refused(draft: str, pages: TestClient, make: Made, token: str) -> None:
    id = make()
    answer = pages.post(f"/surveys/{id}", data={"form_token": token, "draft": draft, "do": "save"})
    assert answer.status_code == 422
    assert "draft" in answer.text


def test_questions_move_and_go() -> None:
    draft: dict[str, Any] = {"languages": ["en"], "questions": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}

    def order(step: str) -> str:
        return "".join(q["id"] for q in done(json.loads(json.dumps(draft)), step)["questions"])

    assert [order(s) for s in ("up:1", "down:1", "up:0", "down:2", "remove:0", "up:x", "nonsense")] == [
        "bac", "acb", "abc", "abc", "bc", "abc", "abc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "taken", "name"),
    [("Été à Köln", (), "ete-a-koln"), ("日本", (), "option"), ("a", ("a", "a-2"), "a-3"), ("-- x --", (), "x")],
)
def test_a_key_is_made_of_the_words(words: str, taken: tuple[str, ...], name: str) -> None:
    assert name_of(words, taken, "option") == name
