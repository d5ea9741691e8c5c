"""The ledger of asking: who was asked for what, who was not, and why. Checking and reserving are one transaction.

What it is about, the occasion, is decided once only: whoever was killed half-way may ask again. People and companies
are named by their rows of `customers` and `accounts`, and a person's budget counts all rows that are linked now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from wellheard.store.blocks import Blocks, address_hash
from wellheard.store.budgets import Asking, Budgets, Diary
from wellheard.store.bulk import AT_ONCE, Row, add
from wellheard.store.invitations import new_invitation
from wellheard.store.layout import ASKS, DISPATCHES, INVITATIONS, SURVEYS
from wellheard.store.tokens import new_id
from wellheard.store.vault import Vault

LEDGER_LOCK = 0x6173_6B73  # the lock in PostgreSQL under which it is decided who is asked
INVITATION, REMINDER, SHOWN = "invitation", "reminder", "shown"
WAITING, WITHDRAWN = "waiting", "withdrawn"
GAVE_WAY = "gave_way"


@dataclass(frozen=True)
class Quota:
    """How many of those with all of `traits` may be asked for a survey in so many days."""

    days: int
    most: int
    traits: Mapping[str, str] = field(default_factory=dict)

    def counts(self, traits: Mapping[str, str]) -> bool:
        """Whether it holds for whoever has these traits."""
        return all(traits.get(name) == value for name, value in self.traits.items())

    @property
    def name(self) -> str:
        """What stands in the ledger where it was full."""
        whom = ",".join(f"{name}={value}" for name, value in sorted(self.traits.items()))
        return f"quota:{self.days}" + (f":{whom}" if whom else "")


@dataclass(frozen=True)
class Candidate:
    """Somebody who could be asked. `person_rows` are all rows of the person, the one concerned first; also companies'.

    `at` is when it would be sent. `refused` is a reason that is known already. `carried` says whether something is to
    be sent to `address`, or whether whoever asks gets the link. A reminder names its invitation, whose token it brings.
    What is `shown` on a page needs no invitation.
    """

    survey_key: str
    occasion: str
    at: datetime
    person_rows: Sequence[str]
    company_rows: Sequence[str] = ()
    about: Mapping[str, str | None] = field(default_factory=dict)
    channel: str | None = None
    address: str | None = None
    carried: bool = True
    language: str | None = None
    priority: int = 5
    traits: Mapping[str, str] = field(default_factory=dict)
    quotas: Sequence[Quota] = ()
    refused: str | None = None
    anonymous: bool = False
    test: bool = False
    expires_after: timedelta = timedelta(days=30)
    reminds: str | None = None
    token: str | None = None
    shown: bool = False

    @property
    def kind(self) -> str:
        """How it asks."""
        return SHOWN if self.shown else REMINDER if self.reminds else INVITATION


@dataclass(frozen=True)
class Decided:
    """What became of a candidate: asked or the reason why not; `token` opens the invitation of one who is asked."""

    candidate: Candidate
    ask_id: str
    reason: str | None
    invitation_id: str | None = None
    token: str | None = None


class Ledger:
    """Decides on candidates within one transaction: what is known of them is read, each is judged, all is written."""

    def __init__(
        self,
        con: sa.Connection,
        workspace: str,
        budgets: Budgets,
        candidates: Sequence[Candidate],
        vault: Vault,
        now: datetime,
    ) -> None:
        if con.dialect.name == "postgresql":
            con.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": LEDGER_LOCK})
        self.con, self.workspace, self.vault, self.now = con, workspace, vault, now
        self._people = _whole(c.person_rows for c in candidates)
        self._companies = _whole(c.company_rows for c in candidates)
        self._blocks = Blocks(con, workspace, candidates)
        self._diary = Diary(budgets)
        for row in self._asked_near(candidates, budgets):
            self._diary.add(self._asking(row))
        self._quotas = _Quotas(con, candidates, now)
        self._decided = _occasions(con, candidates)
        self._new: list[Row] = []
        self._invitations: list[Row] = []
        self._dispatches: list[Row] = []

    def decide(self, candidate: Candidate) -> Decided | None:
        """Judges a candidate; None where its occasion was decided before."""
        if (candidate.survey_key, candidate.occasion) in self._decided:
            return None
        self._decided.add((candidate.survey_key, candidate.occasion))
        row = self._row(candidate)
        row["reason"] = candidate.refused or self._blocks.reason(candidate) or self._quotas.reason(candidate)
        if row["reason"] is None and not candidate.test:  # trials go to nobody but the tester
            row["reason"] = self._reserve(row)
        row["asked"] = row["reason"] is None
        self._new.append(row)
        if not row["asked"]:
            return Decided(candidate, row["ask_id"], row["reason"])
        self._quotas.take(candidate)
        if candidate.shown:
            return Decided(candidate, row["ask_id"], None)
        token = self._invite(candidate, row)
        if candidate.carried:
            self._dispatches.append(_dispatch(row, candidate, token, self.vault, self.now))
        return Decided(candidate, row["ask_id"], None, row["invitation_id"], token)

    def write(self) -> None:
        """Writes what was decided, on the connection's transaction."""
        add(self.con, INVITATIONS, self._invitations)
        add(self.con, ASKS, self._new)
        add(self.con, DISPATCHES, self._dispatches)

    def _reserve(self, row: Row) -> str | None:
        """Why the budgets refuse; else notes it. What gives way stands in the store, for the weightier come first."""
        verdict = self._diary.ask(self._asking(row))
        for other in verdict.gives_way if verdict.reason is None else ():
            withdraw(self.con, other.id, GAVE_WAY, self.now)
        return verdict.reason

    def _invite(self, candidate: Candidate, row: Row) -> str:
        if candidate.reminds and candidate.token:
            row["invitation_id"] = candidate.reminds
            return candidate.token
        invitation, token = new_invitation(
            self.workspace,
            candidate.survey_key,
            self.now,
            anonymous=candidate.anonymous,
            test=candidate.test,
            expires_at=candidate.at + candidate.expires_after,
            about={**candidate.about, "channel": candidate.channel},
            sent_at=None if candidate.carried else self.now,
        )
        self._invitations.append(invitation)
        row["invitation_id"] = invitation["invitation_id"]
        return token

    def _row(self, candidate: Candidate) -> Row:
        return {
            "ask_id": new_id(),
            "workspace": self.workspace,
            "survey_key": candidate.survey_key,
            "occasion": candidate.occasion,
            "kind": candidate.kind,
            "person": candidate.person_rows[0],
            "company": next(iter(candidate.company_rows), None),
            "channel": candidate.channel,
            "priority": candidate.priority,
            "traits": json.dumps(dict(candidate.traits), ensure_ascii=False, sort_keys=True),
            "asked": False,
            "reason": None,
            "asked_at": candidate.at,
            "decided_at": self.now,
            "test": candidate.test,
            "invitation_id": None,
        }

    def _asking(self, row: Row) -> Asking:
        person, company = str(row["person"]), row["company"]
        return Asking(
            at=row["asked_at"].timestamp(),
            person=self._people.get(person, person),
            company=self._companies.get(company, company),
            priority=row["priority"],
            settled=row.get("state", WAITING) != WAITING,
            id=row["ask_id"],
        )

    def _asked_near(self, candidates: Sequence[Candidate], budgets: Budgets) -> list[Row]:
        """What the people and companies were asked, or will be, within their longest clocks of any candidate."""
        if not candidates:
            return []
        moments = [c.at for c in candidates]
        a, state = ASKS.c, sa.func.coalesce(DISPATCHES.c.state, "given").label("state")
        both = sa.select(a.ask_id, a.person, a.company, a.priority, a.asked_at, state)
        near = both.outerjoin(DISPATCHES, DISPATCHES.c.ask_id == a.ask_id).where(
            (a.workspace == self.workspace) & a.asked & ~a.test
        )
        found: dict[str, Row] = {}
        for column, rows, clocks in (
            (a.person, "person_rows", budgets.person), (a.company, "company_rows", budgets.company)
        ):  # fmt: skip
            span = timedelta(days=max(clocks, default=0))
            then = near.where((a.asked_at > min(moments) - span) & (a.asked_at < max(moments) + span))
            for some in in_parts({name for c in candidates for name in getattr(c, rows)} if clocks else ()):
                for row in self.con.execute(then.where(column.in_(some))):
                    found[row.ask_id] = row._asdict()
        return list(found.values())


