"""Delighted, which closed in 2026: its answers, people with their schedules, bounces, and who wanted no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from wellheard.sources.exports.answered import ANSWER, cell
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.people import person_of
from wellheard.sources.exports.questions import Told
from wellheard.sources.exports.rated import Ratings, ratings
from wellheard.sources.exports.sheet import Head, Row, Sheet

KINDS = {"nps": ("nps", 0, 10), "csat": ("csat", 1, 5), "csat3": ("csat", 1, 3), "ces7": ("ces", 1, 7)}
PROPERTY = "person_properties."
OWN_PROPERTIES = (PROPERTY + "Delighted", PROPERTY + "delighted")
PERSONAL = ("name", "mail", "phone", "address", "birth", "ip")
INVITED = ("source_id", "customer_id", "survey_id", "channel", "sent_at", "bounced", "unsubscribed", "answered_at")
CES_NOTE = "Ease was asked on 1 to 5 or 1 to 7 and the file does not say: say it as --question ces=ces:1-5."


def _kind(head: Head) -> str:
    """Which of the four files it is; empty where it is none."""
    if head.has("survey_type", "score", "id") or head.has("survey type", "score"):
        return "answers"
    for column, kind in (("unsubscribed_at", "unsubscribed"), ("bounced_at", "bounced")):
        if head.has("person_id", column):
            return kind
    return "people" if head.has("id", "email", "next_survey_scheduled_at") else ""


def _instant(text: str | None) -> str | None:
    """Seconds since 1970 as a time; any other text as it stands."""
    if text is None or not text.lstrip("-").isdigit():
        return text
    return datetime.fromtimestamp(int(text), UTC).isoformat()


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    kind = _kind(sheet.head)
    if kind == "answers":
        return _answers(sheet, told)
    if kind == "people":
        columns = ("source_id", "email", "name", "phone", "created_at", "attributes.next_survey_at")
        return Laid({"customers": columns, "survey_invitations": INVITED}, _people, zone="UTC")
    note = "They are kept with the invitations: who bounced or wanted no more is asked no more."
    return Laid({"survey_invitations": INVITED}, _ended(kind), zone="UTC", notes=(note,))


def _answers(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    head = sheet.head
    by = {column.casefold().replace(" ", "_"): column for column in head.columns}
    found = ratings(sheet.values(by["survey_type"]) or (), by["score"], KINDS, told)
    kept = [c for c in head.columns if c.startswith(PROPERTY) and not c.startswith(OWN_PROPERTIES)]
    kept = [c for c in kept if not any(word in c.casefold() for word in PERSONAL)]
    attributes = {f"attributes.{c.removeprefix(PROPERTY)}": c for c in kept}

    def rows(row: Row) -> Iterator[Made]:
        said = {name: cell(row, column) for name, column in by.items()}
        email = said.get("email") or said.get("person_email")
        person = person_of({**said, "email": email}, ("person", "person_id"), ("email",))
        if email and person:
            yield "customers", {"source_id": person, "email": email, "name": said.get("name")}
        key = said.get("id") or said.get("response_id")
        shared = {
            "submission_id": key,
            "survey_id": said["survey_type"],
            "customer_id": person,
            "answered_at": _instant(said.get("created_at") or said.get("response_date")),
            "updated_at": _instant(said.get("updated_at")),
            **{name: cell(row, column) for name, column in attributes.items()},
        }
        yield from _rating(found, said, shared)
        yield from _further(said.get("additional_answers"), shared)

    notes = (CES_NOTE,) if "ces" in found.by_word and found.by_word["ces"].form == "custom" else ()
    columns = (*ANSWER, "updated_at", *attributes)
    tables = {"survey_responses": columns, "customers": ("source_id", "email", "name")}
    return Laid(tables, rows, found.questions, zone="UTC", notes=notes)


def _rating(found: Ratings, said: Mapping[str, str | None], shared: Mapping[str, str | None]) -> Iterator[Made]:
    question = found.of(said["survey_type"])
    answer = question.answer(said["score"]) if question else None
    if answer is not None:
        yield (
            "survey_responses",
            {**shared, "source_id": f"{shared['submission_id']}:score", **answer, "comment": said.get("comment")},
        )


def _further(text: str | None, shared: Mapping[str, str | None]) -> Iterator[Made]:
    """The answers to a survey's further questions; each is `custom`."""
    for one in _listed(text):
        question, value = one.get("question") or {}, one.get("value") or {}
        free, scale, single, many = (value.get(k) for k in ("free_response", "scale", "select_one", "select_many"))
        choices = [single] if single else (many or [])
        name = str(question.get("text") or question.get("id"))
        base = {**shared, "question_id": name, "kind": "custom", "main": "false"}
        key = f"{shared['submission_id']}:{one.get('id') or question.get('id')}"
        if free or scale is not None:
            score = None if scale is None else str(scale)
            yield "survey_responses", {**base, "source_id": key, "comment": free, "score": score}
        for choice in choices:
            yield "survey_responses", {**base, "source_id": f"{key}:{choice.get('id')}", "choice": choice.get("text")}


