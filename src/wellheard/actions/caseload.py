"""What people do with cases, and what time does: every step is written into the case's history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from wellheard.actions.colleagues import Colleague, mentioned
from wellheard.actions.message import Message
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.errors import BadCall
from wellheard.store import cases
from wellheard.store.cases import ACKNOWLEDGED, CLOSED, MERGED, OPEN, SNOOZED, Case
from wellheard.store.followup import Transaction

OUTCOMES = ("recovered", "unchanged", "lost", "no answer", "not a problem", "duplicate")
LONGEST = 10_000
Step = Callable[[Transaction, Case, datetime], None]


class Loop(Protocol):
    """What this needs of the closed loop."""

    @property
    def sender(self) -> Sender: ...
    @property
    def address(self) -> str: ...
    @property
    def colleagues(self) -> Mapping[str, Colleague]: ...


def acknowledge(loop: Loop, number: int, who: str) -> Case:
    """Says that somebody has it in hand; whoever does owns it where nobody did."""

    def step(con: Transaction, case: Case, now: datetime) -> None:
        first = {} if case.acknowledged_at else {"acknowledged_at": now, "acknowledged_by": who}
        owner = {} if case.owner else {"owner": who}
        cases.change_case(
            con, loop.sender.workspace, number, now, state=ACKNOWLEDGED, snoozed_until=None, **first, **owner
        )
        cases.enter(con, number, now, who, "acknowledged")

    return _changed(loop, number, step)


def snooze(loop: Loop, number: int, who: str, until: datetime) -> Case:
    """Puts it away until then. Raises BadCall for a time that is over."""
    if until <= loop.sender.now():
        raise BadCall(f"{until:%Y-%m-%d %H:%M} is over", hint="name a time to come", field="until")

    def step(con: Transaction, _: Case, now: datetime) -> None:
        cases.change_case(con, loop.sender.workspace, number, now, state=SNOOZED, snoozed_until=until)
        cases.enter(con, number, now, who, "snoozed", f"until {until:%Y-%m-%d %H:%M} UTC")

    return _changed(loop, number, step)


def assign(loop: Loop, number: int, who: str, owner: str) -> Case:
    """Gives it to somebody, who is told where it is known how."""

    def step(con: Transaction, case: Case, now: datetime) -> None:
        cases.change_case(con, loop.sender.workspace, number, now, owner=owner or None)
        cases.enter(con, number, now, who, "assigned", owner or "to nobody")
        if owner and owner != who:
            _tell(con, loop, case, owner, f"{who} gave you case {number}", "assigned", now)

    return _changed(loop, number, step)


def comment(loop: Loop, number: int, who: str, words: str) -> Case:
    """Writes a comment; colleagues who are named with an @ are told. Raises BadCall for an empty one."""
    said = words.strip()[:LONGEST]
    if not said:
        raise BadCall("the comment is empty", hint="write something", field="words")

    def step(con: Transaction, case: Case, now: datetime) -> None:
        cases.change_case(con, loop.sender.workspace, number, now)
        cases.enter(con, number, now, who, "comment", said)
        for name in mentioned(said, loop.colleagues):
            cases.enter(con, number, now, who, "mentioned", name)
            _tell(con, loop, case, name, f"{who} mentioned you in case {number}", f"mention:{said}", now, said)

    return _changed(loop, number, step, closed=True)


def close(loop: Loop, number: int, who: str, outcome: str, reason: str) -> Case:
    """Closes it with what came of it. Raises BadCall for an outcome that there is not."""
    if outcome not in OUTCOMES:
        raise BadCall(f"{outcome!r} is no outcome", hint=f"one of {', '.join(OUTCOMES)}", field="outcome")

    def step(con: Transaction, _: Case, now: datetime) -> None:
        values = {"state": CLOSED, "closed_at": now, "outcome": outcome, "reason": reason.strip()[:LONGEST] or None}
        cases.change_case(con, loop.sender.workspace, number, now, snoozed_until=None, **values)
        cases.enter(con, number, now, who, "closed", f"{outcome}: {reason}" if reason.strip() else outcome)

    return _changed(loop, number, step)


def reopen(loop: Loop, number: int, who: str) -> Case:
    """Opens a closed one again."""

    def step(con: Transaction, case: Case, now: datetime) -> None:
        if case.state != CLOSED:
            raise BadCall(f"case {number} is {case.state}", hint="only a closed one is opened again", field="case")
        values = {"state": OPEN, "closed_at": None, "outcome": None, "reason": None}
        cases.change_case(con, loop.sender.workspace, number, now, **values)
        cases.enter(con, number, now, who, "reopened")

    return _changed(loop, number, step, closed=True)


def merge(loop: Loop, number: int, into: int, who: str) -> Case:
    """Makes one case part of another. Raises BadCall for itself, and for one that is part of another already."""
    if number == into:
        raise BadCall("a case cannot be merged into itself", hint="name another one", field="into")

    def step(con: Transaction, case: Case, now: datetime) -> None:
        workspace = loop.sender.workspace
        whole = cases.case(con, workspace, into)
        if whole.state == MERGED:
            hint = f"merge into case {whole.merged_into}"
            raise BadCall(f"case {into} is part of another already", hint=hint, field="into")
        cases.change_case(con, workspace, number, now, state=MERGED, merged_into=into, closed_at=now)
        cases.enter(con, number, now, who, "merged", f"into case {into}")
        cases.enter(con, into, now, who, "merged", f"case {number}: {case.title}")

    return _changed(loop, number, step)


def tend(loop: Loop) -> list[int]:
    """Wakes cases whose snooze is over and passes overdue ones on, each once; gives the numbers of these."""
    now, workspace = loop.sender.now(), loop.sender.workspace
    with loop.sender.store.writing() as con:
        cases.woken(con, workspace, now)
        late = cases.overdue(con, workspace, now)
        for case in late:
            to = case.escalate_to or case.team or case.owner or ""
            cases.change_case(con, workspace, case.number, now, escalated_at=now)
            cases.enter(con, case.number, now, "wellheard", "escalated", to or "nobody is named to be told")
            if to:
                _tell(con, loop, case, to, f"Case {case.number} is overdue", "escalated", now)
    return [case.number for case in late]


def _changed(loop: Loop, number: int, step: Step, *, closed: bool = False) -> Case:
    workspace = loop.sender.workspace
    with loop.sender.store.writing() as con:
        case = cases.case(con, workspace, number)
        if not closed and not case.undone:
            raise BadCall(f"case {number} is {case.state}", hint="open it again first", field="case")
        step(con, case, loop.sender.now())
        return cases.case(con, workspace, number)


def _tell(
    con: Transaction, loop: Loop, case: Case, name: str, title: str, about: str, now: datetime, words: str = ""
) -> None:
    """Queues a message to a colleague or to each member of a team, once for each thing it is about."""
    known = loop.colleagues
    for one in _members(name, known):
        key = delivery_key(loop.sender.workspace, "case", case.number, about, one, now.date() if words else "")
        message = Message(
            key=key,
            kind="notice",
            title=title,
            text=words or case.title,
            facts=tuple((str(n), str(v)) for n, v in case.details.get("facts", ())),
            link=f"{loop.address}/cases/{case.number}",
            to=known[one].to,
            made_at=now,
        )
        queue_message(con, loop.sender, message, known[one].through, case_number=case.number)


def _members(name: str, known: Mapping[str, Colleague]) -> Sequence[str]:
    if name not in known:
        return ()
    members = [member for member in known[name].members if member in known]
    return members or (name,)
