"""Typeform: a column a question, times in UTC, and whatever a link carried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wellheard.sources.exports.answered import ANSWER, answered, cell, survey_of
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.people import person_of
from wellheard.sources.exports.questions import Candidate, Told, taken
from wellheard.sources.exports.sheet import Row, Sheet

START, SUBMIT = "Start Date (UTC)", "Submit Date (UTC)"
META = ("#", START, SUBMIT, "Stage Date (UTC)", "Network ID", "Tags", "Ending", "Response Type", "score")
REFERENCES, ADDRESSES = ("user_id", "customer_id", "userid", "customerid"), ("email", "Email", "E-mail")
COMPLETE = {"completed": "true", "partial": "false", "started": "false"}


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    head = sheet.head
    aside = (*META, *REFERENCES, *ADDRESSES)
    asked = [Candidate(c, c, c, sheet.values(c), key=c) for c in head.columns if c not in aside and c not in head.blank]
    questions = taken(asked, told)
    survey = survey_of(head.name)

    def rows(row: Row) -> Iterator[Made]:
        person = person_of(row, REFERENCES, ADDRESSES)
        email = cell(row, *ADDRESSES)
        if person and email:
            # Whoever fills in a form may write any address: it is kept, and no evidence of who somebody is.
            yield "customers", {"source_id": person, "email": email, "email_confirmed": "false"}
        yield from answered(
            questions,
            row,
            {
                "survey_id": survey,
                "submission_id": cell(row, "#"),
                "customer_id": person,
                "asked_at": cell(row, START),
                "answered_at": cell(row, SUBMIT, "Stage Date (UTC)", START),
                "complete": COMPLETE.get((cell(row, "Response Type") or "completed").casefold()),
            },
        )

    tables = {
        "survey_responses": (*ANSWER, "asked_at", "complete"),
        "customers": ("source_id", "email", "email_confirmed"),
    }
    return Laid(tables, rows, questions, zone="UTC")


SAMPLE = (
    "#,How likely are you to recommend us?,How satisfied were you with the visit?,And why?,Response Type,"
    "Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags\n"
    "a1,9,5,friendly,completed,2026-03-05 10:00:00,,2026-03-05 10:02:00,9f,\n"
    "a2,3,1,,completed,2026-03-05 11:00:00,,2026-03-05 11:02:00,8f,\n"
    "a3,0,,,partial,2026-03-05 12:00:00,2026-03-05 12:01:00,,7f,\n"
)

EXPORT = Export(
    title="Typeform",
    recognise=lambda head: head.columns[:1] == ("#",) and head.has(SUBMIT),
    lay_out=_lay_out,
    samples=(
        Sample(
            "Visit.csv",
            SAMPLE,
            {
                "survey_responses": (
                    {
                        "submission_id": "a1", "kind": "nps", "score": "9.0",
                        "answered_at": "2026-03-05T10:02:00+00:00",
                    },
                    {"submission_id": "a1", "kind": "csat", "score": "5.0", "scale_max": "5.0"},
                    {"submission_id": "a1", "kind": "custom"},
                    {"submission_id": "a2", "kind": "nps", "score": "3.0", "complete": "true"},
                    {"submission_id": "a2", "kind": "csat", "score": "1.0"},
                    {"submission_id": "a3", "complete": "false", "answered_at": "2026-03-05T12:01:00+00:00"},
                )
            },
        ),
    ),
)  # fmt: skip
