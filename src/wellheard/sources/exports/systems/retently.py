"""Retently: feedback with its kind of survey in each row, the surveys that were sent, and the people asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wellheard.sources.exports.answered import ANSWER, cell
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.people import full_name, person_of
from wellheard.sources.exports.questions import Told
from wellheard.sources.exports.rated import ratings
from wellheard.sources.exports.sheet import Head, Row, Sheet

KINDS = {"nps": ("nps", 0, 10), "csat": ("csat", 1, 5), "ces": ("ces", 1, 7), "star": ("csat", 1, 5)}
PERSON = ("source_id", "email", "name", "account_id")
INVITED = (
    "source_id", "customer_id", "account_id", "survey_id", "channel", "sent_at", "seen_at", "answered_at", "bounced",
    "unsubscribed",
)  # fmt: skip
WHO = (("customerId",), ("email",))


def _kind(head: Head) -> str:
    if head.has("metricsType", "score", "createdDate"):
        return "feedback"
    return "outbox" if head.has("sentDate", "campaignId", "customerId") else ""


def _person(row: Row) -> Iterator[Made]:
    key = person_of(row, *WHO)
    if key and cell(row, "email"):
        name = full_name(row, "firstName", "lastName")
        said = {"source_id": key, "email": cell(row, "email"), "name": name, "account_id": cell(row, "companyId")}
        yield "customers", said


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    if _kind(sheet.head) == "outbox":
        return Laid({"survey_invitations": INVITED, "customers": PERSON}, _sent, asks_zone="")
    found = ratings(sheet.values("metricsType") or (), "score", KINDS, told)

    def rows(row: Row) -> Iterator[Made]:
        yield from _person(row)
        question = found.of(cell(row, "metricsType"))
        answer = question.answer(cell(row, "score")) if question else None
        if answer is None:
            return
        shared = {
            "source_id": f"{cell(row, 'id')}:score",
            "submission_id": cell(row, "id"),
            "survey_id": cell(row, "campaignName", "campaignId"),
            "customer_id": person_of(row, *WHO),
            "account_id": cell(row, "companyId"),
            "answered_at": cell(row, "createdDate"),
            "channel": cell(row, "channel"),
            "flag": "spam" if (cell(row, "isBogus") or "").casefold() == "true" else None,
        }
        yield "survey_responses", {**shared, **answer, "comment": cell(row, "comment")}

    return Laid(
        {"survey_responses": (*ANSWER, "account_id", "channel", "flag"), "customers": PERSON}, rows, found.questions
    )


def _sent(row: Row) -> Iterator[Made]:
    yield from _person(row)
    told = {name: cell(row, f"detailedStatus.{name}", name) for name in ("isBounced", "isOptedOut")}
    yield (
        "survey_invitations",
        {
            "source_id": f"{cell(row, 'customerId')}:{cell(row, 'sentDate')}",
            "customer_id": person_of(row, *WHO),
            "account_id": cell(row, "companyId"),
            "survey_id": cell(row, "campaign", "campaignId"),
            "channel": cell(row, "channel"),
            "sent_at": cell(row, "sentDate"),
            "seen_at": cell(row, "detailedStatus.openedDate", "openedDate"),
            "answered_at": cell(row, "detailedStatus.respondedDate", "respondedDate"),
            "bounced": told["isBounced"],
            "unsubscribed": told["isOptedOut"],
        },
    )


EXPORT = Export(
    title="Retently",
    recognise=lambda head: bool(_kind(head)),
    lay_out=_lay_out,
    samples=(
        Sample(
            "feedback.jsonl",
            '{"id": "f1", "customerId": "c1", "email": "a@example.com", "score": 9, "metricsType": "NPS", '
            '"createdDate": "2026-03-05T10:00:00+02:00", "comment": "ok", "channel": "email", '
            '"isBogus": false, "companyId": "k1"}\n'
            '{"id": "f2", "customerId": "c2", "score": 1, "metricsType": "NPS", "createdDate": '
            '"2026-03-05T10:00:00+02:00", "isBogus": true}\n',
            {
                "survey_responses": (
                    {"kind": "nps", "score": "9.0", "answered_at": "2026-03-05T08:00:00+00:00", "comment": "ok"},
                    {"submission_id": "f2", "flag": "spam"},
                ),
                "customers": ({"source_id": "c1", "account_id": "k1"},),
            },
        ),
        Sample(
            "outbox.jsonl",
            '{"customerId": "c1", "email": "a@example.com", "sentDate": "2026-03-05T10:00:00Z", "campaignId": "p1", '
            '"channel": "email", "detailedStatus": {"isOpened": true, "openedDate": "2026-03-05T11:00:00Z", '
            '"isBounced": false, "isOptedOut": false}}\n',
            {
                "survey_invitations": (
                    {"customer_id": "c1", "seen_at": "2026-03-05T11:00:00+00:00", "bounced": "false"},
                )
            },
        ),
    ),
)
