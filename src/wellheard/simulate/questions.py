"""The questionnaires of Larkfield: their questions and scales, and how a satisfied or angry person fills them in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.simulate.columns import constant, flags, idents, instants, numbers, words
from wellheard.simulate.company import LANGUAGES, Array
from wellheard.simulate.transcripts import AGENTS
from wellheard.simulate.voices import phrases
from wellheard.simulate.writer import Writer

Band = tuple[tuple[int, ...], tuple[float, ...]]  # scores, and how often each is given within the band


@dataclass(frozen=True)
class Survey:
    """A questionnaire: where and at which moment it is put."""

    name: str
    channel: str
    touchpoint: str
    interest: float  # ratio to the segment's usual chance of an answer


@dataclass(frozen=True)
class Question:
    """A question with its scale. From best to worst, the bands of answers that the rates speak of."""

    name: str
    kind: str
    low: int
    high: int
    best: Band = ((), ())
    middle: Band = ((), ())
    worst: Band = ((), ())
    main: bool = True
    choices: tuple[str, ...] = ()


RELATIONSHIP = Survey("relationship", "email", "relationship", 1.0)
AFTER_SUPPORT = Survey("after-support", "email", "support", 1.15)
SUPPORT_EFFORT = Survey("support-effort", "chat", "support", 1.2)
AFTER_ONBOARDING = Survey("after-onboarding", "in-app", "onboarding", 1.3)
AFTER_PURCHASE = Survey("after-purchase", "email", "purchase", 0.9)
PULSE = Survey("emotion-pulse", "in-app", "product", 0.9)
WEBSITE = Survey("website-intent", "website", "website", 1.0)

NPS = Question(
    "recommend", "nps", 0, 10,
    best=((10, 9), (0.55, 0.45)),
    middle=((8, 7), (0.6, 0.4)),
    worst=((6, 5, 4, 3, 2, 1, 0), (0.30, 0.27, 0.12, 0.10, 0.07, 0.04, 0.10)),
)  # fmt: skip
REASON = Question("recommend-reason", "custom", 0, 0, main=False, choices=("product", "support", "price", "other"))
CSAT = Question("satisfied", "csat", 1, 5, best=((5, 4), (0.6, 0.4)), worst=((3, 2, 1), (0.45, 0.25, 0.30)))
CES = Question(
    "easy", "ces", 1, 7,
    best=((7, 6, 5), (0.42, 0.36, 0.22)), middle=((4,), (1.0,)), worst=((3, 2, 1), (0.4, 0.3, 0.3)),
)  # fmt: skip
FCR = Question("solved-first-time", "fcr", 0, 1, best=((1,), (1.0,)), worst=((0,), (1.0,)), choices=("no", "yes"))
INTENT = Question(
    "why-here", "intent", 0, 0,
    choices=("informational", "transactional", "support", "navigational", "other"),
)  # fmt: skip
EMOTIONS = tuple(
    Question(f"feel-{word}", "emotion", 1, 5, choices=(word,))
    for word in ("happy", "valued", "frustrated", "neglected")
)


def logistic(odds: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-odds))


def scores(rng: np.random.Generator, question: Question, best: Array, worst: Array) -> Array:
    """A score a row: in the best band with chance `best`, in the worst with `worst`, else in the middle."""
    draw = rng.random(len(best))
    result = np.zeros(len(best), dtype=np.int64)
    inside = (draw < best, (draw >= best) & (draw < 1 - worst), draw >= 1 - worst)
    for mine, (values, shares) in zip(inside, (question.best, question.middle, question.worst), strict=True):
        if values:
            result[mine] = rng.choice(values, int(mine.sum()), p=shares)
    return result


@dataclass(frozen=True)
class Sheet:
    """Questionnaires that came back: one value a submission; numbers are -1 where there is no such thing."""

    survey: Survey
    submission: Array
    invitation: Array
    customer: Array
    account: Array
    language: Array
    asked: Array
    answered: Array
    complete: Array
    conversation: Array
    order: Array
    agent: Array
    version: Array

    def __len__(self) -> int:
        return len(self.submission)


def write_answers(
    writer: Writer, rng: np.random.Generator, sheet: Sheet, question: Question, rows: Array, *,
    score: Array | None = None, choice: Array | None = None, success: Array | None = None, comment: Array | None = None,
) -> None:  # fmt: skip
    """The answers to one question by the submissions at `rows`; -1 is a question that was skipped.

    `score`, `choice` (places in the question's choices), `success` and `comment` (codes of phrases) are by row.
    """
    size = len(rows)
    nothing = np.full(size, -1)
    score, choice, success, comment = (nothing if v is None else v for v in (score, choice, success, comment))
    scaled = np.full(size, question.high > question.low)

    customer, account = sheet.customer[rows], sheet.account[rows]

    def ref(prefix: str, numbers_of: Array) -> object:
        return idents(prefix, numbers_of[rows], numbers_of[rows] >= 0, width=8)

    writer.append(
        "survey_responses",
        idents("R", writer.number("survey_responses", size) + np.arange(size), width=8),
        sheet.answered[rows],
        {
            "survey_id": constant(sheet.survey.name, size),
            "submission_id": ref("U", sheet.submission),
            "question_id": constant(question.name, size),
            "main": flags(np.full(size, question.main)),
            "invitation_id": ref("I", sheet.invitation),
            "kind": constant(question.kind, size),
            "question_version": words(("1", "2"), sheet.version[rows]),
            "score": numbers(score, score >= 0),
            "scale_min": numbers(np.full(size, question.low), scaled),
            "scale_max": numbers(np.full(size, question.high), scaled),
            "direction": words(("high_is_good",), np.zeros(size, int), scaled),
            "choice": words(question.choices or ("",), np.maximum(choice, 0), choice >= 0),
            "task_success": flags(success == 1, success >= 0),
            "comment": phrases().pick(rng, comment, sheet.language[rows]),
            "language": words(LANGUAGES, sheet.language[rows]),
            "channel": constant(sheet.survey.channel, size),
            "touchpoint": constant(sheet.survey.touchpoint, size),
            "asked_at": instants(sheet.asked[rows]),
            "answered_at": instants(sheet.answered[rows]),
            "complete": flags(sheet.complete[rows]),
            "customer_id": writer.contacts(customer, customer >= 0),
            "account_id": writer.accounts(account, account >= 0),
            "conversation_id": ref("T", sheet.conversation),
            "order_id": ref("O", sheet.order),
            "agent_id": words(AGENTS, np.maximum(sheet.agent[rows], 0), sheet.agent[rows] >= 0),
        },
    )
