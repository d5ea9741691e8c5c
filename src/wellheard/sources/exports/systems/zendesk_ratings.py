"""Zendesk: ratings of tickets as good or bad, and which tickets were offered one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wellheard.sources.exports.aliased import folded
from wellheard.sources.exports.answered import cell
from wellheard.sources.exports.export import Export, Laid, Made, Sample
from wellheard.sources.exports.questions import Told
from wellheard.sources.exports.sheet import Head, Row, Sheet

SCORE = ("score", "satisfactionratingscore", "satisfactionscore", "satisfaction")
KEY, TICKET = ("id", "satisfactionratingid", "ticketid"), ("ticketid", "id")
REQUESTER = ("requesterid", "requester", "userid")
RATED = ("updatedat", "satisfactionratingupdatedat", "ratedat", "createdat", "updated")
COMMENT = ("comment", "satisfactionratingcomment", "satisfactioncomment")
GOOD = {"good": "1", "goodwithcomment": "1", "bad": "0", "badwithcomment": "0"}
OFFERED, NEVER = "offered", "unoffered"
COLUMNS = (
    "source_id", "survey_id", "submission_id", "customer_id", "answered_at", "question_id", "kind", "main", "score",
    "scale_min", "scale_max", "comment", "conversation_id", "agent_id", "channel", "invitation_id",
)  # fmt: skip
INVITED = ("source_id", "customer_id", "survey_id", "channel", "sent_at", "answered_at")


def _named(head: Head, known: tuple[str, ...]) -> str:
    by = {folded(column): column for column in reversed(head.columns)}
    return next((by[name] for name in known if name in by), "")


def _recognise(head: Head) -> bool:
    """By a rating beside a ticket and its requester, whose first words are those of such ratings."""
    score = _named(head, SCORE)
    seen = {folded(row.get(score) or "") for row in head.rows} - {""}
    return bool(score and _named(head, REQUESTER) and seen and seen <= {*GOOD, OFFERED, NEVER})


def _lay_out(sheet: Sheet, told: Mapping[str, Told]) -> Laid:
    del told
    head = sheet.head
    score, key, ticket = _named(head, SCORE), _named(head, KEY), _named(head, TICKET)
    who, at, comment = _named(head, REQUESTER), _named(head, RATED), _named(head, COMMENT)
    agent = _named(head, ("assigneeid", "assignee"))

    def rows(row: Row) -> Iterator[Made]:
        said = folded(row.get(score) or "")
        if said in ("", NEVER):
            return
        id = f"rating:{cell(row, ticket)}"
        shared = {"survey_id": "zendesk rating", "customer_id": cell(row, who), "channel": "email"}
        rated = said in GOOD
        # Only when a rating came is known here, and no earlier moment at which it was asked for.
        times = {"sent_at": cell(row, at), "answered_at": cell(row, at) if rated else None}
        yield "survey_invitations", {**shared, "source_id": id, **times}
        if rated:
            yield "survey_responses", {
                **shared, "source_id": f"rating:{cell(row, key)}", "submission_id": f"rating:{cell(row, key)}",
                "answered_at": cell(row, at), "question_id": "rating", "kind": "csat", "main": "true",
                "score": GOOD[said], "scale_min": "0", "scale_max": "1", "comment": cell(row, comment),
                "conversation_id": cell(row, ticket), "agent_id": cell(row, agent), "invitation_id": id,
            }  # fmt: skip

    return Laid({"survey_responses": COLUMNS, "survey_invitations": INVITED}, rows)


EXPORT = Export(
    title="Zendesk ratings",
    recognise=_recognise,
    lay_out=_lay_out,
    samples=(
        Sample(
            "satisfaction_ratings.csv",
            "id,score,ticket_id,requester_id,assignee_id,created_at,updated_at,comment\n"
            "1,good,900,c1,a1,2026-03-05T10:00:00Z,2026-03-05T10:00:00Z,thanks\n"
            "2,offered,901,c2,a1,2026-03-05T10:00:00Z,2026-03-05T10:00:00Z,\n"
            "3,bad,902,c3,a1,2026-03-05T10:00:00Z,2026-03-06T10:00:00Z,\n",
            {
                "survey_responses": (
                    {"conversation_id": "900", "kind": "csat", "score": "1.0", "comment": "thanks"},
                    {"conversation_id": "902", "score": "0.0", "answered_at": "2026-03-06T10:00:00+00:00"},
                ),
                "survey_invitations": ({"customer_id": "c1"}, {"customer_id": "c2"}, {"customer_id": "c3"}),
            },
        ),
    ),
)
