"""Asks for surveys by itself: reads what sets them off, lets the ledger decide, and sends what is due.

It joins lake, surveys and store. Each step may be killed and done again: an occasion is decided once, and a letter that
was handed over is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from wellheard.app import Workspace
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall
from wellheard.base.redaction import trace_of
from wellheard.base.settings import Settings
from wellheard.store import blocks, dispatches, ledger
from wellheard.store.budgets import Budgets
from wellheard.store.invitations import mark
from wellheard.store.ledger import Candidate, Decided
from wellheard.store.store import Store
from wellheard.store.vault import Vault, open_vault
from wellheard.surveys.cadence import Asking, next_open, wave_moment, waves_at, zones_of
from wellheard.surveys.channel import Means, NotSent, channel_called, channels
from wellheard.surveys.invite import BY_HAND, LOOK_BACK, Moment, address_by, candidate
from wellheard.surveys.letter import write_letter
from wellheard.surveys.published import Published
from wellheard.surveys.responses import SOURCE
from wellheard.surveys.survey import Survey
from wellheard.surveys.trigger import trigger_called
from wellheard.warehouse.audience import Audience, Person
from wellheard.warehouse.occasions import Occasion, occasions

AT_ONCE = 500  # candidates on which one transaction decides
CLOSED = "closed"

_log = structlog.get_logger("wellheard.asking")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Asker:
    """Asks for one workspace. `address` is what public addresses begin with."""

    workspace: Workspace
    store: Store
    published: Published
    vault: Vault
    egress: Egress
    address: str
    now: Callable[[], datetime] = _now

    def close(self) -> None:
        """Lets go of the lines to other programs."""
        self.egress.close()

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self.workspace.settings

    def plan(self) -> list[Decided]:
        """Decides on every occasion that has come; gives what is new."""
        now = self.now()
        with self.store.writing() as con:
            blocks.forget_passing(con, self.workspace.name, now)
            dispatches.forget_tokens(con, self.workspace.name, now)
        surveys = [s for s in self.published.all() if s.asking is not None and s.open and s.key]
        wanted = [c for survey in surveys for c in self._candidates(survey, now)]
        wanted += [c for survey in surveys for c in self._reminders(survey, now)]
        # Those that compete must meet: the most important come first, over all surveys.
        wanted.sort(key=lambda c: (-c.priority, c.at, c.occasion))
        return [decided for some in _parts(wanted) for decided in self.decide(some)]

    def decide(self, candidates: list[Candidate]) -> list[Decided]:
        """Lets the ledger decide on candidates, in one transaction."""
        with self.store.writing() as con:
            return ledger.decide(
                con, self.workspace.name, budgets_of(self.settings), candidates, self.vault, self.now()
            )

    def deliver(self) -> int:
        """Sends one letter that is due; gives 1, or 0 where none is."""
        with self.store.writing() as con:
            dispatch = dispatches.claim(con, self.workspace.name, self.vault, self.now())
        if dispatch is None:
            return 0
        if self._closed(dispatch):
            with self.store.writing() as con:
                dispatches.note_withdrawn(con, dispatch, self.now(), CLOSED)
            return 1
        try:
            reference = self._send(dispatch)
        except NotSent as error:
            self._note_failure(dispatch, error)
            return 1
        except Exception as error:  # noqa: BLE001 - one letter must not stop the others
            _log.error("a letter could not be written", error=type(error).__name__, trace=trace_of(error))
            self._note_failure(dispatch, NotSent(f"it could not be written: {type(error).__name__}", lasting=False))
            return 1
        with self.store.writing() as con:
            dispatches.note_sent(con, dispatch, self.now(), reference)
        return 1

    def recover(self, after: timedelta = dispatches.AFTER_DEATH) -> int:
        """Looks after letters that a process left on their way when it died."""
        again = frozenset(name for name, channel in channels().items() if channel.knows_keys)
        with self.store.writing() as con:
            return dispatches.recover(con, self.workspace.name, self.now(), again, after)

    def invite(self, survey_id: str, customer: str, channel: str, occasion: str) -> Decided | None:
        """Asks one customer, named as `source:source_id` or by a key that one source uses; None if decided before.

        Raises BadCall for a closed survey and for a channel that needs what is not known, and Unknown for a survey that
        does not exist.
        """
        survey = self.published.called(survey_id)
        if not survey.open:
            raise BadCall(f"{survey_id} is closed", hint="open it in the designer", field="survey")
        source, colon, id = customer.partition(":")
        who = Audience(self.workspace.lake, [id if colon else customer]).person(source, id if colon else customer)
        if who is None:
            raise BadCall(f"there is no customer {customer!r}", hint="name one as source:key", field="customer")
        way = channel_called(channel)
        if lacking := way.lacks(self.settings):
            raise BadCall(
                f"{channel} cannot send: {lacking} is not set", hint="see `wellheard doctor`", field="channel"
            )
        address = address_by(way, who, {}, self.settings, test=survey.test) if way.carried else None
        if way.carried and not address:
            raise BadCall(f"{channel} does not reach this customer", hint="use the channel link", field="channel")
        made = candidate(survey, who, Moment(f"by_hand:{occasion}", self.now(), {}, {}), self.settings, self.now())
        at = made.at if way.carried else self.now()
        made = replace(made, channel=channel, address=address, carried=way.carried, refused=None, at=at, quotas=())
        return next(iter(self.decide([made])), None)

    def shows(self, survey_key: str, about: Mapping[str, str | None]) -> bool:
        """Whether the widget may ask a customer whom the site has named: decided once a day, and kept in the ledger."""
        survey, _ = self.published.survey(survey_key)
        id, now = str(about["customer_id"]), self.now()
        occasion = f"widget:{id}:{now.date()}"
        with self.store.reading() as con:
            known = ledger.outcome(con, survey_key, occasion)
        if known is not None or survey.test:
            return known is not False
        who = Audience(self.workspace.lake, [id]).person(SOURCE, id, about.get("account_id"))
        asking = survey.asking or BY_HAND
        made = Candidate(
            survey_key,
            occasion,
            now,
            person_rows=who.rows if who else (f"{SOURCE}:{id}",),
            company_rows=who.companies if who else (),
            channel="widget",
            carried=False,
            priority=asking.priority,
            shown=True,
        )
        decided = self.decide([made])
        return not decided or decided[0].reason is None

    def link(self, survey: Survey, token: str) -> str:
        """The link of an invitation."""
        return f"{self.address}/s/{survey.key}?i={token}"

    def _closed(self, dispatch: dispatches.Dispatch) -> bool:
        """Whether a survey that asked when this was planned does so no more."""
        found = [s for s in self.published.all() if s.key == dispatch.survey_key]
        return not found or not found[0].open or (found[0].test and not dispatch.test)

    def _send(self, dispatch: dispatches.Dispatch) -> str:
        survey, _ = self.published.survey(dispatch.survey_key)
        channel = channel_called(dispatch.channel)
        if channel.send is None:
            raise NotSent(f"nothing is sent by {dispatch.channel}", lasting=True)
        letter = write_letter(
            survey,
            key=dispatch.dispatch_id,
            kind=dispatch.kind,
            to=dispatch.address,
            token=dispatch.token,
            language=dispatch.language,
            address=self.address,
            test=dispatch.test,
        )
        return channel.send(letter, Means(self.settings, self.egress, self.now))

    def _note_failure(self, dispatch: dispatches.Dispatch, error: NotSent) -> None:
        now, name = self.now(), self.workspace.name
        _log.warning("a letter was not sent", channel=dispatch.channel, lasting=error.lasting, error=error.message)
        with self.store.writing() as con:
            if error.unsure:
                dispatches.note_unsure(con, dispatch, now, error.message)
                return
            dispatches.note_failed(con, dispatch, now, error.message, lasting=error.lasting)
            if error.bounced:
                blocks.note_bounce(
                    con, name, dispatch.address_hash, now, invitation_id=dispatch.invitation_id, reason=error.message
                )
                mark(con, dispatch.invitation_id, now, bounced_at=now)

    def _candidates(self, survey: Survey, now: datetime) -> Iterator[Candidate]:
        asking = survey.asking
        assert asking is not None
        found = self._waves(survey, now) if trigger_called(asking.trigger).calendar else self._events(survey, now)
        known = self._decided(survey)
        for who, moment in found:
            if moment.key not in known:
                yield candidate(survey, who, moment, self.settings, now)

    def _waves(self, survey: Survey, now: datetime) -> Iterator[tuple[Person, Moment]]:
        asking = survey.asking
        assert asking is not None
        waves = waves_at(asking, now - LOOK_BACK, now)
        for who in Audience(self.workspace.lake) if waves else ():
            if who.ended_at is not None and who.ended_at <= now:
                continue
            zone = zones_of(who.traits.get("country"), who.zone, self.settings.time_zone)[0]
            name = min(who.rows)
            for wave in waves:
                due = wave_moment(asking, survey.id, name, wave, zone)
                if now - LOOK_BACK <= due <= now:
                    yield who, Moment(f"{asking.trigger}:{asking.begins}:{wave}:{name}", due, {}, {})

    def _events(self, survey: Survey, now: datetime) -> Iterator[tuple[Person, Moment]]:
        asking = survey.asking
        assert asking is not None
        trigger, delay = trigger_called(asking.trigger), timedelta(hours=asking.after_hours)
        lasting = asking.every_days is not None and trigger.until is not None
        rows = occasions(self.workspace.lake, trigger, now - LOOK_BACK - delay, now - delay, lasting=lasting)
        audience = Audience(self.workspace.lake, {row.customer_id for row in rows}) if rows else None
        for row in rows:
            assert audience is not None
            who = audience.person(row.source, row.customer_id, row.account_id) or _stranger(row)
            for number, due in _dues(row, asking, now):
                key = f"{asking.trigger}:{row.key}" + (f":{number}" if number else "")
                ends = row.instant if asking.after_hours < 0 else row.until
                yield who, Moment(key, due, row.about, row.traits, ends)

    def _reminders(self, survey: Survey, now: datetime) -> Iterator[Candidate]:
        asking = survey.asking
        assert asking is not None
        if not asking.reminders:
            return
        rest = timedelta(days=asking.remind_days)
        oldest = now - timedelta(days=min(asking.expire_days, asking.remind_days * asking.reminders)) - LOOK_BACK
        with self.store.reading() as con:
            waiting = dispatches.silent(con, survey.key, now - rest, oldest, self.vault)
        due = [w for w in waiting if w.reminded < asking.reminders and w.sent_at + rest * (w.reminded + 1) <= now]
        audience = Audience(self.workspace.lake, {w.ask["person"].partition(":")[2] for w in due}) if due else None
        for one in due:
            assert audience is not None
            who = audience.person(*one.ask["person"].split(":", 1))
            if who is None:
                continue
            moment = Moment(f"{one.ask['occasion']}:reminder:{one.reminded + 1}", now, {}, {})
            made = candidate(survey, who, moment, self.settings, now)
            at = next_open(now, zones_of(who.traits.get("country"), who.zone, self.settings.time_zone),
                           asking.quiet_from, asking.quiet_to)  # fmt: skip
            refused = None if made.address else made.refused
            yield replace(
                made, at=at, reminds=one.invitation_id, token=one.token, about=one.about, quotas=(), refused=refused
            )

    def _decided(self, survey: Survey) -> set[str]:
        with self.store.reading() as con:
            return ledger.known_occasions(con, survey.key, self.now() - 3 * LOOK_BACK)


def asker_of(
    workspace: Workspace, store: Store, published: Published, address: str, now: Callable[[], datetime] = _now
) -> Asker:
    """The asker of a workspace; close it when done."""
    egress = Egress(allow_internal=frozenset(workspace.settings.internal_hosts))
    return Asker(workspace, store, published, open_vault(workspace.home, workspace.settings), egress, address, now)


def budgets_of(settings: Settings) -> Budgets:
    """The budgets of people and companies."""
    return Budgets(settings.asks_per_person, settings.asks_per_company)


def _dues(row: Occasion, asking: Asking, now: datetime) -> Iterator[tuple[int, datetime]]:
    """When an occasion is asked about, with the number of the repetition: those of the last days."""
    first = row.instant + timedelta(hours=asking.after_hours)
    every = timedelta(days=asking.every_days) if asking.every_days else None
    if every is None:
        yield 0, first
        return
    number = max(0, (now - LOOK_BACK - first) // every)
    while (due := first + number * every) <= now:
        if due >= now - LOOK_BACK:
            yield number, due
        number += 1


def _stranger(row: Occasion) -> Person:
    """Somebody of whom nothing is known but the key."""
    account = (f"{row.source}:{row.account_id}",) if row.account_id else ()
    name = f"{row.source}:{row.customer_id}"
    return Person((name,), account, row.customer_id, row.account_id, None, None, None, {}, None)


def _parts(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    listed = iter(candidates)
    while some := list(islice(listed, AT_ONCE)):
        yield some
