"""What rules did, and what they left alone and why; beside it the tags and enrolments that came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from wellheard.store.followup import CUSTOMER_TAGS, ENROLMENTS, FIRINGS

ACTED, HELD_OUT, COOLING, CAPPED, LOOPED = "acted", "held_out", "cooling", "capped", "looped"
DECISIONS = (ACTED, HELD_OUT, COOLING, CAPPED, LOOPED)
AT_ONCE = 400


@dataclass(frozen=True)
class Firing:
    """One time that a rule held for one thing. `depth` counts the actions of ours that led to it."""

    rule_id: str
    subject: str
    happened_at: datetime
    decided_at: datetime
    decision: str
    reason: str = ""
    person: str | None = None
    customer_id: str | None = None
    account_id: str | None = None
    conversation_id: str | None = None
    depth: int = 0


def record(con: sa.Connection, workspace: str, firing: Firing) -> bool:
    """Writes a firing down; gives whether it is the first of its rule and subject."""
    f = FIRINGS.c
    known = (f.workspace == workspace) & (f.rule_id == firing.rule_id) & (f.subject == firing.subject)
    if con.scalar(sa.select(f.number).where(known)) is not None:
        return False
    con.execute(FIRINGS.insert().values(workspace=workspace, **vars(firing)))
    return True


def known_subjects(con: sa.Connection, workspace: str, rule_id: str, subjects: Sequence[str]) -> set[str]:
    """Those of `subjects` on which a rule was decided already."""
    f, found = FIRINGS.c, set()
    for start in range(0, len(subjects), AT_ONCE):
        some = list(subjects[start : start + AT_ONCE])
        which = (f.workspace == workspace) & (f.rule_id == rule_id) & f.subject.in_(some)
        found |= set(con.scalars(sa.select(f.subject).where(which)))
    return found


def acted_since(con: sa.Connection, workspace: str, rule_id: str, since: datetime) -> list[Firing]:
    """The firings of a rule since an instant on which it acted, in order."""
    f = FIRINGS.c
    which = (f.workspace == workspace) & (f.rule_id == rule_id) & (f.decision == ACTED) & (f.happened_at >= since)
    return _firings(con, which)


def firings(
    con: sa.Connection, workspace: str, rule_id: str | None = None, *, most: int = 200, since: datetime | None = None
) -> list[Firing]:
    """The newest firings of a rule or of all, the newest first."""
    f = FIRINGS.c
    which = f.workspace == workspace
    if rule_id is not None:
        which = which & (f.rule_id == rule_id)
    if since is not None:
        which = which & (f.happened_at >= since)
    rows = con.execute(sa.select(FIRINGS).where(which).order_by(f.number.desc()).limit(most)).mappings()
    return [_firing(row) for row in rows]


def counts_by_rule(con: sa.Connection, workspace: str, now: datetime, days: int = 30) -> dict[str, dict[str, int]]:
    """How often each rule came to each decision in the last days."""
    f = FIRINGS.c
    which = (f.workspace == workspace) & (f.decided_at >= now - timedelta(days=days))
    rows = con.execute(
        sa.select(f.rule_id, f.decision, sa.func.count()).where(which).group_by(f.rule_id, f.decision)
    ).all()
    found: dict[str, dict[str, int]] = {}
    for rule_id, decision, n in rows:
        found.setdefault(rule_id, dict.fromkeys(DECISIONS, 0))[decision] = int(n)
    return found


def tag_customer(
    con: sa.Connection, workspace: str, customer_id: str, tag: str, rule_id: str | None, now: datetime
) -> None:
    """Gives a customer a tag, once."""
    t = CUSTOMER_TAGS.c
    mine = (t.workspace == workspace) & (t.customer_id == customer_id) & (t.tag == tag)
    if con.scalar(sa.select(t.tag).where(mine)) is None:
        values = {"workspace": workspace, "customer_id": customer_id, "tag": tag}
        con.execute(CUSTOMER_TAGS.insert().values(**values, rule_id=rule_id, tagged_at=now))


def tags_of(con: sa.Connection, workspace: str, customer_id: str) -> list[str]:
    """A customer's tags in order."""
    t = CUSTOMER_TAGS.c
    mine = (t.workspace == workspace) & (t.customer_id == customer_id)
    return list(con.scalars(sa.select(t.tag).where(mine).order_by(t.tag)))


def enrol(
    con: sa.Connection,
    workspace: str,
    invitation_id: str,
    rule_id: str,
    customer_id: str | None,
    depth: int,
    now: datetime,
) -> None:
    """Notes that an invitation was made by a rule, and how many actions of ours stand behind it."""
    values = {"invitation_id": invitation_id, "workspace": workspace, "rule_id": rule_id, "customer_id": customer_id}
    con.execute(ENROLMENTS.insert().values(**values, depth=depth, enrolled_at=now))


def depths(con: sa.Connection, invitation_ids: Iterable[str]) -> dict[str, int]:
    """How many actions of ours stand behind invitations that rules made."""
    wanted, found = sorted(set(invitation_ids)), {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        e = ENROLMENTS.c
        for id, depth in con.execute(sa.select(e.invitation_id, e.depth).where(e.invitation_id.in_(some))):
            found[id] = int(depth)
    return found


def _firings(con: sa.Connection, which: sa.ColumnElement[bool]) -> list[Firing]:
    rows = con.execute(sa.select(FIRINGS).where(which).order_by(FIRINGS.c.happened_at, FIRINGS.c.number)).mappings()
    return [_firing(row) for row in rows]


def _firing(row: sa.RowMapping) -> Firing:
    return Firing(**{name: row[name] for name in Firing.__dataclass_fields__})
