"""SurveyMonkey: a file with two rows of names, in which a question stands over the first of its columns alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wellheard.sources.exports.answered import ANSWER, answered, cell, survey_of
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.people import full_name, person_of
from wellheard.sources.exports.questions import Candidate, Told, taken
from wellheard.sources.exports.sheet import Head, Row, Sheet

META = (
    "Respondent ID", "Collector ID", "Start Date", "End Date", "IP Address", "Email Address", "First Name",
    "Last Name", "Date Created", "Date Modified",
)  # fmt: skip
CUSTOM = re.compile(r"Custom Data( \d+)?", re.IGNORECASE)
NO_OPTION = ("", "response", "open-ended response")
AMERICAN = re.compile(r"(\d{2})/(\d{2})/(\d{4}) \d{1,2}:\d{2}(:\d{2})?( [AP]M)?")
ASKS = "SurveyMonkey writes times by the account's clock, and the file does not say which"


def _labels(head: Head) -> int:
    """One, where the first row has no respondent: some exports have a single row of names."""
    return 1 if head.rows and not head.label(0, "Respondent ID") else 0


def _candidates(sheet: Sheet) -> Iterator[Candidate]:
    head, asked, spans = sheet.head, "", _spans(sheet)
    for column in head.columns:
        if column not in head.blank:
            asked = column
        if asked in META or CUSTOM.fullmatch(asked):
            continue
        option = head.label(0, column) if sheet.labels else ""
        single = option.casefold() in NO_OPTION
        values = sheet.values(column)
        picked = not single and values is not None and values <= {option}
        # The options of one question that were picked are answers to it; a row of a matrix is a question of its own.
        id = asked if single or picked else f"{asked}: {option}"
        if picked and spans[asked] > 1:
            id = f"{asked} = {option}"
        yield Candidate(
            column, id, f"{asked} {option}".strip(), values, key=id, open_text=option == "Open-Ended Response"
        )


def _spans(sheet: Sheet) -> dict[str, int]:
    spans: dict[str, int] = {}
    asked = ""
    for column in sheet.head.columns:
        asked = asked if column in sheet.head.blank else column
        spans[asked] = spans.get(asked, 0) + 1
    return spans


def _date_format(sheet: Sheet) -> dict[str, str]:
    """American dates, as such exports have them, where none of those seen contradicts it."""
    seen = [AMERICAN.fullmatch(text) for text in sheet.values("End Date") or sheet.values("Start Date") or ()]
    if not seen or not all(one and int(one[1]) <= 12 for one in seen):
        return {}
    [ending] = {("%I:%M" if one[5] else "%H:%M") + (":%S" if one[4] else "") for one in seen if one} or {""}
    half = " %p" if ending.startswith("%I") else ""
    return dict.fromkeys(("answered_at", "asked_at"), f"%m/%d/%Y {ending}{half}")


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    questions = taken(_candidates(sheet), told)
    survey = survey_of(sheet.head.name)

    def rows(row: Row) -> Iterator[Made]:
        person = person_of(row, (), ("Email Address",))
        if person:
            name = full_name(row, "First Name", "Last Name")
            yield "customers", {"source_id": person, "email": cell(row, "Email Address"), "name": name}
        yield from answered(
            questions,
            row,
            {
                "survey_id": survey,
                "submission_id": cell(row, "Respondent ID"),
                "customer_id": person,
                "asked_at": cell(row, "Start Date"),
                "answered_at": cell(row, "End Date", "Start Date"),
                "complete": "true" if cell(row, "End Date") else "false",
                "attributes.collector": cell(row, "Collector ID"),
            },
        )

    tables = {
        "survey_responses": (*ANSWER, "asked_at", "complete", "attributes.collector"),
        "customers": ("source_id", "email", "name"),
    }
    return Laid(tables, rows, questions, asks_zone=ASKS, date_formats=_date_format(sheet))


HEADER = (
    "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1,"
    "How likely is it that you would recommend us to a friend?,Please rate,,What did you use?,,Anything else?\n"
    ",,,,,,,,,Response,Price,Speed,Chat,Phone,Open-Ended Response\n"
)
SAMPLE = HEADER + (
    "1180,4,03/05/2026 10:00:00,03/05/2026 10:02:00,,Anna@Example.com,Anna,Berg,,10,5,4,Chat,,fine\n"
    '1181,4,03/06/2026 10:00:00,,,,,,,6,,2,Chat,Phone,"two\nlines"\n'
)

EXPORT = Export(
    title="SurveyMonkey",
    recognise=lambda head: head.has("Respondent ID", "Collector ID"),
    labels=_labels,
    lay_out=_lay_out,
    samples=(
        Sample(
            "Spring 2026.csv",
            SAMPLE,
            {
                "survey_responses": (
                    {
                        "submission_id": "1180", "kind": "nps", "score": "10.0", "main": "true",
                        "answered_at": "2026-03-05T10:02:00+00:00", "survey_id": "Spring 2026", "complete": "true",
                    },
                    {"question_id": "Please rate: Price", "kind": "custom", "score": "5.0"},
                    {"question_id": "Please rate: Speed", "kind": "custom", "score": "4.0"},
                    {"question_id": "What did you use? = Chat", "choice": "Chat"},
                    {"question_id": "Anything else?", "comment": "fine"},
                    {"submission_id": "1181", "kind": "nps", "score": "6.0", "complete": "false"},
                    {"question_id": "Please rate: Speed", "score": "2.0"},
                    {"question_id": "What did you use? = Chat", "choice": "Chat"},
                    {"question_id": "What did you use? = Phone", "choice": "Phone"},
                    {"question_id": "Anything else?", "comment": "two\nlines"},
                ),
                "customers": ({"email": "Anna@Example.com", "name": "Anna Berg"},),
            },
        ),
    ),
)  # fmt: skip
