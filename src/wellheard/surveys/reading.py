"""Reads what somebody filled in: which questions applied, what they answered, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from wellheard.surveys.question import Answer, BadAnswer, Outcome, is_empty
from wellheard.surveys.survey import Condition, Question, Survey, Thanks

FIELD = "a."  # what the fields of a form begin with: a.ID, or a.ID.PART
CHOICE = "choice"  # the part of an answer of several parts that holds the choice itself


@dataclass(frozen=True)
class Reading:
    """A filled-in questionnaire as it is understood.

    `answers` are the rows' fields; a comment on another question's answer stands in that one's row. `faults` name by
    question the key of the interface's words that says what is wrong; nothing of a faulty question is among the
    answers. `step` is the next page to be shown, None where nothing is left to ask: then it is `complete`. `applied`
    are the raw answers that were read.
    """

    answers: tuple[Answer, ...]
    faults: Mapping[str, str]
    step: int | None
    survey: Survey = field(repr=False)
    applied: Mapping[str, Any] = field(repr=False)

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Whether each answer that has an outcome was bad, middling or good news, by question."""
        return _outcomes(self.survey, self.applied)

    @property
    def complete(self) -> bool:
        """Whether the whole questionnaire was filled in."""
        return self.step is None


def read_answers(survey: Survey, raw: Mapping[str, Any], language: str, done: int | None = None) -> Reading:
    """Reads the answers `raw`, by question id, as a form (`from_form`) or JSON brings them.

    `done` is the number of the last page that was sent, from 0; None for all of them. Up to it what is required must
    be there. Answers to questions that did not apply are left out.
    """
    last = len(survey.steps) - 1 if done is None else max(0, min(done, len(survey.steps) - 1))
    answers: list[Answer] = []
    faults = {name: "unknown" for name in raw if name not in survey.by_id}
    applied: dict[str, Any] = {}
    for number, page in enumerate(survey.steps):
        for question in page:
            given = raw.get(question.id)
            if not applies(survey, question.when, applied):
                continue
            if is_empty(given):
                if question.required and number <= last:
                    faults[question.id] = "missing"
                continue
            try:
                read = _read(survey, question, given, language)
            except BadAnswer as error:
                faults[question.id] = error.word
                continue
            applied[question.id] = given
            answers = _with(question, answers, read)
    return Reading(tuple(answers), faults, _next_step(survey, applied, faults, last), survey, applied)


def from_form(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The answers among a form's fields: `a.ID` once is a text, several times a list; `a.ID.PART` makes a mapping."""
    told: dict[str, dict[str, list[str]]] = {}
    for name, value in fields:
        if name.startswith(FIELD) and value != "":
            question, _, part = name.removeprefix(FIELD).partition(".")
            told.setdefault(question, {}).setdefault(part, []).append(value)
    raw: dict[str, Any] = {}
    for question, parts in told.items():
        flat = {part: values[0] if len(values) == 1 else values for part, values in parts.items()}
        if set(flat) == {""}:
            raw[question] = flat[""]
        else:
            raw[question] = {part or CHOICE: value for part, value in flat.items()}
    return raw


def applies(survey: Survey, conditions: Iterable[Condition], raw: Mapping[str, Any]) -> bool:
    """Whether all conditions hold for the answers so far."""
    return all(_holds(survey, condition, raw.get(condition.question)) for condition in conditions)


def thanks_for(survey: Survey, raw: Mapping[str, Any]) -> Thanks | None:
    """What is said at the end: the first thanks whose conditions hold; None where the survey has none for it."""
    return next((t for t in survey.thanks if applies(survey, t.when, raw)), None)


def _holds(survey: Survey, condition: Condition, raw: Any) -> bool:
    if is_empty(raw):
        return False
    if condition.outcome and _outcome(survey, condition.question, raw) not in condition.outcome:
        return False
    number = _number(raw)
    if condition.at_least is not None and (number is None or number < condition.at_least):
        return False
    if condition.at_most is not None and (number is None or number > condition.at_most):
        return False
    return not condition.choice or bool(set(_choices(raw)) & set(condition.choice))


def _number(raw: Any) -> int | None:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    return int(raw) if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 10 else None


def _choices(raw: Any) -> list[str]:
    picked = raw.get(CHOICE) if isinstance(raw, Mapping) else raw
    return [str(value) for value in picked] if isinstance(picked, list | tuple) else [str(picked)]


def _outcome(survey: Survey, question_id: str, raw: Any) -> Outcome | None:
    question = survey.question(question_id)
    return question.kind_of.outcome(survey.asked(question, survey.languages[0]), raw)


def _outcomes(survey: Survey, applied: Mapping[str, Any]) -> dict[str, Outcome]:
    found = {name: _outcome(survey, name, raw) for name, raw in applied.items()}
    return {name: outcome for name, outcome in found.items() if outcome is not None}


def _read(survey: Survey, question: Question, raw: Any, language: str) -> tuple[Answer, ...]:
    return question.kind_of.read(survey.asked(question, language), raw)


def _with(question: Question, answers: list[Answer], read: tuple[Answer, ...]) -> list[Answer]:
    """The answers with those to one more question: a comment goes to the row that it is about, where there is one."""
    beside = question.kind_of.beside(question.options)
    places = [i for i, answer in enumerate(answers) if answer.question_id == beside]
    if not places:
        return [*answers, *read]
    (comment,) = read
    joined = list(answers)
    joined[places[0]] = Answer(**{**vars(answers[places[0]]), "comment": comment.comment})
    return joined


def _next_step(survey: Survey, applied: Mapping[str, Any], faults: Mapping[str, str], last: int) -> int | None:
    """The first page that is faulty, else the next one on which some question applies."""
    for number, page in enumerate(survey.steps):
        if any(question.id in faults for question in page):
            return number
        if number > last and any(applies(survey, question.when, applied) for question in page):
            return number
    return None
