"""What is sent by the clock: scorecards with the filters they were saved with, and digests of what was alerted.

Each is a TOML file in the folder `schedules` of the home. Times are those of its own zone: eight o'clock stays eight
when clocks change. Whatever is due leaves once, for its key is its name and its time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wellheard.actions.condition import Condition
from wellheard.actions.happening import Look
from wellheard.actions.message import Message
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.errors import BadInput, Place, WellheardError
from wellheard.base.periods import floor, grain_of, local_day, step, zone_of
from wellheard.metrics.question import question
from wellheard.reports import units
from wellheard.store.cases import Search, cases
from wellheard.store.deliveries import known_keys

FOLDER = "schedules"
LATE = timedelta(hours=6)  # after which what was due, while nothing ran, is left out
LAST_DAY = 28


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def home(self) -> Path: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def look(self) -> Look: ...
    @property
    def address(self) -> str: ...


class Addressee(BaseModel):
    """Whom it goes to: through a connection, and to whom there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    through: str
    to: str = ""


class Appointment(BaseModel):
    """What is sent when: a scorecard of KPIs, or a digest of the alerts since the last one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    what: Literal["scorecard", "digest"] = "scorecard"
    every: Literal["day", "week", "month"] = "week"
    on: int = Field(0, ge=0, le=31)
    at: time = time(8)
    zone: str = "UTC"
    kpis: tuple[str, ...] = ()
    grain: Literal["day", "week", "month", "quarter"] = "week"
    where: Condition = ""
    to: tuple[Addressee, ...] = Field(min_length=1)

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            zone_of(value)
        except WellheardError as error:
            raise ValueError(error.message) from None
        return value

    def last_due(self, now: datetime) -> datetime:
        """The last instant at which it was due, up to `now`: a weekday from 0 for Monday, or a day of the month."""
        zone = zone_of(self.zone)
        day = now.astimezone(zone).date()
        for back in range(40):
            candidate = day - timedelta(days=back)
            due = datetime.combine(candidate, self.at, zone).astimezone(UTC)
            if self._falls_on(candidate) and due <= now:
                return due
        raise AssertionError("every month has such a day")

    def _falls_on(self, day: date) -> bool:
        if self.every == "week":
            return day.weekday() == self.on % 7
        return self.every == "day" or day.day == min(max(self.on, 1), LAST_DAY)


@dataclass(frozen=True)
class Line:
    """A KPI of a scorecard: its figure, interval and change, in words."""

    title: str
    figure: str
    spread: str
    change: str


def appointments(home: Path) -> tuple[dict[str, Appointment], dict[str, BadInput]]:
    """What is sent by the clock, by the names of the files, and what is wrong with those that cannot be used."""
    found, faulty = {}, {}
    folder = home / FOLDER
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            found[path.stem] = Appointment.model_validate(tomllib.loads(path.read_text("utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            words = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            faulty[path.stem] = BadInput(words, hint="docs/actions.md has one", place=Place(path.name))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            faulty[path.stem] = BadInput(f"cannot be read: {error}", place=Place(path.name))
    return found, faulty


def send_due(loop: Loop) -> int:
    """Puts into the outbox what is due by the clock; gives how many messages that are."""
    now, sent = loop.sender.now(), 0
    for id, appointment in appointments(loop.home)[0].items():
        due = appointment.last_due(now)
        if now - due > LATE:
            continue
        keys = [delivery_key("schedule", id, due.isoformat(), a.through, a.to) for a in appointment.to]
        if _all_known(loop, keys):
            continue
        message = _message(loop, appointment, due)
        with loop.sender.store.writing() as con:
            for key, addressee in zip(keys, appointment.to, strict=True):
                each = Message(**{**message, "key": key, "to": addressee.to})
                queue_message(con, loop.sender, each, addressee.through)
                sent += 1
    return sent


def lines(loop: Loop, appointment: Appointment, due: datetime) -> list[Line]:
    """The scorecard's lines: each KPI in the last complete period before `due`, with the filter that was saved."""
    grain = grain_of(appointment.grain)
    end = floor(local_day(due, loop.look.zone), grain, loop.look.week_start)
    start = step(end, grain, -2)
    found = []
    for name in appointment.kpis:
        asked = question(name, grain=grain, where=appointment.where or None, start=start, end=end, compare="previous")
        answer = loop.look.ask(asked)
        rows = [row for row in answer.to_list() if row["period_start"]]
        row: Mapping[str, Any] = rows[-1] if rows else {}
        shown = units.written(row.get("value"), answer.asked.unit, row.get("currency"))
        spread = units.spread(row.get("low"), row.get("high"), answer.asked.unit, row.get("currency"))
        change = row.get("change")
        moved = units.change(change, answer.asked.unit, row.get("currency")) if change is not None else ""
        sure = ", more than chance" if row.get("moved") else ""
        figure = " ".join(part for part in (shown.number, shown.unit) if part)
        found.append(Line(answer.metric.title, figure, spread, f"{moved}{sure}" if moved else ""))
    return found


def _message(loop: Loop, appointment: Appointment, due: datetime) -> dict[str, Any]:
    if appointment.what == "digest":
        facts, text = _digest(loop, appointment, due)
    else:
        told = lines(loop, appointment, due)
        facts = tuple((line.title, f"{line.figure} ({line.spread}) {line.change}".strip()) for line in told)
        text = f"Of {appointment.where}." if appointment.where else ""
    link = f"{loop.address}{'/alerts' if appointment.what == 'digest' else '/'}"
    base = {"kind": "notice", "title": appointment.name, "text": text, "facts": facts, "link": link}
    return {**base, "made_at": loop.sender.now()}


def _digest(loop: Loop, appointment: Appointment, due: datetime) -> tuple[tuple[tuple[str, str], ...], str]:
    spans = {"day": 1, "week": 7, "month": 31}
    since = due - timedelta(days=spans[appointment.every])
    with loop.sender.store.reading() as con:
        search = Search(kinds=("alert", "incident"), states=(), most=500)
        found = [c for c in cases(con, loop.sender.workspace, search, due) if since <= c.opened_at < due]
    facts = tuple((c.opened_at.strftime("%Y-%m-%d"), f"{c.title} ({c.owner or 'nobody'}, {c.state})") for c in found)
    return facts[:40], f"{len(found)} alerts" if found else "Nothing was alerted."


def _all_known(loop: Loop, keys: list[str]) -> bool:
    with loop.sender.store.reading() as con:
        return len(known_keys(con, loop.sender.workspace, keys)) == len(set(keys))
