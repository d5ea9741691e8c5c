"""Joins following up to a workspace: hands the closed loop what it may look at, and opens what it writes to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.happening import Look
from wellheard.actions.rule import RuleBook
from wellheard.actions.sending import TIMEOUT, Sender
from wellheard.actions.steps import Enrolment
from wellheard.app import Workspace
from wellheard.asking import budgets_of
from wellheard.base.chat import Chat
from wellheard.base.egress import Egress
from wellheard.base.errors import Busy, Refused
from wellheard.base.redaction import trace_of
from wellheard.base.schedules import Schedule, schedule_from_rows
from wellheard.base.settings import Settings
from wellheard.insights.dossier import MOST, Elsewhere, Event
from wellheard.metrics import listing
from wellheard.store import cases, ledger
from wellheard.store.cases import Case
from wellheard.store.followup import Transaction
from wellheard.store.ledger import Candidate
from wellheard.store.store import Store, open_store
from wellheard.store.surveys import survey_called
from wellheard.store.vault import Vault, open_vault
from wellheard.warehouse.audience import Audience

RULES = "rules"  # the folder of the home in which rules lie
SCHEDULE_COLUMNS = (
    "schedule_id", "zone", "weekday", "opens", "closes", "holidays", "valid_from", "valid_to", "targets",
)  # fmt: skip

EVERY = 0.5  # seconds between two looks at whether anything changed, and at what is to be sent
SLOW = 300.0  # seconds between two looks at figures
TEND = 20.0  # seconds between two looks at cases and schedules
REST = 15.0  # seconds that a loop waits after something went wrong

_log = structlog.get_logger("wellheard.actions")


def closed_loop_of(workspace: Workspace, store: Store, egress: Egress | None = None) -> ClosedLoop:
    """The closed loop of a workspace over an open store; `egress` is there for tests."""
    settings = workspace.settings
    internal = frozenset(settings.internal_hosts)
    sender = Sender(
        store=store,
        vault=open_vault(workspace.home, settings),
        workspace=workspace.name,
        egress=egress or Egress(allow_internal=internal, timeout=TIMEOUT),
        internal=internal,
        admins=settings.admin_emails,
        usual=_usual(settings),
    )
    return ClosedLoop(
        home=workspace.home,
        sender=sender,
        look=look_of(workspace),
        book=RuleBook(workspace.home / RULES),
        address=settings.address or f"http://{settings.host}:{settings.port}",
        public_address=public_address_of(workspace),
        schedules=lambda: schedules_of(workspace),
        invite=partial(_invited, workspace, sender.vault),
        chat=_chat(settings, sender.egress),
    )


def _usual(settings: Settings) -> dict[str, dict[str, str]]:
    """By which programs surveys reach telephones, so that letters do as well."""
    secret = settings.webhook_secret.get_secret_value()
    addresses = {"sms": settings.sms_webhook, "whatsapp": settings.whatsapp_webhook}
    told = {name: {"url": url.get_secret_value(), "secret": secret} for name, url in addresses.items()}
    return {name: {k: v for k, v in fields.items() if v} for name, fields in told.items()}


def _chat(settings: Settings, egress: Egress) -> Chat | None:
    if not settings.reply_service:
        return None
    key = settings.reply_service_key.get_secret_value()
    return Chat(settings.reply_service, settings.reply_service_model, key, egress)


def look_of(workspace: Workspace) -> Look:
    """What triggers may look at in a workspace."""
    lake = workspace.lake

    return Look(
        rows=lambda table, columns, **how: listing.list_rows(lake, workspace.settings, table, columns, **how),
        by_hour=lambda table, **how: listing.count_by_hour(lake, workspace.settings, table, **how),
        last_seen=lambda table, **how: listing.last_seen(lake, workspace.settings, table, **how),
        last_row=lambda table: listing.last_row(lake, workspace.settings, table),
        ask=lambda asked: workspace.ask(asked),
        metric=lambda name: workspace.catalogue.metric(name),
        targets=workspace.targets,
        people=lambda ids: Audience(lake, ids),
        zone=workspace.settings.time_zone,
        week_start=workspace.settings.week_start,
    )


def schedules_of(workspace: Workspace) -> dict[str, Schedule]:
    """The opening hours that the workspace knows, by their ids."""
    rows = listing.list_rows(workspace.lake, workspace.settings, "schedules", SCHEDULE_COLUMNS)
    return schedule_from_rows(rows)


def _invited(workspace: Workspace, vault: Vault, con: Transaction, enrolment: Enrolment) -> tuple[str, str]:
    """Lets the ledger of asking decide: a rule asks nobody more often than anybody else may."""
    kept = survey_called(con, workspace.name, enrolment.survey)
    id = str(enrolment.about["customer_id"])
    person = Audience(workspace.lake, [id]).person(enrolment.source or "", id)
    asked = Candidate(
        survey_key=kept.survey_key,
        occasion=enrolment.occasion,
        at=enrolment.at,
        person_rows=person.rows if person else (f"{enrolment.source}:{id}",),
        company_rows=person.companies if person else (),
        about=enrolment.about,
        channel="email",
        carried=False,
    )
    decided = ledger.decide(con, workspace.name, budgets_of(workspace.settings), [asked], vault, datetime.now(UTC))
    made = next(iter(decided), None)
    if made is None or made.invitation_id is None or made.token is None:
        reason = made.reason if made else "it was decided before"
        raise Refused(f"the survey {enrolment.survey} was not sent: {reason}", hint="see `wellheard surveys`")
    return made.invitation_id, f"{public_address_of(workspace)}/s/{kept.survey_key}?i={made.token}"


def public_address_of(workspace: Workspace) -> str:
    """What links to our public addresses begin with."""
    settings = workspace.settings
    return settings.public_address or f"http://{settings.public_host}:{settings.public_port}"


class LoopService:
    """The closed loop as pages get it: the one that the server runs, else one of its own, opened on first use."""

    def __init__(self, workspace: Workspace, running: ClosedLoop | None = None) -> None:
        self.workspace = workspace
        self._running, self._own = running, running is None
        self._lock = threading.Lock()

    def __call__(self) -> ClosedLoop:
        with self._lock:
            if self._running is None:
                store = open_store(self.workspace.home, self.workspace.settings)
                self._running = closed_loop_of(self.workspace, store)
            return self._running

    def close(self) -> None:
        """Lets go of a loop of its own."""
        with self._lock:
            if self._own and self._running is not None:
                self._running.sender.egress.close()
                self._running.store.close()
                self._running = None


def cases_told(service: LoopService) -> Elsewhere:
    """What cases add to the timeline of a customer or company."""

    def told(kind: str, ids: Sequence[str]) -> list[Event]:
        loop = service()
        with loop.store.reading() as con:
            found = cases.cases_about(con, loop.workspace, ids, company=kind == "account", most=MOST)
        return [event for case in found for event in _events_of(case)]

    return told


def _events_of(case: Case) -> list[Event]:
    row = str(case.number)
    events = [Event(case.opened_at, "cases", f"case {row} opened · {case.title}", None, row)]
    if case.answered_at is not None:
        events.append(Event(case.answered_at, "cases", f"case {row} answered", None, row))
    if case.closed_at is not None:
        ended = " · ".join(word for word in (case.outcome, case.reason) if word)
        events.append(Event(case.closed_at, "cases", f"case {row} closed · {ended}", None, row))
    return events


class Following:
    """Follows up for as long as the server runs: one thread decides and another sends, so that neither waits."""

    def __init__(self, loop: ClosedLoop, snapshot: Callable[[], int]) -> None:
        self.loop, self.snapshot = loop, snapshot
        self._ended = threading.Event()
        self._seen: tuple[int, str] | None = None
        self._slow_at = self._tend_at = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, args=(step,), name=name, daemon=True)
            for step, name in ((self._decide, "deciding"), (self._send, "sending"))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends after what is on its way."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self.loop.sender.egress.close()

    def _run(self, step: Callable[[], None]) -> None:
        pause = EVERY
        while not self._ended.wait(pause):
            try:
                step()
                pause = EVERY
            except Busy:
                pause = EVERY
            except Exception as error:  # noqa: BLE001 - the server goes on, and so does the loop
                _log.error("following up failed", step=step.__name__, error=type(error).__name__, trace=trace_of(error))
                pause = REST

    def _decide(self) -> None:
        now, state = time.monotonic(), (self.snapshot(), self.loop.book.state())
        slow = now >= self._slow_at
        if slow or state != self._seen:
            self.loop.look_at_rules(slow=slow)
            self._seen = state
            self._slow_at = now + SLOW if slow else self._slow_at
        if now >= self._tend_at:
            self.loop.tend()
            self._tend_at = now + TEND

    def _send(self) -> None:
        while self.loop.sender.send_due() and not self._ended.is_set():
            pass
