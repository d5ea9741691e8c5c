"""Rules: when this, do that. Each is a TOML file, in git or made on the page, and says nothing that a program runs."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wellheard.actions.trigger import Trigger, When, trigger_called
from wellheard.base.errors import BadCall, BadInput, Place, Unknown, WellheardError
from wellheard.base.periods import zone_of

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
LONGEST = 200


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenCase(_Step):
    """Opens a case, due after so many hours: of the clock, or of the opening hours of a schedule."""

    action: Literal["case"]
    owner: str = Field("", max_length=LONGEST)
    team: str = Field("", max_length=LONGEST)
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    due_hours: float | None = Field(None, gt=0, le=10_000)
    schedule: str = ""
    escalate_to: str = Field("", max_length=LONGEST)
    play: str = Field("", max_length=LONGEST)


class Notify(_Step):
    """Tells colleagues through a connection."""

    action: Literal["notify"]
    through: str
    to: str = Field("", max_length=LONGEST)


class Ticket(_Step):
    """Opens a ticket in a help desk."""

    action: Literal["ticket"]
    through: str
    priority: Literal["low", "normal", "high", "urgent"] = "normal"


class Webhook(_Step):
    """Tells a program."""

    action: Literal["webhook"]
    through: str


class Tag(_Step):
    """Gives the customer a tag."""

    action: Literal["tag"]
    tag: str = Field(min_length=1, max_length=60)


class Survey(_Step):
    """Sends the customer a survey by mail, after so many days."""

    action: Literal["survey"]
    survey: str
    through: str
    after_days: float = Field(0, ge=0, le=365)
    subject: str = Field("How was it?", max_length=LONGEST)
    text: str = Field("Hello {name}, would you tell us how it went? It takes a minute.", max_length=5_000)


class Review(_Step):
    """Asks the customer for a public review by mail."""

    action: Literal["review"]
    link: str = Field(pattern=r"^https?://\S+$")
    through: str
    subject: str = Field("Would you tell others?", max_length=LONGEST)
    text: str = Field(
        "Hello {name}, thank you for your kind words. Would you write them as a review?", max_length=5_000
    )


class Play(_Step):
    """Adds the case to a play: a way of following up whose outcome is measured beside the others'."""

    action: Literal["play"]
    play: str = Field(min_length=1, max_length=LONGEST)


Step = Annotated[OpenCase | Notify | Ticket | Webhook | Tag | Survey | Review | Play, Field(discriminator="action")]


class Quiet(BaseModel):
    """Hours in which colleagues are not told: what is due then leaves at their end. Cases are opened all the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: time = Field(alias="from")
    end: time = Field(alias="to")
    zone: str = ""
    weekends: bool = False

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value:
            try:
                zone_of(value)
            except WellheardError as error:
                raise ValueError(error.message) from None
        return value

    def ends_after(self, moment: datetime, zone: str) -> datetime:
        """The first instant from `moment` on that is not quiet."""
        here = moment.astimezone(zone_of(self.zone or zone))
        for _ in range(2 * 8):
            if self.weekends and here.weekday() >= 5:
                here = _next_midnight(here)
            elif (quiet_until := self._until(here)) is not None:
                here = quiet_until
            else:
                break
        return max(here.astimezone(moment.tzinfo), moment)

    def _until(self, here: datetime) -> datetime | None:
        clock = here.timetz().replace(tzinfo=None)
        if self.start <= self.end:
            inside = self.start <= clock < self.end
            day = here.date()
        else:
            inside = clock >= self.start or clock < self.end
            day = here.date() + timedelta(days=1) if clock >= self.start else here.date()
        return datetime.combine(day, self.end, here.tzinfo) if inside else None


class RuleFile(BaseModel):
    """A rule as its file says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=LONGEST)
    when: dict[str, Any]
    do: tuple[Step, ...] = Field(min_length=1, max_length=20)
    on: bool = True
    words: str = Field("", max_length=2_000)
    cool_down_days: float = Field(0, ge=0, le=400)
    most_an_hour: int = Field(60, ge=1, le=10_000)
    most_a_day: int = Field(200, ge=1, le=100_000)
    fresh_hours: float = Field(72, gt=0, le=24 * 60)
    holdout_percent: float = Field(0, ge=0, le=50)
    quiet: Quiet | None = None

    @model_validator(mode="after")
    def _sound(self) -> RuleFile:
        if "trigger" not in self.when:
            raise ValueError("when: say which trigger")
        return self


