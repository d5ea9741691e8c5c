"""Exports whose columns are named as each customer set them up: found by the names they often bear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wellheard.base.errors import BadCall
from wellheard.sources.exports.answered import ANSWER, answered, cell, survey_of
from wellheard.sources.exports.export import KEY, Laid, Made
from wellheard.sources.exports.people import person_of
from wellheard.sources.exports.questions import Candidate, Told, taken
from wellheard.sources.exports.sheet import Head, Row, Sheet
from wellheard.tables.catalogue import table


@dataclass(frozen=True)
class Names:
    """The names that columns of a system's exports often bear, folded as `folded` does; `asks` are those of scores."""

    key: tuple[str, ...] = ()
    answered_at: tuple[str, ...] = ()
    customer: tuple[str, ...] = ()
    email: tuple[str, ...] = ("email", "emailaddress", "customeremail", "recipientemail")
    name: tuple[str, ...] = ("name", "customername", "fullname")
    nps: tuple[str, ...] = ()
    csat: tuple[str, ...] = ()
    ces: tuple[str, ...] = ()
    comment: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


def folded(name: str) -> str:
    """A name without case, blanks and signs."""
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def spelled(column: str) -> tuple[str, ...]:
    """The names by which files call a column of `survey_responses`, folded."""
    found = table("survey_responses").by_name[column]
    return tuple(folded(name) for name in (column, *found.aliases))


def lay_out(sheet: Sheet, told: Mapping[str, Told], names: Names) -> Laid:
    """A layout by names. Raises BadCall where no column says when somebody answered."""
    head = sheet.head
    by = {folded(column): column for column in reversed(head.columns)}

    def column(known: tuple[str, ...]) -> str:
        return next((by[name] for name in known if name in by), "")

    time = column((*names.answered_at, *spelled("answered_at")))
    if not time:
        raise BadCall(
            "no column says when somebody answered",
            hint="name it, as in --map answered_at=COLUMN, or import it with --table survey_responses",
            field="map",
        )
    key, email, name = column(names.key), column(names.email), column(names.name)
    references = tuple(c for c in (column((*names.customer, *spelled("customer_id"))),) if c)
    aside = {time, key, email, name, *references, *(by[a] for a in names.aside if a in by)}
    questions = taken(_candidates(sheet, names, aside), told)
    survey = survey_of(head.name)

    def rows(row: Row) -> Iterator[Made]:
        person = person_of(row, references, (email,) if email else ())
        if person and email and cell(row, email):
            yield "customers", {"source_id": person, "email": cell(row, email), "name": cell(row, name)}
        submission = cell(row, key) if key else row[KEY]
        shared = {"submission_id": submission, "customer_id": person, "answered_at": cell(row, time)}
        yield from answered(questions, row, {**shared, "survey_id": survey})

    tables = {"survey_responses": ANSWER, "customers": ("source_id", "email", "name")}
    return Laid(tables, rows, questions, keyed=not key)


def _candidates(sheet: Sheet, names: Names, aside: set[str]) -> Iterator[Candidate]:
    for column in sheet.head.columns:
        if column in aside or column in sheet.head.blank:
            continue
        name = folded(column)
        hint = next((kind for kind in ("nps", "csat", "ces") if name in getattr(names, kind)), "")
        yield Candidate(column, column, column, sheet.values(column), hint, column, open_text=name in names.comment)


def knows(head: Head, *groups: tuple[str, ...]) -> bool:
    """Whether the file has a column of each group of names."""
    mine = {folded(column) for column in head.columns}
    return all(mine & set(group) for group in groups)