def _listed(text: str | None) -> list[dict[str, Any]]:
    try:
        value = json.loads(text or "[]")
    except ValueError:
        return []
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _people(row: Row) -> Iterator[Made]:
    sent, answered = _instant(cell(row, "last_sent_at")), _instant(cell(row, "last_responded_at"))
    key = cell(row, "id")
    yield (
        "customers",
        {
            "source_id": key,
            "email": cell(row, "email"),
            "name": cell(row, "name"),
            "phone": cell(row, "phone_number"),
            "created_at": _instant(cell(row, "created_at")),
            "attributes.next_survey_at": _instant(cell(row, "next_survey_scheduled_at")),
        },
    )
    if sent:
        came = answered if answered and answered >= sent else None
        invited = {"customer_id": key, "channel": "email", "sent_at": sent, "answered_at": came}
        yield "survey_invitations", {"source_id": f"{key}:{cell(row, 'last_sent_at')}", **invited}


def _ended(kind: str) -> Any:
    def rows(row: Row) -> Iterator[Made]:
        person = cell(row, "person_id")
        made = {"source_id": f"{kind}:{person}", "customer_id": person, "channel": "email", kind: "true"}
        # A bounce is an invitation of that moment; somebody who wants no more says nothing of when they were asked.
        sent = _instant(cell(row, "bounced_at")) if kind == "bounced" else None
        yield "survey_invitations", {**made, "sent_at": sent}

    return rows


ANSWERS = "\n".join(
    json.dumps(one)
    for one in (
        {
            "id": "70", "person": "7", "survey_type": "nps", "score": 9, "comment": "great", "created_at": 1772704800,
            "updated_at": 1772704900, "person_properties": {"Plan": "gold", "Delighted Source": "Email"},
            "additional_answers": [
                {"id": "x", "question": {"id": "q", "text": "Which?"},
                 "value": {"select_many": [{"id": "1", "text": "Chat"}, {"id": "2", "text": "Phone"}]}}
            ],
        },
        {"id": "71", "person": "8", "survey_type": "ces", "score": 2, "created_at": 1772704800},
    )
)  # fmt: skip
PEOPLE = (
    '{"id": "7", "email": "a@example.com", "name": "A", "created_at": 1767225600, "last_sent_at": 1772600000, '
    '"last_responded_at": 1772704800, "next_survey_scheduled_at": 1780000000, "phone_number": null}\n'
)

EXPORT = Export(
    title="Delighted",
    recognise=lambda head: bool(_kind(head)),
    lay_out=_lay_out,
    samples=(
        Sample(
            "survey_responses.jsonl",
            ANSWERS,
            {
                "survey_responses": (
                    {
                        "source_id": "70:score", "kind": "nps", "score": "9.0", "comment": "great",
                        "answered_at": "2026-03-05T10:00:00+00:00", "customer_id": "7",
                    },
                    {"question_id": "Which?", "choice": "Chat"},
                    {"question_id": "Which?", "choice": "Phone"},
                    {"source_id": "71:score", "kind": "ces", "score": "2.0", "scale_max": "5.0"},
                )
            },
            {"ces": "ces:1-5"},
        ),
        Sample(
            "people.jsonl",
            PEOPLE,
            {
                "customers": ({"source_id": "7", "email": "a@example.com"},),
                "survey_invitations": ({"customer_id": "7", "sent_at": "2026-03-04T04:53:20+00:00"},),
            },
        ),
        Sample(
            "unsubscribes.csv",
            "person_id,email,name,unsubscribed_at\n7,a@example.com,A,1772600000\n",
            {"survey_invitations": ({"customer_id": "7", "unsubscribed": "true"},)},
        ),
        Sample(
            "bounces.csv",
            "person_id,email,name,bounced_at\n9,z@example.com,Z,1772600000\n",
            {"survey_invitations": ({"customer_id": "9", "bounced": "true", "sent_at": "2026-03-04T04:53:20+00:00"},)},
        ),
    ),
)  # fmt: skip
