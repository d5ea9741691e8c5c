"""Makes of what somebody sent a submission that the inbox takes: bounded, checked against its survey, and flagged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from wellheard.base.errors import BadCall, Refused
from wellheard.store.submission import SPAM, TOO_FAST, Submission
from wellheard.surveys.identity import identity_of
from wellheard.surveys.reading import Reading, read_answers
from wellheard.surveys.survey import Survey

DEEPEST = 10  # how far lists and objects may lie within one another
LONGEST_ANSWER = 8_000  # characters of any text among the answers; a question may take less
MOST_FIELDS = 60
MOST_ITEMS = 100
OLDEST = timedelta(days=7)  # how long a device without a network may keep an answer back
FASTEST = 1.0  # seconds in which nobody reads a question and answers it

Secret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,128}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,79}$")]
Tongue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})?$")]


class Closed(Refused):
    """The survey takes no answers."""

    code = "closed"
    http_status = 410


class Sent(BaseModel):
    """What a page, the widget or a program sends; no field is longer than stated and none is unknown.

    `key` is a random secret of at least 16 characters that the sender makes up, and repeats when it tries again.
    `invitation` is the invitation's token, `edit` what an earlier acknowledgement gave, `identity` a signed statement
    of who answers. `step` is the page that was sent, from 0; without it the whole survey is. `seconds_ago` says how
    long a device kept the answer back, `seconds_taken` how long the person took. `website` is a field that nobody sees.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: dict[Annotated[str, StringConstraints(max_length=60)], Any] = Field(max_length=MOST_FIELDS)
    key: Secret | None = None
    invitation: Secret | None = None
    edit: Secret | None = None
    identity: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    language: Tongue | None = None
    channel: Label | None = None
    touchpoint: Label | None = None
    step: int | None = Field(None, ge=0, le=100)
    seconds_ago: float = Field(0, ge=0, allow_inf_nan=False)
    seconds_taken: float | None = Field(None, allow_inf_nan=False)
    website: Annotated[str, StringConstraints(max_length=500)] = ""

    @field_validator("answers")
    @classmethod
    def _bounded(cls, answers: dict[str, Any]) -> dict[str, Any]:
        _check_bounds(answers, DEEPEST - 1)
        return answers


class Receipt(BaseModel):
    """What a person who was given a receipt sends to have the answer deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: Secret


def receipt_of(body: bytes) -> str:
    """The receipt that a JSON body names. Raises BadCall."""
    try:
        return Receipt.model_validate_json(body).receipt
    except ValidationError as error:
        raise _fault(error) from None


def sent_of(body: bytes) -> Sent:
    """What a JSON body says. Raises BadCall naming the first field that is wrong."""
    try:
        return Sent.model_validate_json(body)
    except ValidationError as error:
        raise _fault(error) from None


def sent_from(told: Mapping[str, Any]) -> Sent:
    """What plain values, such as a form's, say. Raises BadCall naming the first field that is wrong."""
    try:
        return Sent.model_validate(told)
    except ValidationError as error:
        raise _fault(error) from None


def collect(
    survey: Survey, version: int, workspace: str, sent: Sent, now: datetime, secret: str = ""
) -> tuple[Submission | None, Reading]:
    """The submission that `sent` makes, and how it was read; None where some answer is wrong or none was given.

    `version` is the store's number of the survey's definition; `secret` that of the site, by which an identity must be
    signed to count. Raises Closed.
    """
    if not survey.open:
        raise Closed("this survey takes no more answers", hint="nothing needs to be done", field="survey")
    language = survey.spoken(sent.language)
    reading = read_answers(survey, sent.answers, language, sent.step)
    if reading.faults or not reading.answers:
        return None, reading
    about: dict[str, str | None] = {
        "channel": sent.channel,
        "touchpoint": survey.touchpoint or sent.touchpoint,
        "language": language,
    }
    if sent.identity and not survey.anonymous:
        about |= identity_of(secret, sent.identity, now)
    return (
        Submission(
            workspace=workspace,
            survey_key=survey.key,
            version=version,
            rows=[answer.fields() for answer in reading.answers],
            complete=reading.complete,
            arrived_at=now,
            held_back=min(timedelta(seconds=min(sent.seconds_ago, 1e9)), OLDEST),
            anonymous=survey.anonymous,
            test=survey.test,
            key=sent.key,
            token=sent.invitation,
            edit=sent.edit,
            flag=_flag(sent),
            edit_minutes=survey.edit_minutes,
            about=about,
        ),
        reading,
    )


def _flag(sent: Sent) -> str | None:
    if sent.website:
        return SPAM
    return TOO_FAST if sent.seconds_taken is not None and sent.seconds_taken < FASTEST else None


def _check_bounds(value: Any, depth: int) -> None:
    """Raises ValueError for what is too deep, too long or too many."""
    if isinstance(value, str):
        if len(value) > LONGEST_ANSWER:
            raise ValueError(f"a text is longer than {LONGEST_ANSWER} characters")
        return
    if not isinstance(value, dict | list | tuple):
        return
    if depth == 0:
        raise ValueError(f"more than {DEEPEST} levels lie within one another")
    if len(value) > MOST_ITEMS:
        raise ValueError(f"more than {MOST_ITEMS} entries")
    for part in (*value, *value.values()) if isinstance(value, dict) else value:
        _check_bounds(part, depth - 1)


def _fault(error: ValidationError) -> BadCall:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"][:2]) or None
    words = str(first["msg"]).removeprefix("Value error, ")
    return BadCall(
        f"{field}: {words}" if field else words, hint="the documentation of the API says what is taken", field=field
    )