@dataclass(frozen=True)
class Rule:
    """A rule that can be used: `when` is its trigger's own model."""

    id: str
    file: RuleFile
    trigger: Trigger
    when: When

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def fresh(self) -> timedelta:
        """How old what happened may be to be acted on: what is imported from long ago wakes nobody."""
        return timedelta(hours=self.file.fresh_hours)

    @property
    def cool_down(self) -> timedelta:
        """How long a person is left alone after the rule acted."""
        return timedelta(days=self.file.cool_down_days)

    def through(self) -> tuple[str, ...]:
        """The connections that it sends through."""
        return tuple(dict.fromkeys(s.through for s in self.file.do if hasattr(s, "through")))


def rule_from(id: str, told: Mapping[str, Any], place: Place | None = None) -> Rule:
    """A rule from what its file says. Raises BadInput naming what is wrong."""
    hint = "docs/actions.md shows what a rule can say"
    if not NAME.fullmatch(id):
        raise BadInput(f"{id!r} is no name for a rule", hint="small letters, digits and -", place=place, field="id")
    try:
        file = RuleFile.model_validate(told)
        trigger = trigger_called(str(file.when["trigger"]))
        return Rule(id, file, trigger, trigger.when.model_validate(file.when))
    except ValidationError as error:
        raise BadInput(_told(error), hint=hint, place=place) from None
    except Unknown as error:
        raise BadInput(error.message, hint=error.hint, place=place, field="trigger") from None


def rule_in(id: str, text: str, place: Place | None = None) -> Rule:
    """A rule from the text of its file. Raises BadInput."""
    try:
        return rule_from(id, tomllib.loads(text), place)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"this is no TOML: {error}", hint="look at the line it names", place=place) from None


class RuleBook:
    """The rules in a folder of the home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[list[Rule], dict[str, BadInput]]:
        """The rules in order of name, and what is wrong with those that cannot be used."""
        rules, faulty = [], {}
        for path in sorted(self.folder.glob("*.toml")) if self.folder.is_dir() else ():
            try:
                rules.append(rule_in(path.stem, path.read_text("utf-8"), Place(path.name)))
            except BadInput as error:
                faulty[path.stem] = error
            except (OSError, UnicodeDecodeError) as error:
                faulty[path.stem] = BadInput(f"cannot be read: {error}", place=Place(path.name))
        return rules, faulty

    def rule(self, id: str) -> Rule:
        """One rule. Raises Unknown, and BadInput where its file is wrong."""
        path = self._path(id)
        if not path.is_file():
            raise Unknown(f"there is no rule {id!r}", hint="`wellheard rules list` shows those there are", field="rule")
        return rule_in(id, path.read_text("utf-8"), Place(path.name))

    def text(self, id: str) -> str:
        """The text of a rule's file. Raises Unknown."""
        path = self._path(id)
        if not path.is_file():
            raise Unknown(f"there is no rule {id!r}", hint="`wellheard rules list` shows those there are", field="rule")
        return path.read_text("utf-8")

    def save(self, id: str, text: str) -> Rule:
        """Keeps a rule, if it can be used. Raises BadInput."""
        rule = rule_in(id, text)
        path = self._path(id)
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)  # a reader sees the old file or the new one, never half of one
        return rule

    def turn(self, id: str, on: bool) -> None:
        """Turns a rule on or off; its file is written anew for it."""
        told = tomllib.loads(self.text(id)) | {"on": on}
        self.save(id, tomli_w.dumps(told))

    def remove(self, id: str) -> None:
        """Forgets a rule; what it did stays written down. Raises Unknown."""
        self.text(id)
        self._path(id).unlink()

    def state(self) -> str:
        """What changes with any of the files."""
        found = sorted(self.folder.glob("*.toml")) if self.folder.is_dir() else []
        said = "".join(f"{p.name}{p.stat().st_mtime_ns}" for p in found if p.exists())
        return hashlib.sha256(said.encode()).hexdigest()

    def _path(self, id: str) -> Path:
        if not NAME.fullmatch(id):
            raise BadCall(f"{id!r} is no name for a rule", hint="small letters, digits and -", field="rule")
        return self.folder / f"{id}.toml"


def _told(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'rule'}: {e['msg']}" for e in error.errors()[:5])


def _next_midnight(here: datetime) -> datetime:
    return datetime.combine(here.date() + timedelta(days=1), time(), here.tzinfo)
