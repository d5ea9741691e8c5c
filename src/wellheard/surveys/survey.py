"""A survey: its questions, their order and logic, its languages, thanks and looks; read from TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from wellheard.base.errors import BadInput, Place, Unknown, WellheardError
from wellheard.surveys.cadence import Asking
from wellheard.surveys.catalogue import question_type, standard_words
from wellheard.surveys.part import Part
from wellheard.surveys.question import Asked, Options, Outcome, QuestionType
from wellheard.surveys.words import ENGLISH, Words, resolved, wording_version

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Text = Annotated[str, StringConstraints(max_length=600, strip_whitespace=True)]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s\"'<>\\]+$", max_length=500)]
OwnWords = Mapping[Language, Mapping[str, Text]]
Several = BeforeValidator(lambda given: [given] if isinstance(given, dict) else given)
SURVEY_WORDS = frozenset({"title", "intro"})
THANKS_WORDS = frozenset({"title", "text", "link"})
MOST_QUESTIONS = 50


class Condition(Part):
    """What the answer to an earlier question must be: every bound that is given holds."""

    question: Name
    outcome: tuple[Outcome, ...] = ()
    at_least: int | None = None
    at_most: int | None = None
    choice: tuple[str, ...] = ()


class Question(Part):
    """A question of a survey. `words` are its own, by language and key; `when` lets it be asked only then."""

    id: Name
    type: str
    main: bool | None = None
    required: bool = False
    when: Annotated[tuple[Condition, ...], Several] = ()
    options: SerializeAsAny[Options] = Field(default=Options(), validate_default=True)
    words: OwnWords = Field(default_factory=dict)

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            question_type(name)
        except WellheardError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
        return name

    @field_validator("options", mode="before")
    @classmethod
    def _of_its_type(cls, given: Any, info: ValidationInfo) -> Any:
        if "type" not in info.data:
            return Options()  # what is wrong with the type is said already
        told = given.model_dump(exclude_unset=True) if isinstance(given, Options) else given
        return question_type(info.data["type"]).options.model_validate(told)

    @model_validator(mode="after")
    def _words_known(self) -> Question:
        known = {*standard_words(self.type).by_language[ENGLISH], *self.kind_of.makes_words(self.options)}
        for language, words in self.words.items():
            for key in words:
                if key not in known:
                    raise ValueError(
                        f"words.{language}.{key} is no word of this question; there are {', '.join(sorted(known))}"
                    )
        return self

    @property
    def kind_of(self) -> QuestionType:
        """What type it is of."""
        return question_type(self.type)


class Thanks(Part):
    """What is said at the end; the first whose conditions hold. `link` leads on, such as to a review site."""

    when: Annotated[tuple[Condition, ...], Several] = ()
    link: Link | None = None
    words: OwnWords = Field(default_factory=dict)

    @field_validator("words")
    @classmethod
    def _known(cls, words: OwnWords) -> OwnWords:
        return _only(words, THANKS_WORDS)


class Branding(Part):
    """How a survey looks: the name that it speaks for, and the colour of its buttons."""

    name: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    accent: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)] = "#1f5c57"


class Survey(Part):
    """A questionnaire. `id` stands in every row; `key`, 128 random bits in hex, in the address of its page.

    The first of `languages` stands where another has no words. In an anonymous survey nothing links an answer to whom
    was asked. An answer can be changed for `edit_minutes`. What is answered in `test` mode never counts. `asking` says
    when it asks by itself.
    """

    id: Name
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
    version: int = Field(1, ge=1)
    touchpoint: Annotated[str, StringConstraints(max_length=80)] | None = None
    languages: tuple[Language, ...] = Field((ENGLISH,), min_length=1, max_length=60)
    anonymous: bool = False
    open: bool = True
    test: bool = False
    edit_minutes: int = Field(1440, ge=0, le=525_600)
    origins: tuple[Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.:\[\]-]+$", max_length=255)], ...] = ()
    branding: Branding = Branding()
    words: OwnWords = Field(default_factory=dict)
    questions: tuple[Question, ...] = Field(min_length=1, max_length=MOST_QUESTIONS)
    thanks: tuple[Thanks, ...] = Field((), max_length=20)
    asking: Asking | None = None
    key: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")] = Field("", exclude=True)

    @field_validator("words")
    @classmethod
    def _known(cls, words: OwnWords) -> OwnWords:
        return _only(words, SURVEY_WORDS)

    @model_validator(mode="after")
    def _hangs_together(self) -> Survey:
        for fault in _loose_ends(self):
            raise ValueError(fault)
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Question]:
        """Its questions by id."""
        return {question.id: question for question in self.questions}

    def question(self, id: str) -> Question:
        """Raises Unknown for an id that no question has."""
        if id not in self.by_id:
            raise Unknown(f"{self.id} has no question {id!r}", hint=f"there are {', '.join(self.by_id)}", field=id)
        return self.by_id[id]

    @cached_property
    def mains(self) -> frozenset[str]:
        """The main question of every kind: the one that says so, else the first. A custom question is none."""
        said = [q for q in self.questions if q.main]
        kinds = {q.kind_of.kind for q in said}
        for question in self.questions:
            kind = question.kind_of.kind
            if kind not in kinds and kind != "custom" and question.main is None:
                said.append(question)
                kinds.add(kind)
        return frozenset(question.id for question in said)

    @cached_property
    def steps(self) -> tuple[tuple[Question, ...], ...]:
        """Its questions page by page: what depends on an answer stands on a later page than the answer."""
        pages: list[list[Question]] = [[]]
        for question in self.questions:
            if _depends_on(question) & {earlier.id for earlier in pages[-1]}:
                pages.append([])
            pages[-1].append(question)
        return tuple(tuple(page) for page in pages)

    def spoken(self, wanted: str | None) -> str:
        """The language to use for one who wants another: it itself, its main tongue, else the survey's first."""
        for candidate in (wanted, (wanted or "").split("-")[0]):
            if candidate in self.languages:
                return str(candidate)
        return self.languages[0]

    def asked(self, question: Question, language: str) -> Asked:
        """A question as somebody reads it in a language."""
        owner, known = self._asked
        if owner != id(self):  # a copy with other fields must not give this one's
            return self._as_asked(question, language)
        if (question.id, language) not in known:
            known[question.id, language] = self._as_asked(question, language)
        return known[question.id, language]

    @cached_property
    def _asked(self) -> tuple[int, dict[tuple[str, str], Asked]]:
        """Whose questions are kept, and as they were asked: thousands of answers a second are read by them."""
        return id(self), {}

    def _as_asked(self, question: Question, language: str) -> Asked:
        base = standard_words(question.type)
        words = resolved(base, question.words, language, self.languages[0])
        return Asked(
            id=question.id,
            options=question.options,
            words={key: self.branded(text) for key, text in words.items()},
            version=wording_version(question.type, base, question.words, words),
            main=question.id in self.mains,
            required=question.required,
        )

    def said(self, words: OwnWords, language: str) -> Words:
        """Words of the survey's own in a language, where there are any."""
        chosen = words.get(language) or words.get(self.languages[0]) or next(iter(words.values()), {})
        return {key: self.branded(text) for key, text in chosen.items()}

    def branded(self, text: str) -> str:
        """A text with the name that the survey speaks for in the place of {brand}."""
        return text.replace("{brand}", self.branding.name or self.name)


