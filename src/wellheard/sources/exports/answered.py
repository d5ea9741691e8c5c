"""The rows that one filled-in questionnaire makes: an answer a row, and who gave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from wellheard.sources.exports.export import Made
from wellheard.sources.exports.questions import Taken
from wellheard.sources.exports.sheet import Row

QUESTION = ("question_id", "kind", "main", "score", "scale_min", "scale_max", "direction", "choice", "comment")
SUBMISSION = ("source_id", "survey_id", "submission_id", "customer_id", "answered_at")
ANSWER = (*SUBMISSION, *QUESTION)


def answered(questions: Iterable[Taken], row: Row, submission: Mapping[str, str | None]) -> Iterator[Made]:
    """A row for each question that a file's row answers; `submission` is what they share, with its key."""
    key = submission["submission_id"]
    for question in questions:
        answer = question.answer(row.get(question.column))
        if answer is not None:
            yield "survey_responses", {**submission, "source_id": f"{key}:{question.id}", **answer}


def survey_of(file_name: str) -> str:
    """A survey's id by its file's name, without endings."""
    stem = PurePath(file_name).name
    while suffix := PurePath(stem).suffix:
        if not suffix[1:].isalnum() or len(suffix) > 6:
            break
        stem = stem[: -len(suffix)]
    return stem


def cell(row: Row, *names: str) -> str | None:
    """The first of these cells that is filled, without blanks around it."""
    return next((text for name in names if (text := (row.get(name) or "").strip())), None)