class _Quotas:
    """How many of each quota of the candidates' surveys are left."""

    def __init__(self, con: sa.Connection, candidates: Iterable[Candidate], now: datetime) -> None:
        wanted = {(c.survey_key, c.test): c.quotas for c in candidates if c.quotas}
        self._left: dict[tuple[str, bool], list[tuple[Quota, int]]] = {}
        for (key, test), quotas in wanted.items():
            self._left[key, test] = [(q, q.most - _asked(con, key, test, q, now)) for q in quotas]

    def reason(self, candidate: Candidate) -> str | None:
        """The first quota that is full."""
        for quota, left in self._left.get((candidate.survey_key, candidate.test), ()):
            if left <= 0 and quota.counts(candidate.traits):
                return quota.name
        return None

    def take(self, candidate: Candidate) -> None:
        key = candidate.survey_key, candidate.test
        if key in self._left:
            self._left[key] = [(q, left - q.counts(candidate.traits)) for q, left in self._left[key]]


def decide(
    con: sa.Connection,
    workspace: str,
    budgets: Budgets,
    candidates: Sequence[Candidate],
    vault: Vault,
    now: datetime,
) -> list[Decided]:
    """Decides on candidates, the most important first and then the earliest; leaves out occasions decided before."""
    ledger = Ledger(con, workspace, budgets, candidates, vault, now)
    ordered = sorted(candidates, key=lambda c: (-c.priority, c.at, c.occasion))
    found = [decided for c in ordered if (decided := ledger.decide(c)) is not None]
    ledger.write()
    return found