def _only(words: OwnWords, known: frozenset[str]) -> OwnWords:
    for language, told in words.items():
        for key in told:
            if key not in known:
                raise ValueError(f"{language}.{key} is not known; there are {', '.join(sorted(known))}")
    return words


def _depends_on(question: Question) -> set[str]:
    beside = question.kind_of.beside(question.options)
    return {condition.question for condition in question.when} | ({beside} if beside else set())


def _loose_ends(survey: Survey) -> list[str]:
    """What does not hang together, in words."""
    faults, seen, commented = [], set[str](), set[str]()
    mains: set[str] = set()
    for question in survey.questions:
        if question.id in seen:
            faults.append(f"two questions are called {question.id}")
        faults += [
            f"{question.id} depends on {name}, which is no earlier question"
            for name in sorted(_depends_on(question) - seen)
        ]
        beside = question.kind_of.beside(question.options)
        if beside and beside in commented:
            faults.append(f"{beside} has two follow-ups; let {question.id} be a question of type text")
        kind = question.kind_of.kind
        if question.main and kind != "custom" and kind in mains:
            faults.append(f"two questions say that they are the main one of kind {kind}")
        mains |= {kind} if question.main else set()
        commented |= {beside} if beside else set()
        seen.add(question.id)
        for key in question.kind_of.makes_words(question.options):
            if not question.words.get(survey.languages[0], {}).get(key):
                faults.append(f"{question.id} has no words.{survey.languages[0]}.{key}")
    for thanks in survey.thanks:
        faults += [
            f"thanks depend on {c.question}, which is no question" for c in thanks.when if c.question not in seen
        ]
    return faults


def survey_of(text: str, file: str | None = None, *, key: str = "", id: str | None = None) -> Survey:
    """The survey that a TOML text defines; `id` where the text leaves it to the file's name.

    Raises BadInput naming the file and every field that is wrong.
    """
    place = Place(file=file)
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"this is no TOML: {error}", hint="mend the line that is named", place=place) from None
    return survey_from(({"id": id} if id else {}) | told, place, key)


def survey_from(told: Mapping[str, Any], place: Place | None = None, key: str = "") -> Survey:
    """The survey of a definition as plain values. Raises BadInput naming every field that is wrong."""
    try:
        return Survey.model_validate({**told, "key": key})
    except ValidationError as error:
        faults = [(_dotted(e["loc"]), _sentence(e)) for e in error.errors(include_url=False)]
        words = "; ".join(f"{field}: {fault}" if field else fault for field, fault in faults)
        raise BadInput(
            f"the survey is not right: {words}", hint="mend what is named", field=faults[0][0] or None, place=place
        ) from None


def read_survey(path: Path, key: str = "") -> Survey:
    """The survey of a file; its id is the file's name. Raises BadInput."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", hint="it must be UTF-8", place=Place(file=path.name)) from None
    survey = survey_of(text, path.name, key=key, id=path.stem)
    if survey.id != path.stem:
        hint = f"call the file {survey.id}.toml, or leave the id out"
        raise BadInput(f"its id is {survey.id!r}", hint=hint, field="id", place=Place(file=path.name))
    return survey


def _dotted(where: tuple[int | str, ...]) -> str:
    return re.sub(r"\.(\d+)", lambda found: f"[{found.group(1)}]", ".".join(map(str, where)))


def _sentence(error: Mapping[str, Any]) -> str:
    return str(error["msg"]).removeprefix("Value error, ")
