"""Cases as they are kept: opened once a subject, changed by steps that are written down, found by an inbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import Unknown
from wellheard.store.followup import CASE_ENTRIES, CASES, SAVED_VIEWS

OPEN, ACKNOWLEDGED, SNOOZED, CLOSED, MERGED = "open", "acknowledged", "snoozed", "closed", "merged"
STATES = (OPEN, ACKNOWLEDGED, SNOOZED, CLOSED, MERGED)
# What a case's details may say: where nothing is said, there is nothing.
NOTHING: Mapping[str, Any] = {"text": "", "link": "", "rule": "", "facts": (), "customers": (), "customer": {}}
UNDONE = (OPEN, ACKNOWLEDGED, SNOOZED)


@dataclass(frozen=True)
class Opening:
    """A case that is to be opened; `subject` is what it is about, by a name that it has for ever."""

    kind: str
    subject: str
    title: str
    details: Mapping[str, Any]
    rule_id: str | None = None
    priority: str = "normal"
    owner: str = ""
    team: str = ""
    play: str = ""
    customer_id: str | None = None
    account_id: str | None = None
    conversation_id: str | None = None
    submission_id: str | None = None
    due_at: datetime | None = None
    escalate_to: str = ""


@dataclass(frozen=True)
class Case:
    """A task that a rule opened for a colleague, followed until it is done."""

    number: int
    kind: str
    subject: str
    title: str
    state: str
    rule_id: str | None
    priority: str | None
    owner: str | None
    team: str | None
    play: str | None
    customer_id: str | None
    account_id: str | None
    conversation_id: str | None
    submission_id: str | None
    opened_at: datetime
    changed_at: datetime
    due_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    snoozed_until: datetime | None
    escalated_at: datetime | None
    escalate_to: str | None
    closed_at: datetime | None
    outcome: str | None
    reason: str | None
    merged_into: int | None
    answered_at: datetime | None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def undone(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in UNDONE


@dataclass(frozen=True)
class Entry:
    """One step of a case: who did what, and when."""

    entered_at: datetime
    who: str
    kind: str
    words: str


@dataclass(frozen=True)
class Search:
    """What an inbox shows: every part narrows it, and an empty one does not."""

    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = UNDONE
    owner: str = ""
    team: str = ""
    rule_id: str = ""
    customer_id: str = ""
    text: str = ""
    overdue: bool = False
    most: int = 200


def open_case(con: sa.Connection, workspace: str, opening: Opening, now: datetime) -> tuple[int, bool]:
    """Opens a case once a subject; gives its number, and whether it is new."""
    c = CASES.c
    mine = (c.workspace == workspace) & (c.subject == opening.subject)
    known = con.scalar(sa.select(c.number).where(mine))
    if known is not None:
        return int(known), False
    told = {name: value or None for name, value in vars(opening).items() if name != "details"}
    details = json.dumps(dict(opening.details), ensure_ascii=False, default=str)
    made = con.execute(
        CASES.insert().values(
            **{**told, "kind": opening.kind, "title": opening.title, "details": details},
            workspace=workspace,
            state=OPEN,
            opened_at=now,
            changed_at=now,
        )
    )
    number = int(made.inserted_primary_key[0])  # type: ignore[index]
    enter(con, number, now, "wellheard", "opened", f"opened by the rule {opening.rule_id}" if opening.rule_id else "")
    return number, True


def enter(con: sa.Connection, number: int, now: datetime, who: str, kind: str, words: str = "") -> None:
    """Writes a step into a case's history."""
    con.execute(CASE_ENTRIES.insert().values(case_number=number, entered_at=now, who=who, kind=kind, words=words))


def change_case(con: sa.Connection, workspace: str, number: int, now: datetime, **values: Any) -> None:
    """Changes columns of a case. Raises Unknown."""
    c = CASES.c
    told = CASES.update().where((c.workspace == workspace) & (c.number == number))
    if not con.execute(told.values(changed_at=now, **values)).rowcount:
        raise _unknown(number)


def case(con: sa.Connection, workspace: str, number: int) -> Case:
    """One case. Raises Unknown."""
    c = CASES.c
    row = con.execute(sa.select(CASES).where((c.workspace == workspace) & (c.number == number))).mappings().first()
    if row is None:
        raise _unknown(number)
    return _case(row)


