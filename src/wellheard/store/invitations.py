"""Invitations by their tokens: who was asked, and whether the token still opens anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import Refused, Unknown
from wellheard.store.bulk import Row, add
from wellheard.store.layout import ASKS, DISPATCHES, INVITATIONS, UNSUBSCRIBES
from wellheard.store.submission import ABOUT
from wellheard.store.tokens import hashed, new_id, new_token

AT_ONCE = 400  # values in one `in`, below what any engine takes


class Expired(Refused):
    """The invitation was good once."""

    code = "expired"
    http_status = 410


@dataclass(frozen=True)
class Invitation:
    """A questionnaire sent to one customer. `about` has the columns of `submission.ABOUT`."""

    invitation_id: str
    workspace: str
    survey_key: str
    anonymous: bool
    test: bool
    about: Mapping[str, str | None]
    made_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None

    def check(self, survey_key: str, now: datetime) -> None:
        """Raises Unknown for another survey's invitation, and Expired."""
        if self.survey_key != survey_key:
            raise unknown_invitation()
        if self.expires_at is not None and now >= self.expires_at:
            raise Expired("this invitation has run out", hint="ask for a new one", field="invitation")


def invite(
    con: sa.Connection,
    workspace: str,
    survey_key: str,
    now: datetime,
    *,
    anonymous: bool = False,
    test: bool = False,
    expires_at: datetime | None = None,
    about: Mapping[str, str | None] | None = None,
) -> tuple[str, str]:
    """Makes an invitation; gives its id and the token for its link, of which only the hash is kept."""
    row, token = new_invitation(
        workspace, survey_key, now, anonymous=anonymous, test=test, expires_at=expires_at, about=about or {}
    )
    add(con, INVITATIONS, [row])
    return row["invitation_id"], token


def new_invitation(
    workspace: str,
    survey_key: str,
    now: datetime,
    *,
    anonymous: bool,
    test: bool,
    expires_at: datetime | None,
    about: Mapping[str, str | None],
    sent_at: datetime | None = None,
) -> tuple[Row, str]:
    """The row of an invitation that is to be added, and its token."""
    token = new_token()
    row: Row = {
        "invitation_id": new_id(),
        "workspace": workspace,
        "survey_key": survey_key,
        "token_hash": hashed(token),
        "anonymous": anonymous,
        "test": test,
        "made_at": now,
        "changed_at": now,
        "expires_at": expires_at,
        "sent_at": sent_at,
        **{name: about.get(name) for name in ABOUT},
    }
    return row, token


def invitations_by_hash(con: sa.Connection, hashes: Iterable[str]) -> dict[str, Invitation]:
    """The invitations that tokens open, by the hashes of these."""
    wanted = sorted(set(hashes))
    found = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        for row in con.execute(INVITATIONS.select().where(INVITATIONS.c.token_hash.in_(some))).mappings():
            found[row["token_hash"]] = _invitation(row)
    return found


def invitation_of(con: sa.Connection, token: str) -> Invitation:
    """The invitation that a token opens. Raises Unknown."""
    found = invitations_by_hash(con, [hashed(token)])
    if not found:
        raise unknown_invitation()
    return next(iter(found.values()))


def mark(con: sa.Connection, invitation_id: str, now: datetime, **moments: datetime) -> None:
    """Notes when an invitation was sent, delivered, seen or bounced. It goes to the lake again with that.

    Of an anonymous one it is never noted when it was seen: beside the answer's hour that could say who answered.
    """
    t = INVITATIONS
    if "seen_at" in moments and con.scalar(sa.select(t.c.anonymous).where(t.c.invitation_id == invitation_id)):
        moments = {name: moment for name, moment in moments.items() if name != "seen_at"}
    if moments:
        told = t.update().where(t.c.invitation_id == invitation_id)
        con.execute(told.values(**moments, changed_at=now, batch_id=None))


def note_seen(con: sa.Connection, survey_key: str, token: str, now: datetime) -> None:
    """Notes that a person looks at what an invitation opens; the first time counts. Raises Unknown and Expired."""
    invitation = invitation_of(con, token)
    invitation.check(survey_key, now)
    t = INVITATIONS
    if con.scalar(sa.select(t.c.seen_at).where(t.c.invitation_id == invitation.invitation_id)) is None:
        mark(con, invitation.invitation_id, now, seen_at=now)


def unsubscribe(con: sa.Connection, token: str, now: datetime) -> None:
    """Notes that whoever an invitation went to wants no more. Raises Unknown. Once is as good as twice."""
    invitation = invitation_of(con, token)
    u, customer = UNSUBSCRIBES, invitation.about["customer_id"]
    asked_for = u.c.invitation_id == invitation.invitation_id
    if con.scalar(sa.select(u.c.unsubscribe_id).where(asked_for & u.c.withdrawn_at.is_(None))):
        return
    con.execute(
        u.insert().values(
            unsubscribe_id=new_id(),
            workspace=invitation.workspace,
            customer_id=customer,
            person=con.scalar(sa.select(ASKS.c.person).where(ASKS.c.invitation_id == invitation.invitation_id)),
            account_id=invitation.about["account_id"],
            address_hash=con.scalar(
                sa.select(DISPATCHES.c.address_hash).where(DISPATCHES.c.invitation_id == invitation.invitation_id)
            ),
            invitation_id=invitation.invitation_id,
            origin="invitation",
            unsubscribed_at=now,
        )
    )
    mark(con, invitation.invitation_id, now, unsubscribed_at=now)


def unknown_invitation() -> Unknown:
    """What is said of every token that opens nothing, whatever the reason."""
    return Unknown("there is no such invitation", hint="use the link as it was sent", field="invitation")


def _invitation(row: Mapping[Any, Any]) -> Invitation:
    plain = ("invitation_id", "workspace", "survey_key", "anonymous", "test", "made_at", "sent_at", "expires_at")
    return Invitation(about={name: row[name] for name in ABOUT}, **{name: row[name] for name in plain})
