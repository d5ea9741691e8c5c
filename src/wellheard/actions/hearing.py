"""Takes in what help desks tell: written into the cases it belongs to, once, and nothing else follows from it.

No rule looks at what is heard here, so an event can never set off the rule that opened its case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wellheard.actions.hook import ANSWERED, REOPENED, SOLVED, Call, Event, scheme_called, told_in
from wellheard.store import cases, hooks
from wellheard.store.followup import Transaction
from wellheard.store.hooks import KeptHook
from wellheard.store.store import Store
from wellheard.store.vault import Vault

LONGEST = 2_000  # letters of an answer that stand in the history
STEPS = {SOLVED: "solved the ticket", REOPENED: "reopened the ticket", ANSWERED: "answered the customer"}


@dataclass(frozen=True)
class Heard:
    """What became of a call: whether it was new, and the numbers of the cases in which it was written."""

    accepted: bool
    cases: tuple[int, ...] = ()


def hear(
    store: Store, vault: Vault, workspace: str, id: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Heard:
    """Takes in one call at the hook of that id. A repetition changes nothing, and is no error: the sender may rest.

    Raises Unknown for an id that is no hook's, Refused for a call that is not proven, BadCall for no JSON, Busy.
    """
    with store.reading() as con:
        hook = hooks.hook_at(con, workspace, vault, id)
    scheme = scheme_called(hook.scheme)
    event_id = scheme.check(Call(hook.secrets, headers, body, now.timestamp()))
    event = scheme.read(told_in(body))
    with store.writing() as con:
        if not hooks.note_heard(con, hook.id, event_id, now):
            return Heard(accepted=False)
        return Heard(accepted=True, cases=_written(con, workspace, hook, event, now) if event else ())


def _written(con: Transaction, workspace: str, hook: KeptHook, event: Event, now: datetime) -> tuple[int, ...]:
    numbers = hooks.cases_of_ticket(con, workspace, event.system, hook.name, event.ticket)
    return tuple(number for number in numbers if _note(con, workspace, hook, number, event, now))


def _note(con: Transaction, workspace: str, hook: KeptHook, number: int, event: Event, now: datetime) -> bool:
    """Writes the event into a case, unless its ticket is known to be in that state already."""
    kind = STEPS[event.what]
    if event.what != ANSWERED:
        known = _state(con, number, event.ticket)
        if known == kind or (event.if_solved and known != STEPS[SOLVED]):
            return False
    said = event.text.strip()[:LONGEST] if event.what == ANSWERED else ""
    words = f"ticket {event.ticket}: {said}" if said else f"ticket {event.ticket}"
    cases.enter(con, number, now, hook.name, kind, words)
    cases.change_case(con, workspace, number, now, answered_at=None if event.what == REOPENED else now)
    return True


def _state(con: Transaction, number: int, ticket: str) -> str:
    """The newest step by which that ticket was solved or reopened; empty where there is none."""
    states = [STEPS[SOLVED], STEPS[REOPENED]]
    known = [e.kind for e in cases.entries(con, number) if e.kind in states and e.words == f"ticket {ticket}"]
    return known[-1] if known else ""
