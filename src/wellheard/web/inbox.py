"""Cases as a table: what an address asks for, and how each row is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.store import cases
from wellheard.store.cases import CLOSED, MERGED, SNOOZED, STATES, UNDONE, Case, Search
from wellheard.web.followup import WHO, away

TASKS = ("answer", "text", "review", "customer")
STATE_CHOICES = (("", "to do"), ("open", "open"), ("acknowledged", "in hand"), ("snoozed", "snoozed"),
                 ("closed", "closed"), ("all", "all"))  # fmt: skip
FIELDS = ("state", "owner", "team", "rule", "customer", "q", "overdue")
READY: tuple[tuple[str, dict[str, str]], ...] = (
    ("To do", {}),
    ("Mine", {"owner": WHO}),
    ("Overdue", {"overdue": "1"}),
    ("Snoozed", {"state": SNOOZED}),
    ("Closed", {"state": CLOSED}),
)
Kinds = tuple[str, ...]


@dataclass(frozen=True)
class RowOfCase:
    """A case as a row shows it."""

    case: Case
    customer: str
    due: str
    late: bool
    opened: str


def search_of(given: Mapping[str, str], kinds: Kinds) -> Search:
    """What an address asks for; words that it has for nothing are passed over."""
    state = given.get("state", "")
    states = {"": UNDONE, "all": STATES[:4]}.get(state, (state,) if state in STATES else UNDONE)
    return Search(
        kinds=kinds,
        states=states,
        owner=given.get("owner", ""),
        team=given.get("team", ""),
        rule_id=given.get("rule", ""),
        customer_id=given.get("customer", ""),
        text=given.get("q", "")[:200],
        overdue=given.get("overdue") == "1",
    )


def shown_of(loop: ClosedLoop, given: Mapping[str, str], kinds: Kinds, watching: tuple[str, ...]) -> dict[str, Any]:
    """What the page of one kind of case shows: those that its address asks for, and the rules by these triggers."""
    with loop.store.reading() as con:
        counts = cases.counts_by_state(con, loop.workspace, kinds)
    rules, _ = loop.book.all()
    return {
        "rows": rows_of(loop, search_of(given, kinds)),
        "typed": {name: given.get(name, "") for name in FIELDS},
        "states": STATE_CHOICES,
        "query": query_of(given),
        "any": any(counts[state] for state in STATES),
        "watching": [rule for rule in rules if rule.trigger.name in watching],
    }


def rows_of(loop: ClosedLoop, search: Search) -> list[RowOfCase]:
    """The cases found, as rows."""
    now = loop.sender.now()
    with loop.store.reading() as con:
        found = cases.cases(con, loop.workspace, search, now)
    return [row_of(case, now) for case in found]


def row_of(case: Case, now: datetime) -> RowOfCase:
    """A case as a row shows it at a moment."""
    told: Mapping[str, Any] = case.details.get("customer", {})
    customer = str(told.get("name") or told.get("email") or case.customer_id or case.account_id or "")
    late = case.undone and case.due_at is not None and case.due_at < now
    ended = case.closed_at if case.state in (CLOSED, MERGED) else None
    return RowOfCase(case, customer, away(ended or case.due_at, now), late, away(case.opened_at, now))


def query_of(given: Mapping[str, str]) -> str:
    """What narrows the inbox, as an address has it."""
    return urlencode({name: given[name] for name in FIELDS if given.get(name)})