def withdraw(con: sa.Connection, ask_id: str, reason: str, now: datetime) -> None:
    """Takes back what was planned: it counts no more, and nothing is sent."""
    con.execute(ASKS.update().where(ASKS.c.ask_id == ask_id).values(asked=False, reason=reason))
    told = DISPATCHES.update().where((DISPATCHES.c.ask_id == ask_id) & (DISPATCHES.c.state == WAITING))
    con.execute(told.values(state=WITHDRAWN, address=None, token=None, error=reason, changed_at=now))


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. `state` is that of what was sent, where something was."""

    decided_at: datetime
    asked_at: datetime
    survey_id: str
    kind: str
    occasion: str
    person: str
    company: str | None
    channel: str | None
    asked: bool
    reason: str | None
    state: str | None
    error: str | None
    test: bool


def entries(
    con: sa.Connection,
    workspace: str,
    *,
    survey_id: str | None = None,
    asked: bool | None = None,
    person: str | None = None,
    most: int = 100,
) -> list[Entry]:
    """The newest lines of the ledger."""
    a = ASKS.c
    joined = ASKS.join(SURVEYS).outerjoin(DISPATCHES, DISPATCHES.c.ask_id == a.ask_id)
    both = sa.select(ASKS, SURVEYS.c.survey_id, DISPATCHES.c.state, DISPATCHES.c.error).select_from(joined)
    which = both.where(a.workspace == workspace)
    if survey_id is not None:
        which = which.where(SURVEYS.c.survey_id == survey_id)
    if asked is not None:
        which = which.where(a.asked == asked)
    if person is not None:
        which = which.where(a.person == person)
    rows = con.execute(which.order_by(a.decided_at.desc(), a.ask_id).limit(most)).mappings()
    return [Entry(**{name: row[name] for name in Entry.__dataclass_fields__}) for row in rows]


def reasons(con: sa.Connection, workspace: str, since: datetime) -> dict[tuple[str, str], int]:
    """How many were decided since, by survey and reason; the reason of those who were asked is empty."""
    a = ASKS.c
    columns = (SURVEYS.c.survey_id, sa.func.coalesce(a.reason, ""), sa.func.count())
    each = sa.select(*columns).select_from(ASKS.join(SURVEYS))
    found = each.where((a.workspace == workspace) & (a.decided_at >= since) & ~a.test)
    return {(id, reason): n for id, reason, n in con.execute(found.group_by(SURVEYS.c.survey_id, a.reason))}


def known_occasions(con: sa.Connection, survey_key: str, since: datetime) -> set[str]:
    """The occasions of a survey that were decided since; an earlier one that comes again is seen when it is decided."""
    a = ASKS.c
    return set(con.scalars(sa.select(a.occasion).where((a.survey_key == survey_key) & (a.decided_at >= since))))


def outcome(con: sa.Connection, survey_key: str, occasion: str) -> bool | None:
    """Whether somebody was asked about an occasion; None where that is not decided."""
    a = ASKS.c
    asked = con.scalar(sa.select(a.asked).where((a.survey_key == survey_key) & (a.occasion == occasion)))
    return None if asked is None else bool(asked)


def in_parts(names: Iterable[str]) -> Iterable[list[str]]:
    """The names in parts that fit into one statement."""
    listed = sorted(names)
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))


def _whole(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """The one name under which all rows of a person or company count, by row."""
    return {row: min(group) for group in groups for row in group}


def _occasions(con: sa.Connection, candidates: Iterable[Candidate]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for some in in_parts({c.occasion for c in candidates}):
        rows = con.execute(sa.select(ASKS.c.survey_key, ASKS.c.occasion).where(ASKS.c.occasion.in_(some)))
        found |= {(key, occasion) for key, occasion in rows}
    return found


def _asked(con: sa.Connection, survey_key: str, test: bool, quota: Quota, now: datetime) -> int:
    a = ASKS.c
    which = (a.survey_key == survey_key) & (a.test == test) & a.asked & (a.kind == INVITATION)
    since = now - timedelta(days=quota.days)
    each = sa.select(a.traits, sa.func.count()).where(which & (a.asked_at > since)).group_by(a.traits)
    return sum(n for traits, n in con.execute(each) if quota.counts(json.loads(traits)))


def _dispatch(row: Row, candidate: Candidate, token: str, vault: Vault, now: datetime) -> Row:
    assert candidate.address is not None
    suffix = "" if candidate.kind == INVITATION else f"-{candidate.occasion.rpartition(':')[2]}"
    return {
        "dispatch_id": f"{row['invitation_id']}{suffix}"[:40],
        "workspace": row["workspace"],
        "ask_id": row["ask_id"],
        "invitation_id": row["invitation_id"],
        "survey_key": row["survey_key"],
        "kind": row["kind"],
        "channel": candidate.channel,
        "address": vault.seal(candidate.address),
        "token": vault.seal(token),
        "address_hash": address_hash(candidate.address),
        "language": candidate.language,
        "state": WAITING,
        "tries": 0,
        "due_at": candidate.at,
        "too_late_at": candidate.at + timedelta(days=3),
        "changed_at": now,
    }
