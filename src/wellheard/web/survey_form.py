"""The designer's form: a survey's definition as plain values, the fields that change it, and what the page shows.

The whole draft travels with the form as JSON, so that what a field does not show, such as words of other languages, is
kept, and nothing of a draft lies on the server. A draft need not be right until it is saved.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import FormData

from wellheard.base.errors import BadCall
from wellheard.surveys.catalogue import question_type, question_types, standard_words
from wellheard.surveys.words import ENGLISH
from wellheard.web.asking_form import asking_in

Draft = dict[str, Any]
YES = "on"
CONDITION = ("question", "outcome", "at_least", "at_most", "choice")
HEAD = ("title", "intro")
THANKS = ("title", "text", "link")
LABELS = {
    "title": "Question",
    "low": "Low end",
    "middle": "In between",
    "high": "High end",
    "done": "Whether it could be done",
}


def draft_in(form: FormData) -> Draft:
    """The draft that a form brought, before its fields are taken. Raises BadCall for one that is no draft."""
    try:
        draft = json.loads(str(form.get("draft", "")))
    except ValueError:
        draft = None
    if not isinstance(draft, dict) or not isinstance(draft.get("questions"), list):
        raise BadCall("the form came without its draft", hint="reload the page", field="draft")
    return draft


def with_fields(draft: Draft, form: FormData) -> Draft:
    """The draft with what the fields say, in the language whose words were shown."""
    language = str(form.get("language", ENGLISH))
    made = {**draft, **_head(form)}
    made["branding"] = {"name": _text(form, "s.brand"), "accent": _text(form, "s.accent") or "#1f5c57"}
    made["words"] = _worded(draft.get("words"), language, form, "sw.", HEAD)
    made["questions"] = [_question(q, form, f"q.{i}", language) for i, q in enumerate(draft["questions"])]
    made["thanks"] = [_thanks(t, form, f"t.{i}", language) for i, t in enumerate(draft.get("thanks", []))]
    made["asking"] = asking_in(form, draft.get("asking"))
    renamed = {
        old["id"]: new["id"] for old, new in zip(draft["questions"], made["questions"], strict=True) if old != new
    }
    return _renamed(made, {old: new for old, new in renamed.items() if old != new})


def _head(form: FormData) -> dict[str, Any]:
    languages = [str(value) for value in form.getlist("s.languages")]
    first = str(form.get("s.first", ""))
    return {
        "name": _text(form, "s.name"),
        "touchpoint": _text(form, "s.touchpoint") or None,
        "languages": sorted(languages, key=lambda code: code != first) or [first or ENGLISH],
        "anonymous": form.get("s.anonymous") == YES,
        "open": form.get("s.open") == YES,
        "test": form.get("s.test") == YES,
        "edit_minutes": _number(form, "s.edit_minutes"),
        "origins": _text(form, "s.origins").split(),
    }


def _question(draft: Draft, form: FormData, name: str, language: str) -> Draft:
    if name not in form:
        return draft
    type_ = question_type(draft["type"])
    keys = [*standard_words(draft["type"]).by_language[ENGLISH], "title"]
    made = {**draft, "id": _text(form, f"{name}.id") or draft["id"], "required": form.get(f"{name}.required") == YES}
    made["words"] = _worded(draft.get("words"), language, form, f"{name}.w.", keys)
    made["when"] = _conditions(draft.get("when"), form, f"{name}.when")
    options = dict(draft.get("options") or {})
    for field in option_fields(type_.options.model_json_schema()):
        value = _option(form, f"{name}.o.{field['name']}", field)
        if field["look"] == "checks":  # those that were there keep their order
            before = list(options.get(field["name"]) or field["default"] or [])
            value = [item for item in before if item in value] + [item for item in value if item not in before]
        if field["look"] == "lines":
            value, words = _lines(str(form.get(f"{name}.o.{field['name']}", "")))
            made["words"] = _with_words(
                made["words"], language, words, set(options.get(field["name"], ())) | set(value)
            )
        options[field["name"]] = value
    made["options"] = options
    return made


def _thanks(draft: Draft, form: FormData, name: str, language: str) -> Draft:
    if name not in form:
        return draft
    return {
        "words": _worded(draft.get("words"), language, form, f"{name}.w.", THANKS),
        "when": _conditions(draft.get("when"), form, f"{name}.when"),
        "link": _text(form, f"{name}.link") or None,
    }


def _worded(own: Any, language: str, form: FormData, prefix: str, keys: Any) -> dict[str, dict[str, str]]:
    given = {key: _text(form, prefix + key) for key in keys if prefix + key in form}
    return _with_words(own, language, given, set(given))


def _with_words(own: Any, language: str, given: Mapping[str, str], keys: set[str]) -> dict[str, dict[str, str]]:
    """The words of all languages, those of one replaced; an empty one is none, so that the standard words stand."""
    words = {code: dict(texts) for code, texts in (own or {}).items()}
    here = {key: text for key, text in words.get(language, {}).items() if key not in keys}
    words[language] = here | {key: text for key, text in given.items() if text}
    return {code: texts for code, texts in words.items() if texts}


def _conditions(draft: Any, form: FormData, name: str) -> list[Draft]:
    """The one condition that the form shows; several, which only the file can say, stay as they are."""
    if isinstance(draft, list) and len(draft) > 1:
        return draft
    if not _text(form, f"{name}.question"):
        return []
    told = {
        "question": _text(form, f"{name}.question"),
        "outcome": [str(value) for value in form.getlist(f"{name}.outcome")],
        "at_least": _number(form, f"{name}.at_least"),
        "at_most": _number(form, f"{name}.at_most"),
        "choice": [part for part in re.split(r"[\s,]+", _text(form, f"{name}.choice")) if part],
    }
    return [{key: value for key, value in told.items() if value not in (None, [])}]


def option_fields(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How each option of a type is asked for: look (`select`, `check`, `number`, `checks`, `lines`, `earlier`)."""
    fields = []
    for name, said in schema.get("properties", {}).items():
        kind, items = said.get("type"), said.get("items", {})
        look = {"boolean": "check", "integer": "number", "string": "earlier"}.get(str(kind), "select")
        if kind == "array":
            look = "checks" if "enum" in items else "lines"
        elif "enum" in said:
            look = "select"
        fields.append(
            {
                "name": name,
                "look": look,
                "choices": said.get("enum") or items.get("enum") or [],
                "default": said.get("default"),
                "low": said.get("minimum"),
                "most": said.get("maximum"),
            }
        )
    return fields