def cases(con: sa.Connection, workspace: str, search: Search, now: datetime) -> list[Case]:
    """The cases that a search finds: what is due first stands first, closed ones by when they were."""
    c = CASES.c
    which = c.workspace == workspace
    for column, values in ((c.kind, search.kinds), (c.state, search.states)):
        which = which & column.in_(values) if values else which
    for column, value in ((c.owner, search.owner), (c.team, search.team), (c.rule_id, search.rule_id)):
        which = which & (column == value) if value else which
    if search.customer_id:
        which = which & (c.customer_id == search.customer_id)
    if search.text:
        which = which & (
            c.title.icontains(search.text, autoescape=True) | c.details.icontains(search.text, autoescape=True)
        )
    if search.overdue:
        which = which & (c.due_at < now) & c.state.in_(UNDONE)
    order = (c.closed_at.desc(), c.due_at.is_(None), c.due_at, c.number.desc())
    return [
        _case(row) for row in con.execute(sa.select(CASES).where(which).order_by(*order).limit(search.most)).mappings()
    ]


def cases_about(con: sa.Connection, workspace: str, ids: Sequence[str], *, company: bool, most: int) -> list[Case]:
    """The newest cases of a customer or company, by the ids of its rows; what was merged stands in another one."""
    c = CASES.c
    which = (c.workspace == workspace) & (c.account_id if company else c.customer_id).in_(list(ids))
    found = sa.select(CASES).where(which & (c.state != MERGED)).order_by(c.number.desc()).limit(most)
    return [_case(row) for row in con.execute(found).mappings()]


def entries(con: sa.Connection, number: int) -> list[Entry]:
    """A case's history in order."""
    e = CASE_ENTRIES.c
    rows = con.execute(sa.select(CASE_ENTRIES).where(e.case_number == number).order_by(e.number)).mappings()
    return [Entry(r["entered_at"], r["who"], r["kind"], r["words"]) for r in rows]


def overdue(con: sa.Connection, workspace: str, now: datetime) -> list[Case]:
    """Cases past their time that were not passed on yet."""
    c = CASES.c
    which = (c.workspace == workspace) & c.state.in_(UNDONE) & (c.due_at < now) & c.escalated_at.is_(None)
    return [_case(row) for row in con.execute(sa.select(CASES).where(which).order_by(c.due_at)).mappings()]


def woken(con: sa.Connection, workspace: str, now: datetime) -> list[int]:
    """Opens cases again whose snooze is over; gives their numbers."""
    c = CASES.c
    which = (c.workspace == workspace) & (c.state == SNOOZED) & (c.snoozed_until <= now)
    numbers = [int(n) for n in con.scalars(sa.select(c.number).where(which))]
    for number in numbers:
        change_case(con, workspace, number, now, state=OPEN, snoozed_until=None)
        enter(con, number, now, "wellheard", "woken", "the snooze is over")
    return numbers


def counts_by_state(con: sa.Connection, workspace: str, kinds: Sequence[str]) -> dict[str, int]:
    """How many cases of some kinds are in each state."""
    c = CASES.c
    which = (c.workspace == workspace) & c.kind.in_(list(kinds))
    rows = con.execute(sa.select(c.state, sa.func.count()).where(which).group_by(c.state))
    return dict.fromkeys(STATES, 0) | {state: int(n) for state, n in rows}


def save_view(con: sa.Connection, workspace: str, name: str, query: str) -> None:
    """Keeps an inbox's search under a name, in place of an earlier one."""
    v = SAVED_VIEWS.c
    con.execute(SAVED_VIEWS.delete().where((v.workspace == workspace) & (v.name == name)))
    if query:
        con.execute(SAVED_VIEWS.insert().values(workspace=workspace, name=name, query=query))


def saved_views(con: sa.Connection, workspace: str) -> dict[str, str]:
    """The saved searches by name."""
    v = SAVED_VIEWS.c
    rows = con.execute(sa.select(v.name, v.query).where(v.workspace == workspace).order_by(v.name))
    return {row.name: row.query for row in rows}


def _unknown(number: int) -> Unknown:
    return Unknown(f"there is no case {number}", hint="`wellheard cases` lists them", field="case")


def _case(row: Mapping[Any, Any]) -> Case:
    names = [name for name in Case.__dataclass_fields__ if name != "details"]
    return Case(details={**NOTHING, **json.loads(row["details"])}, **{name: row[name] for name in names})
