"""An answer to a question of a survey, as soon as it has been merged."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from wellheard.actions.condition import both, quoted
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When, facts_of

COLUMNS = (
    "survey_id", "submission_id", "question_id", "kind", "score", "choice", "channel", "touchpoint", "customer_id",
    "account_id", "conversation_id", "order_id", "agent_id", "invitation_id", "comment",
)  # fmt: skip
SHOWN = ("score", "choice", "channel", "touchpoint", "survey_id", "order_id", "agent_id")
COUNTS = "(test is null or test = false) and flag is null"  # as in every KPI
NAMES = {"nps": "NPS", "csat": "Satisfaction", "ces": "Ease", "fcr": "Resolution", "intent": "Intent"}


class AnswerWhen(When):
    """Which answers: of a kind or survey, within scores, and whatever `where` says of the row and its customer."""

    trigger: Literal["answer"] = "answer"
    kind: str = ""
    survey: str = ""
    at_least: float | None = None
    at_most: float | None = None


def find(when: AnswerWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The answers given in that time, each with what was written beside it."""
    bounds = [f"{name} = {quoted(value)}" for name, value in (("kind", when.kind), ("survey_id", when.survey)) if value]
    bounds += [f"score >= {when.at_least}"] if when.at_least is not None else []
    bounds += [f"score <= {when.at_most}"] if when.at_most is not None else []
    told = "score is not null or choice is not null"
    rows = look.rows(
        "survey_responses", COLUMNS, where=both(*bounds, told, COUNTS, when.where), since=since, until=until
    )
    comments = _comments(look, [row["submission_id"] for row in rows if row["submission_id"]])
    return [_happening(row, comments.get(row["submission_id"] or "") or row["comment"] or "") for row in rows]


def _comments(look: Look, submissions: list[str]) -> dict[str, str]:
    if not submissions:
        return {}
    rows = look.rows("survey_responses", ("submission_id", "comment"), equal={"submission_id": submissions})
    written: dict[str, list[str]] = {}
    for row in rows:
        if row["comment"]:
            written.setdefault(row["submission_id"], []).append(row["comment"])
    return {submission: "\n".join(dict.fromkeys(texts)) for submission, texts in written.items()}


def _happening(row: dict[str, object], comment: str) -> Happening:
    name = NAMES.get(str(row["kind"]), str(row["kind"]))
    said = row["score"] if row["score"] is not None else row["choice"]
    return Happening(
        subject=f"answer:{row['id']}",
        at=row["instant"],  # type: ignore[arg-type]
        kind="answer",
        title=f"{name} {said:g}" if isinstance(said, float) else f"{name} {said}",
        text=comment,
        facts=facts_of(row, SHOWN),
        person=_text(row["person"]),
        source=_text(row["source"]),
        customer_id=_text(row["customer_id"]),
        account_id=_text(row["account_id"]),
        conversation_id=_text(row["conversation_id"]),
        submission_id=_text(row["submission_id"]),
        invitation_id=_text(row["invitation_id"]),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


TRIGGER = Trigger("An answer", "A customer answered a question of a survey.", AnswerWhen, find)