def _option(form: FormData, name: str, field: Mapping[str, Any]) -> Any:
    if field["look"] == "check":
        return form.get(name) == YES
    if field["look"] == "checks":
        return [str(value) for value in form.getlist(name)]
    if field["look"] == "number" or (field["choices"] and isinstance(field["choices"][0], int)):
        return _number(form, name)
    return _text(form, name)


def _lines(text: str) -> tuple[list[str], dict[str, str]]:
    """Options and their words of lines such as `price: The price`; without a key it is made of the words."""
    words: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, label = line.partition(":")
        if not colon or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", key.strip()):
            key, label = name_of(line, [*words, "other"], "option"), line
        words[key.strip()] = label.strip()
    return list(words), words


def name_of(words: str, taken: Any, otherwise: str) -> str:
    """A key for what is called so: small letters and digits, and a number where it is taken."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or otherwise
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    return next(name for name in names if name not in taken)


def done(draft: Draft, step: str) -> Draft:
    """The draft after a button: `add:TYPE`, `remove:I`, `up:I`, `down:I`, `thank`, `unthank:I`."""
    verb, _, about = step.partition(":")
    makes: dict[str, Callable[[Draft, str], Draft]] = {
        "add": _added,
        "remove": lambda d, i: {**d, "questions": _without(d["questions"], i)},
        "up": lambda d, i: {**d, "questions": _moved(d["questions"], i, -1)},
        "down": lambda d, i: {**d, "questions": _moved(d["questions"], i, 1)},
        "thank": lambda d, _: {**d, "thanks": [*d.get("thanks", []), {"words": {}, "when": []}]},
        "unthank": lambda d, i: {**d, "thanks": _without(d.get("thanks", []), i)},
    }
    return makes[verb](draft, about) if verb in makes else draft


def _added(draft: Draft, type_name: str) -> Draft:
    type_ = question_type(type_name)
    taken = [q["id"] for q in draft["questions"]]
    question: Draft = {"id": name_of(type_name, taken, "question"), "type": type_name, "options": {}, "words": {}}
    for field in option_fields(type_.options.model_json_schema()):
        if field["look"] == "lines":
            question["options"][field["name"]] = ["first", "second"]
            words = {"title": "Your question", "first": "First option", "second": "Second option"}
            question["words"] = {draft["languages"][0]: words}
        elif field["look"] == "earlier":
            question["options"][field["name"]] = taken[-1] if taken else ""
    return {**draft, "questions": [*draft["questions"], question]}


def _without(items: list[Any], index: str) -> list[Any]:
    return [item for i, item in enumerate(items) if str(i) != index]


def _moved(items: list[Any], index: str, by: int) -> list[Any]:
    moved = list(items)
    i = int(index) if index.isdecimal() else -1
    if 0 <= i < len(moved) and 0 <= i + by < len(moved):
        moved[i], moved[i + by] = moved[i + by], moved[i]
    return moved


def _renamed(draft: Draft, names: Mapping[str, str]) -> Draft:
    """The draft in which everything that named a question by its old id names it by the new one."""
    if not names:
        return draft
    for part in (*draft["questions"], *draft["thanks"]):
        for condition in part.get("when") or []:
            condition["question"] = names.get(condition["question"], condition["question"])
        options = part.get("options") or {}
        if options.get("of") in names:
            options["of"] = names[options["of"]]
    return draft


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _number(form: FormData, name: str) -> Any:
    text = _text(form, name)
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else (text or None)


def shown_draft(draft: Draft, language: str) -> dict[str, Any]:
    """What the page shows of a draft: everything with its words in one language."""
    questions = [_shown_question(draft, i, q, language) for i, q in enumerate(draft["questions"])]
    thanks = [
        {
            "index": i,
            "words": dict.fromkeys(THANKS, "") | (t.get("words") or {}).get(language, {}),
            "link": t.get("link") or "",
            "when": _shown_condition(t.get("when")),
            "earlier": [q["id"] for q in draft["questions"]],
        }
        for i, t in enumerate(draft.get("thanks", []))
    ]
    return {
        "questions": questions,
        "thanks": thanks,
        "own": dict.fromkeys(HEAD, "") | (draft.get("words") or {}).get(language, {}),
        "branding": {"name": "", "accent": "#1f5c57"} | (draft.get("branding") or {}),
        "types": [(name, type_.title, type_.about) for name, type_ in question_types().items()],
    }


def _shown_question(draft: Draft, index: int, question: Draft, language: str) -> dict[str, Any]:
    standard = standard_words(question["type"])
    own = (question.get("words") or {}).get(language, {})
    words = standard.in_language(language)
    options = question.get("options") or {}
    fields = []
    for field in option_fields(question_type(question["type"]).options.model_json_schema()):
        value = options.get(field["name"], field["default"])
        if field["look"] == "lines":
            value = "\n".join(f"{key}: {own.get(key, '')}" for key in value or [])
        fields.append({**field, "value": value, "label": field["name"].replace("_", " ")})
    return {
        "index": index,
        "id": question["id"],
        "title": question_type(question["type"]).title,
        "about": question_type(question["type"]).about,
        "required": bool(question.get("required")),
        "words": [
            {"key": key, "label": LABELS.get(key, key.replace("_", " ")), "value": own.get(key, ""), "standard": text}
            for key, text in words.items()
        ],
        "unread": language not in standard.read_by_natives,
        "fallen": bool(standard.missing(language)),
        "options": fields,
        "earlier": [q["id"] for q in draft["questions"][:index]],
        "when": _shown_condition(question.get("when")),
        "last": index == len(draft["questions"]) - 1,
    }


def _shown_condition(conditions: Any) -> dict[str, Any]:
    listed = conditions if isinstance(conditions, list) else [conditions] if conditions else []
    if len(listed) > 1:
        return {"several": len(listed)}
    told = listed[0] if listed else {}
    return {"several": 0} | {key: told.get(key, [] if key in ("outcome", "choice") else None) for key in CONDITION}
