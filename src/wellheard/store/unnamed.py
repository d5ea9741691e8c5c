"""Anonymous answers: stored where nothing leads from them to an invitation, nor to a moment finer than the hour.

An invitation is marked as used in one table, the answer lies in another, and they share no key. A batch is written in
an order drawn at random. The receipt, of which only the hash is kept, lets the person change or delete the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.store.invitations import AT_ONCE, invitations_by_hash, unknown_invitation
from wellheard.store.layout import ANONYMOUS_ANSWERS, USED_INVITATIONS
from wellheard.store.named import unknown_answer
from wellheard.store.submission import DOUBLE, UNNAMED, Kept, Submission, emptied, hour, replaced, said_before
from wellheard.store.tokens import hashed, new_id, new_token

CHANGED = ("given", "complete", "flag", "version", "changed_in", "deleted", "batch_id")
AN_HOUR = timedelta(hours=1)

Row = dict[str, Any]


class UnnamedAnswers:
    """The anonymous answers of one batch: known ones are read, each is judged, then all are written, shuffled."""

    def __init__(self, con: sa.Connection, submissions: Sequence[Submission]) -> None:
        self.con = con
        self.invitations = invitations_by_hash(con, (hashed(s.token) for s in submissions if s.token))
        self.used = _used(con, {i.invitation_id for i in self.invitations.values()})
        receipts = {hashed(secret) for s in submissions if (secret := s.edit or s.key)}
        self.by_receipt: dict[str, Row] = {row["receipt_hash"]: row for row in _known(con, receipts)}
        self.new: list[Row] = []
        self.changed: dict[str, Row] = {}
        self.newly_used: dict[str, datetime] = {}

    def take(self, submission: Submission) -> Kept:
        """Judges one submission. Raises Unknown and Expired."""
        double = self._uses(submission)
        secret = submission.edit or submission.key
        earlier = self.by_receipt.get(hashed(secret)) if secret else None
        if earlier is not None and secret is not None:
            return self._again(earlier, submission, secret)
        if submission.edit is not None:
            raise unknown_answer()
        receipt = secret or new_token()
        row = _row(submission, receipt, submission.flag or (DOUBLE if double else None))
        self.new.append(row)
        self.by_receipt[row["receipt_hash"]] = row
        return _kept(row, "stored", receipt, submission)

    def write(self) -> None:
        """Writes what was judged, on the connection's transaction."""
        shuffle = secrets.SystemRandom().shuffle
        used = [{"invitation_id": id, "used_in": hour(at)} for id, at in self.newly_used.items()]
        shuffle(self.new)
        shuffle(used)
        if used:
            self.con.execute(USED_INVITATIONS.insert(), used)
        if self.new:
            self.con.execute(ANONYMOUS_ANSWERS.insert(), self.new)
        fresh = {row["submission_id"] for row in self.new}
        for id, row in self.changed.items():
            if id not in fresh:
                told = ANONYMOUS_ANSWERS.update().where(ANONYMOUS_ANSWERS.c.submission_id == id)
                self.con.execute(told.values({name: row[name] for name in CHANGED}))

    def _uses(self, submission: Submission) -> bool:
        """Marks the invitation as used; whether it was so before."""
        if submission.token is None or submission.edit is not None:
            return False
        invitation = self.invitations.get(hashed(submission.token))
        if invitation is None or invitation.workspace != submission.workspace:
            raise unknown_invitation()
        invitation.check(submission.survey_key, submission.arrived_at)
        known = invitation.invitation_id in self.used
        if not known:
            self.used.add(invitation.invitation_id)
            self.newly_used[invitation.invitation_id] = submission.arrived_at
        return known

    def _again(self, row: Row, submission: Submission, receipt: str) -> Kept:
        closed = submission.arrived_at >= _edit_until(row, submission)
        same = said_before(row["given"]) == submission.given and row["complete"] == submission.complete
        if row["survey_key"] != submission.survey_key or row["deleted"] or (closed and not same):
            raise unknown_answer()
        if same:
            return _kept(row, "repeated", receipt, submission)
        row |= {
            "given": replaced(row["given"], submission),
            "complete": submission.complete,
            "version": submission.version,
            "flag": row["flag"] or submission.flag,
            "changed_in": hour(submission.arrived_at),
            "batch_id": None,
        }
        self.changed[row["submission_id"]] = row
        return _kept(row, "changed", receipt, submission)


def delete_by_receipt(con: sa.Connection, survey_key: str, receipt: str, now: datetime) -> None:
    """Deletes the answer of a receipt, here at once and from the lake with the next batch. Raises Unknown.

    What stays is the names of its questions, by which the lake finds the rows it has to forget.
    """
    t = ANONYMOUS_ANSWERS
    row = next(iter(_known(con, {hashed(receipt)})), None)
    if row is None or row["survey_key"] != survey_key or row["deleted"]:
        raise unknown_answer()
    told = t.update().where(t.c.submission_id == row["submission_id"])
    con.execute(told.values(deleted=True, given=emptied(row["given"]), changed_in=hour(now), batch_id=None))


def _row(submission: Submission, receipt: str, flag: str | None) -> Row:
    when = hour(submission.answered_at)
    return {
        "submission_id": new_id(),
        "workspace": submission.workspace,
        "survey_key": submission.survey_key,
        "version": submission.version,
        "given": submission.given,
        "complete": submission.complete,
        "flag": flag,
        "test": submission.test,
        **{name: submission.about.get(name) for name in UNNAMED},
        "answered_in": when,
        "changed_in": hour(submission.arrived_at),
        "deleted": False,
        "receipt_hash": hashed(receipt),
        "batch_id": None,
    }


def _edit_until(row: Row, submission: Submission) -> datetime:
    """The window counts from the end of the hour, since the moment within it is not kept."""
    until: datetime = row["answered_in"] + AN_HOUR + timedelta(minutes=submission.edit_minutes)
    return until


def _kept(row: Row, state: Any, receipt: str, submission: Submission) -> Kept:
    """The acknowledgement names no row: what its receiver writes down should not either."""
    return Kept("", state, receipt, _edit_until(row, submission), row["flag"])


def _used(con: sa.Connection, ids: set[str]) -> set[str]:
    t, wanted, found = USED_INVITATIONS, sorted(ids), set()
    for start in range(0, len(wanted), AT_ONCE):
        found |= set(
            con.scalars(sa.select(t.c.invitation_id).where(t.c.invitation_id.in_(wanted[start : start + AT_ONCE])))
        )
    return found


def _known(con: sa.Connection, hashes: set[str]) -> list[Row]:
    t, wanted, found = ANONYMOUS_ANSWERS, sorted(hashes), []
    for start in range(0, len(wanted), AT_ONCE):
        rows = con.execute(t.select().where(t.c.receipt_hash.in_(wanted[start : start + AT_ONCE]))).mappings()
        found += [{str(name): value for name, value in row.items()} for row in rows]
    return found
