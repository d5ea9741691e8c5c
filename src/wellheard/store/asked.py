"""What the ledger knows of the past, for forecasts: when people were asked, and how each of them answered."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import sqlalchemy as sa

from wellheard.store.budgets import Asking
from wellheard.store.layout import ANSWERS, ASKS, INVITATIONS, SURVEYS, USED_INVITATIONS

MATURED = timedelta(days=14)  # after which whoever is silent stays so


def askings(con: sa.Connection, workspace: str, since: datetime) -> list[Asking]:
    """Everybody who was asked since, or will be; trials are none."""
    a = ASKS.c
    asked = (a.workspace == workspace) & a.asked & ~a.test & (a.asked_at >= since)
    rows = con.execute(sa.select(a.asked_at, a.person, a.company, a.priority, a.ask_id).where(asked))
    return [Asking(at.timestamp(), person, company, priority, True, id) for at, person, company, priority, id in rows]


def responses(con: sa.Connection, workspace: str, since: datetime, now: datetime) -> dict[str, list[tuple[int, int]]]:
    """For each survey how many times each person was asked since, and answered, where there was time to.

    Of an anonymous survey it is known that an invitation was used, and not by which answer.
    """
    i = INVITATIONS.c
    answered = sa.exists(sa.select(ANSWERS.c.number).where(ANSWERS.c.invitation_id == i.invitation_id))
    used = sa.exists(sa.select(USED_INVITATIONS.c.used_in).where(USED_INVITATIONS.c.invitation_id == i.invitation_id))
    matured = (i.workspace == workspace) & ~i.test & i.sent_at.between(since, now - MATURED)
    columns = (SURVEYS.c.survey_id, i.customer_id, i.invitation_id, sa.or_(answered, used))
    rows = con.execute(sa.select(*columns).select_from(INVITATIONS.join(SURVEYS)).where(matured))
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for survey_id, customer, invitation, said in rows:
        counted = found[survey_id][customer or invitation]
        counted[0] += 1
        counted[1] += bool(said)
    return {id: [(n, k) for n, k in people.values()] for id, people in found.items()}
