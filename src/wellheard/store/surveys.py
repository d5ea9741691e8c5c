"""Surveys as they are kept: every version of a definition, and the random key under which the public finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import Unknown
from wellheard.store.layout import SURVEY_VERSIONS, SURVEYS
from wellheard.store.tokens import new_id


@dataclass(frozen=True)
class KeptSurvey:
    """One version of a survey. `survey_id` stands in rows, `survey_key` in public addresses."""

    survey_key: str
    workspace: str
    survey_id: str
    version: int
    definition: str
    saved_at: datetime
    closed_at: datetime | None


def save_survey(con: sa.Connection, workspace: str, survey_id: str, definition: str, now: datetime) -> KeptSurvey:
    """Keeps a definition as the survey's next version; one that says what the newest says makes none."""
    newest = _newest(con, (SURVEYS.c.workspace == workspace) & (SURVEYS.c.survey_id == survey_id))
    if newest is not None and newest.definition == definition:
        return newest
    key = newest.survey_key if newest else new_id()
    if newest is None:
        con.execute(SURVEYS.insert().values(survey_key=key, workspace=workspace, survey_id=survey_id, made_at=now))
    version = newest.version + 1 if newest else 1
    con.execute(SURVEY_VERSIONS.insert().values(survey_key=key, version=version, definition=definition, saved_at=now))
    return KeptSurvey(key, workspace, survey_id, version, definition, now, newest.closed_at if newest else None)


def kept_survey(con: sa.Connection, survey_key: str, version: int | None = None) -> KeptSurvey:
    """A survey by its key, in its newest version unless another is named. Raises Unknown."""
    found = _newest(con, SURVEYS.c.survey_key == survey_key, version)
    if found is None:
        raise Unknown("there is no such survey", hint="use the link as it was sent", field="survey")
    return found


def survey_called(con: sa.Connection, workspace: str, survey_id: str) -> KeptSurvey:
    """A workspace's survey by its id, in its newest version. Raises Unknown."""
    found = _newest(con, (SURVEYS.c.workspace == workspace) & (SURVEYS.c.survey_id == survey_id))
    if found is None:
        hint = "`wellheard surveys list` shows those there are"
        raise Unknown(f"there is no survey {survey_id!r}", hint=hint, field="survey")
    return found


def kept_surveys(con: sa.Connection, workspace: str) -> list[KeptSurvey]:
    """A workspace's surveys in their newest versions, by id."""
    keys = con.scalars(
        sa.select(SURVEYS.c.survey_key).where(SURVEYS.c.workspace == workspace).order_by(SURVEYS.c.survey_id)
    )
    return [kept_survey(con, key) for key in keys]


def close_survey(con: sa.Connection, survey_key: str, closed_at: datetime | None) -> None:
    """Closes a survey to new answers, or with None opens it again."""
    con.execute(SURVEYS.update().where(SURVEYS.c.survey_key == survey_key).values(closed_at=closed_at))


def _newest(con: sa.Connection, which: sa.ColumnElement[bool], version: int | None = None) -> KeptSurvey | None:
    both = sa.select(SURVEYS, SURVEY_VERSIONS).join(SURVEY_VERSIONS).where(which)
    if version is not None:
        both = both.where(SURVEY_VERSIONS.c.version == version)
    row = con.execute(both.order_by(SURVEY_VERSIONS.c.version.desc()).limit(1)).mappings().first()
    return _kept(row) if row is not None else None


def _kept(row: Mapping[Any, Any]) -> KeptSurvey:
    s, v = SURVEYS.c, SURVEY_VERSIONS.c
    return KeptSurvey(
        row[s.survey_key], row[s.workspace], row[s.survey_id], row[v.version], row[v.definition], row[v.saved_at],
        row[s.closed_at],
    )  # fmt: skip
