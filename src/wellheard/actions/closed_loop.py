"""Following up as one object: rules looked at, cases kept, messages sent. What it needs of the lake it is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from wellheard.actions import caseload, timetable
from wellheard.actions.colleagues import Colleague, colleagues_in
from wellheard.actions.deciding import LOOK_BACK, Past, decide
from wellheard.actions.happening import Happening, Look
from wellheard.actions.rule import Rule, RuleBook
from wellheard.actions.sending import Sender
from wellheard.actions.steps import Customer, Invite, Scene, perform
from wellheard.base.chat import Chat
from wellheard.base.errors import Busy, WellheardError
from wellheard.base.redaction import trace_of
from wellheard.base.schedules import Schedule
from wellheard.store import deliveries, firings
from wellheard.store.firings import ACTED, Firing
from wellheard.store.followup import Transaction
from wellheard.store.refusals import refusing
from wellheard.store.store import Store

_log = structlog.get_logger("wellheard.actions")


@dataclass(frozen=True)
class Foreseen:
    """What a rule would have done about something that happened."""

    happening: Happening
    firing: Firing


@dataclass(frozen=True)
class ClosedLoop:
    """A workspace's rules, cases and messages. `address` and `public_address` are what links begin with."""

    home: Path
    sender: Sender
    look: Look
    book: RuleBook
    address: str
    public_address: str = ""
    schedules: Callable[[], Mapping[str, Schedule]] = field(default=dict)
    invite: Invite | None = None
    chat: Chat | None = None  # what drafts replies, where something does
    faults: dict[str, str] = field(default_factory=dict)  # what went wrong with rules when they were last looked at

    @property
    def store(self) -> Store:
        return self.sender.store

    @property
    def workspace(self) -> str:
        return self.sender.workspace

    @property
    def colleagues(self) -> dict[str, Colleague]:
        """Whom to tell, by name."""
        return colleagues_in(self.home)

    def look_at_rules(self, *, slow: bool = True) -> list[Firing]:
        """Decides on what happened and was not decided on yet; gives what was. A rule at fault stops no other."""
        decided = []
        rules, _ = self.book.all()
        for rule in rules:
            if not rule.file.on or (rule.trigger.slow and not slow):
                continue
            try:
                decided += self.look_at(rule)
                self.faults.pop(rule.id, None)
            except Busy:
                raise
            except WellheardError as error:
                self.faults[rule.id] = error.message
            except Exception as error:  # noqa: BLE001 - the others go on; the page shows it
                _log.error("a rule failed", rule=rule.id, error=type(error).__name__, trace=trace_of(error))
                self.faults[rule.id] = f"it failed on our side: {type(error).__name__}"
        return decided

    def look_at(self, rule: Rule) -> list[Firing]:
        """Decides on what happened lately by one rule, and does what it says."""
        now = self.sender.now()
        found = rule.trigger.find(rule.when, self.look, now - rule.fresh, now)
        with self.store.reading() as con:
            known = firings.known_subjects(con, self.workspace, rule.id, [h.subject for h in found])
        fresh = sorted((h for h in found if h.subject not in known), key=lambda h: (h.at, h.subject))
        if not fresh:
            return []
        customers = self.customers(fresh)
        schedules = self.schedules() if any(getattr(s, "schedule", "") for s in rule.file.do) else {}
        with self.store.writing() as con:
            past = self._past(con, rule, fresh, acted_from=fresh[0].at)
            return [f for h in fresh if (f := self._decided(con, rule, h, past, customers, schedules, now))]

    def _decided(
        self,
        con: Transaction,
        rule: Rule,
        happening: Happening,
        past: Past,
        customers: Mapping[str, Customer],
        schedules: Mapping[str, Schedule],
        now: datetime,
    ) -> Firing | None:
        firing = decide(rule, happening, past, now)
        if not firings.record(con, self.workspace, firing):  # another process was faster
            return None
        if firing.decision == ACTED:
            scene = Scene(
                rule=rule,
                happening=happening,
                firing=firing,
                sender=self.sender,
                now=now,
                zone=self.look.zone,
                address=self.address,
                public_address=self.public_address,
                schedules=schedules,
                customer=customers.get(happening.subject),
                invite=self.invite,
            )
            perform(con, scene)
        return firing

    def tend(self) -> None:
        """Does what time brings: wakes snoozed cases, passes overdue ones on, and sends what is due by the clock."""
        caseload.tend(self)
        timetable.send_due(self)

    def dry_run(self, rule: Rule, since: datetime, until: datetime) -> list[Foreseen]:
        """What the rule would have done in [since, until), had it been there. Nothing is written."""
        found = sorted(rule.trigger.find(rule.when, self.look, since, until), key=lambda h: (h.at, h.subject))
        with self.store.reading() as con:
            past = self._past(con, rule, found, acted_from=None)
        seen: set[str] = set()
        foreseen = []
        for happening in found:
            if happening.subject not in seen:
                seen.add(happening.subject)
                foreseen.append(Foreseen(happening, decide(rule, happening, past, happening.at)))
        return foreseen

    def _past(self, con: Transaction, rule: Rule, found: Sequence[Happening], *, acted_from: datetime | None) -> Past:
        conversations = list(dict.fromkeys(h.conversation_id for h in found if h.conversation_id))
        since = None if acted_from is None else acted_from - max(rule.cool_down, timedelta()) - LOOK_BACK
        return Past(
            acted=firings.acted_since(con, self.workspace, rule.id, since) if since else [],
            ours=deliveries.tickets_of_ours(con, self.workspace, conversations),
            depths=firings.depths(con, (h.invitation_id for h in found if h.invitation_id)),
        )

    def customers(self, found: Sequence[Happening]) -> dict[str, Customer]:
        """Whom each of these is about, by its subject: name and address as they are now."""
        ids = sorted({h.customer_id for h in found if h.customer_id})
        if not ids:
            return {}
        rows = self.look.rows("customers", ("name", "email"), equal={"source_id": ids})
        by_key = {(row["source"], row["source_id"]): row for row in rows}
        by_id = {row["source_id"]: row for row in rows}
        with self.store.reading() as con:
            addresses = [row["email"] for row in rows if row["email"]]
            ids_out, addresses_out = refusing(con, self.workspace, ids, addresses)
        told = {}
        for h in found:
            if h.customer_id:
                row = by_key.get((h.source, h.customer_id)) or by_id.get(h.customer_id, {})
                email = row.get("email") or ""
                refuses = h.customer_id in ids_out or email in addresses_out
                told[h.subject] = Customer(h.customer_id, row.get("name") or "", email, refuses)
        return told
