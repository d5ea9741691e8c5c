"""Messages and status events of conversations, gathered in any order and written in that of time."""

from __future__ import annotations

import numpy as np

from wellheard.simulate.columns import flags, idents, instants, sentences, words
from wellheard.simulate.company import REGIONS, Array, Company
from wellheard.simulate.lives import Ledger
from wellheard.simulate.voices import phrases
from wellheard.simulate.writer import Writer

AUTHORS = ("customer", "human", "bot", "automation", "system")
CUSTOMER, HUMAN, BOT, AUTOMATION = range(4)
FIELDS = ("status", "team", "agent_id")
STATUSES = ("open", "pending", "solved", "closed")
TEAMS = ("Assistant", "Frontline", "Technical", "Billing")
DESKS = 12  # agents a region
AGENTS = tuple(f"agent-{region.schedule}-{desk + 1:02}" for region in REGIONS for desk in range(DESKS))
VALUES = (*STATUSES, *TEAMS, *AGENTS)
OPEN, PENDING, SOLVED, CLOSED = range(4)
FIRST_TEAM, FIRST_AGENT = len(STATUSES), len(STATUSES) + len(TEAMS)


class Transcript:
    """What is said and done in a batch of conversations, which are known by their place in it."""

    def __init__(self) -> None:
        self._messages, self._events = Ledger(), Ledger()

    def say(
        self,
        case: Array,
        at: Array,
        author: int,
        kind: Array | int,
        *,
        agent: Array | int = -1,
        tone: Array | int = -1,
        auto: bool = False,
        internal: bool = False,
    ) -> None:
        """Adds a message to each case; `kind` and `tone` are codes of phrases, `agent` of AGENTS."""
        values = {"author": author, "kind": kind, "tone": tone, "agent": agent, "auto": auto, "internal": internal}
        self._messages.add(case=case, at=at, **{name: _filled(value, len(case)) for name, value in values.items()})

    def change(
        self, case: Array, at: Array, field: str, old: Array | int, new: Array | int, actor: Array | int
    ) -> None:
        """Adds a change of a field of each case; `old` and `new` are codes of VALUES, -1 for nothing."""
        values = {"field": FIELDS.index(field), "old": old, "new": new, "actor": actor}
        self._events.add(case=case, at=at, **{name: _filled(value, len(case)) for name, value in values.items()})

    def status_at_end(self, company: Company, cases: int) -> tuple[Array, Array]:
        """For each case its status when the history ends, and since when."""
        events = _in_order(self._events, company.last)
        mine = events["field"] == 0
        status, since = np.full(cases, OPEN), np.zeros(cases, dtype=np.int64)
        status[events["case"][mine]] = events["new"][mine]  # in order of time, so that the last one stays
        since[events["case"][mine]] = events["at"][mine]
        return status, since

    def last_seen(self, company: Company, cases: int) -> Array:
        """When anything last happened to each case within the history."""
        seen = np.zeros(cases, dtype=np.int64)
        for ledger in (self._messages, self._events):
            rows = _in_order(ledger, company.last)
            np.maximum.at(seen, rows["case"], rows["at"])
        return seen

    def write(
        self, writer: Writer, company: Company, rng: np.random.Generator, first: int, customer: Array, language: Array
    ) -> None:
        """The tables `messages` and `status_events`; `first` is the number of the batch's first conversation."""
        self._write_messages(writer, company, rng, first, customer, language)
        self._write_events(writer, company, first)

    def _write_messages(
        self, writer: Writer, company: Company, rng: np.random.Generator, first: int, customer: Array, language: Array
    ) -> None:
        rows = _in_order(self._messages, company.last)
        case, size = rows["case"], len(rows["case"])
        by_customer = rows["author"] == CUSTOMER
        said = phrases().pick(rng, rows["kind"], language[case])
        tone = phrases().pick(rng, rows["tone"], language[case])
        person = writer.contacts(customer[case], by_customer & (customer[case] >= 0))
        agent = words(AGENTS, rows["agent"], rows["agent"] >= 0)
        writer.append(
            "messages",
            idents("M", writer.number("messages", size) + np.arange(size), width=9),
            rows["at"],
            {
                "conversation_id": idents("T", first + case, width=8),
                "author_type": words(AUTHORS, rows["author"]),
                "author_id": person.fill_null(agent) if size else person,
                "visibility": words(("public", "internal"), rows["internal"].astype(np.int64)),
                "auto_reply": flags(rows["auto"]),
                "sent_at": instants(rows["at"]),
                "body": sentences(said, tone),
            },
        )

    def _write_events(self, writer: Writer, company: Company, first: int) -> None:
        rows = _in_order(self._events, company.last)
        size = len(rows["case"])
        writer.append(
            "status_events",
            idents("E", writer.number("status_events", size) + np.arange(size), width=9),
            rows["at"],
            {
                "conversation_id": idents("T", first + rows["case"], width=8),
                "changed_at": instants(rows["at"]),
                "field": words(FIELDS, rows["field"]),
                "old": words(VALUES, rows["old"], rows["old"] >= 0),
                "new": words(VALUES, rows["new"], rows["new"] >= 0),
                "actor_type": words(AUTHORS, rows["actor"]),
            },
        )


def _filled(value: Array | int | bool, rows: int) -> Array:
    return value if isinstance(value, np.ndarray) else np.full(rows, value)


def _in_order(ledger: Ledger, end: int) -> dict[str, Array]:
    """The rows before `end`, by case and then by instant."""
    rows = {name: ledger.column(name) for name in ledger.parts}
    order = np.lexsort((rows["at"], rows["case"]))
    order = order[rows["at"][order] < end]
    return {name: values[order] for name, values in rows.items()}
