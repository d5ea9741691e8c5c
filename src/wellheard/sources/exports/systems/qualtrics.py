"""Qualtrics: a file with three rows of names, of which the third alone is what no editor can change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from wellheard.sources.exports.answered import ANSWER, answered, cell, survey_of
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.people import full_name, person_of
from wellheard.sources.exports.questions import Candidate, Told, taken
from wellheard.sources.exports.sheet import Head, Row, Sheet

QUESTION = re.compile(r"(?:\d+_)?QID\d+\S*")
# Columns of a question that are no answer: the order in which options stood, times on the page, browsers, files.
BESIDE = re.compile(
    r"_DO(_|$)|_NPS_GROUP$|Topics|Sentiment|_(FIRST|LAST)_CLICK$|_PAGE_SUBMIT$|_CLICK_COUNT$"
    r"|_(BROWSER|VERSION|OS|RESOLUTION)$|_FILE_(ID|NAME|SIZE|TYPE)$"
)
TRIALS = ("1", "2", "9", "17", "32", "survey preview", "survey test", "offline survey preview")
SPAM = ("8", "spam", "possible spam", "spam response")
OLD = {
    "ResponseID": "_recordId", "Status": "status", "StartDate": "startDate", "EndDate": "endDate",
    "Finished": "finished", "EmailAddress": "recipientEmail", "ExternalDataReference": "externalDataReference",
}  # fmt: skip
ASKS = "Qualtrics writes times by the account's clock, often that of Denver, and this file does not say which"


def _ids(head: Head) -> dict[str, str]:
    """What each column is, by the export's own ids; of the older form by its second row."""
    found = {}
    for column in head.columns:
        text = head.label(1, column)
        if text.startswith("{"):
            found[column] = str(_object(text).get("ImportId", ""))
        elif not _new(head):
            found[column] = OLD.get(head.label(0, column), "")
    return found


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _new(head: Head) -> bool:
    cells = [head.label(1, column) for column in head.columns]
    return any(cells) and all(text.startswith('{"ImportId"') for text in cells if text)


def _old(head: Head) -> bool:
    return head.columns[:1] == ("V1",) and head.label(0, "V1") == "ResponseID"


def _zone(head: Head) -> str | None:
    zones = {_object(head.label(1, column)).get("timeZone") for column in head.columns}
    return next((str(zone) for zone in zones if zone), None)


def _candidates(sheet: Sheet, ids: Mapping[str, str]) -> Iterator[Candidate]:
    scored_by_group = {id.removesuffix("_NPS_GROUP") for id in ids.values() if id.endswith("_NPS_GROUP")}
    for column in sheet.head.columns:
        id = ids.get(column, "")
        plain = not id and not _new(sheet.head) and re.fullmatch(r"Q\S+", column)
        if plain or (QUESTION.fullmatch(id) and not BESIDE.search(id)):
            yield Candidate(
                column,
                id or column,
                sheet.head.label(0, column),
                sheet.values(column),
                "nps" if id and id in scored_by_group else "",
                column,
                open_text=id.endswith("_TEXT"),
            )


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    ids = _ids(sheet.head)
    named = {id: column for column, id in ids.items() if id}
    questions = taken(_candidates(sheet, ids), told)
    survey = survey_of(sheet.head.name)

    def rows(row: Row) -> Iterator[Made]:
        def said(id: str) -> str | None:
            return cell(row, named.get(id, ""))

        own = {named[id]: id for id in named}
        known = {own[column]: text for column, text in row.items() if column in own}
        person = person_of(known, ("externalDataReference",), ("recipientEmail",))
        name = full_name(known, "recipientFirstName", "recipientLastName")
        email = said("recipientEmail")
        if person and (email or name):
            yield "customers", {"source_id": person, "email": email, "name": name}
        status = (said("status") or "").casefold()
        yield from answered(
            questions,
            row,
            {
                "survey_id": survey,
                "submission_id": said("_recordId"),
                "customer_id": person,
                "asked_at": said("startDate"),
                "answered_at": said("recordedDate") or said("endDate"),
                "complete": said("finished"),
                "channel": said("distributionChannel"),
                "language": said("userLanguage"),
                "test": "true" if status in TRIALS else "false",
                "flag": "spam" if status in SPAM else None,
            },
        )

    zone = _zone(sheet.head)
    columns = (*ANSWER, "asked_at", "complete", "channel", "language", "test", "flag")
    tables = {"survey_responses": columns, "customers": ("source_id", "email", "name")}
    return Laid(tables, rows, questions, zone, "" if zone else ASKS)


META = ("StartDate", "EndDate", "Status", "Finished", "RecordedDate", "ResponseId", "ExternalReference")
NAMES = ("startDate", "endDate", "status", "finished", "recordedDate", "_recordId", "externalDataReference")


def _file(*rows: str) -> str:
    third = [json.dumps({"ImportId": name, "timeZone": "America/Denver"}) for name in NAMES[:2]]
    third += [json.dumps({"ImportId": name}) for name in (*NAMES[2:], "QID1", "QID1_NPS_GROUP", "QID2_TEXT")]
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in third)
    labels = [*META, "How likely are you to recommend us?", "Group", "Why?"]
    return "\n".join([",".join([*META, "Q1", "Q1_NPS_GROUP", "Q2"]), ",".join(labels), quoted, *rows]) + "\n"


EXPORT = Export(
    title="Qualtrics",
    recognise=lambda head: bool(head.rows) and (_new(head) or _old(head)),
    labels=lambda head: 2 if _new(head) else 1,
    lay_out=_lay_out,
    samples=(
        Sample(
            "relations.csv",
            _file(
                '2026-03-02 08:00:00,2026-03-02 08:01:00,0,1,2026-03-02 08:01:05,R_1,c-7,9,Promoter,"Quick,\nfriendly"',
                "2026-03-02 09:00:00,2026-03-02 09:01:00,1,1,2026-03-02 09:01:00,R_2,,2,Detractor,",
                "2026-03-02 10:00:00,2026-03-02 10:01:00,0,0,2026-03-09 10:01:00,R_3,,,,half a word",
            ),
            {
                "survey_responses": (
                    {
                        "source_id": "R_1:QID1", "kind": "nps", "score": "9.0", "main": "true", "customer_id": "c-7",
                        "answered_at": "2026-03-02T15:01:05+00:00", "complete": "true", "test": "false",
                    },
                    {"source_id": "R_1:QID2_TEXT", "kind": "custom", "comment": "Quick,\nfriendly"},
                    {"source_id": "R_2:QID1", "score": "2.0", "test": "true"},
                    {"source_id": "R_3:QID2_TEXT", "complete": "false", "comment": "half a word"},
                )
            },
        ),
    ),
)  # fmt: skip
