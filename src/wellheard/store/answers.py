"""What lies in the inbox, for people to look at: how many answers a survey has, and the newest of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from wellheard.store.layout import ANONYMOUS_ANSWERS, ANSWERS, INVITATIONS, SURVEYS
from wellheard.store.submission import GONE


@dataclass(frozen=True)
class Counts:
    """How many answers a survey has: all, partial ones, flagged ones, and trials; and how many were invited."""

    answers: int
    partial: int
    flagged: int
    test: int
    invited: int


@dataclass(frozen=True)
class Answered:
    """One filled-in questionnaire. `answered_at` is the hour where it is anonymous; `said` is by question."""

    answered_at: datetime
    survey_id: str
    submission_id: str
    complete: bool
    flag: str | None
    test: bool
    channel: str | None
    language: str | None
    customer_id: str | None
    said: Mapping[str, Any]


def counts(con: sa.Connection, workspace: str) -> dict[str, Counts]:
    """The counts of a workspace's surveys by their ids; surveys without an answer have zeros."""
    found = {id: [0, 0, 0, 0, 0] for id in _ids(con, workspace)}
    for table, stays in ((ANSWERS, ANSWERS.c.deleted_at.is_(None)), (ANONYMOUS_ANSWERS, ~ANONYMOUS_ANSWERS.c.deleted)):
        each = (
            sa.select(SURVEYS.c.survey_id, *_sums(table))
            .join(SURVEYS)
            .where((SURVEYS.c.workspace == workspace) & stays)
            .group_by(SURVEYS.c.survey_id)
        )
        for id, *numbers in con.execute(each):
            found[id][:4] = [a + int(b or 0) for a, b in zip(found[id], numbers, strict=False)]
    invited = sa.select(SURVEYS.c.survey_id, sa.func.count()).select_from(INVITATIONS).join(SURVEYS)
    for id, number in con.execute(invited.where(SURVEYS.c.workspace == workspace).group_by(SURVEYS.c.survey_id)):
        found[id][4] = number
    return {id: Counts(*numbers) for id, numbers in found.items()}


def newest_answers(
    con: sa.Connection, workspace: str, survey_id: str | None, most: int, *, flagged: bool = False
) -> list[Answered]:
    """The newest answers, of one survey or of all; with `flagged` those alone that do not count for it."""
    found: list[Answered] = []
    for table, when, stays in (
        (ANSWERS, ANSWERS.c.answered_at, ANSWERS.c.deleted_at.is_(None)),
        (ANONYMOUS_ANSWERS, ANONYMOUS_ANSWERS.c.answered_in, ~ANONYMOUS_ANSWERS.c.deleted),
    ):
        which = sa.select(table, SURVEYS.c.survey_id).join(SURVEYS).where((SURVEYS.c.workspace == workspace) & stays)
        if survey_id is not None:
            which = which.where(SURVEYS.c.survey_id == survey_id)
        if flagged:
            which = which.where(table.c.flag.is_not(None))
        found += [_answered(row, row[when]) for row in con.execute(which.order_by(when.desc()).limit(most)).mappings()]
    return sorted(found, key=lambda answer: answer.answered_at, reverse=True)[:most]


def _sums(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    def number(of: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
        return sa.func.sum(sa.case((of, 1), else_=0))

    return [sa.func.count(), number(~table.c.complete), number(table.c.flag.is_not(None)), number(table.c.test)]


def _ids(con: sa.Connection, workspace: str) -> list[str]:
    return list(con.scalars(sa.select(SURVEYS.c.survey_id).where(SURVEYS.c.workspace == workspace)))


def _answered(row: Mapping[Any, Any], when: datetime) -> Answered:
    names = ("survey_id", "submission_id", "complete", "flag", "test", "channel", "language")
    return Answered(
        answered_at=when,
        customer_id=row.get("customer_id"),
        said={said["question_id"]: _value(said) for said in json.loads(row["given"]) if not said.get(GONE)},
        **{name: row[name] for name in names},
    )


def _value(said: Mapping[str, Any]) -> Any:
    """The score, else the choice, else what was written."""
    names = ("score", "choice", "task_success", "comment")
    return next((said[name] for name in names if said.get(name) is not None), None)
