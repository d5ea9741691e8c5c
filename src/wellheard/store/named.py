"""Answers of which it may be known who gave them: told apart by key and invitation, changed by edit token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import Unknown
from wellheard.store.bulk import Row, add, rows_with
from wellheard.store.invitations import Invitation, invitations_by_hash, unknown_invitation
from wellheard.store.layout import ANSWERS
from wellheard.store.submission import ABOUT, DOUBLE, Kept, OtherBody, Submission, edit_token, edited, replaced
from wellheard.store.tokens import hashed, new_ordered_id

STEP = timedelta(microseconds=1)  # by which a change is later than what it changes, even when the clock went back
CHANGED = ("body_hash", "given", "complete", "flag", "version", "changed_at", "batch_id")


class NamedAnswers:
    """The answers of one batch: first all that is known is read, then each is judged, then all are written."""

    def __init__(self, con: sa.Connection, submissions: Sequence[Submission]) -> None:
        self.con = con
        self.invitations = invitations_by_hash(con, (hashed(s.token) for s in submissions if s.token))
        ids = {i.invitation_id for i in self.invitations.values()}
        known = [
            *rows_with(con, ANSWERS.c.key_hash, {s.secret_hash for s in submissions if s.secret_hash}),
            *rows_with(con, ANSWERS.c.submission_id, {edited(s.edit) for s in submissions if s.edit}),
            *rows_with(con, ANSWERS.c.invitation_id, ids),
        ]
        self.by_key: dict[tuple[str, str], Row] = {}
        self.by_id: dict[str, Row] = {}
        self.by_invitation: dict[str, Row] = {}
        for row in known:
            self._remember(row)
        self.new: list[Row] = []
        self.changed: dict[str, Row] = {}

    def take(self, submission: Submission) -> Kept:
        """Judges one submission. Raises Unknown, Expired and OtherBody."""
        invitation = self._invitation(submission)
        if submission.edit is not None:
            return self._edited(submission)
        secret, mark = submission.secret, submission.secret_hash
        earlier = self.by_key.get((submission.survey_key, mark)) if mark else None
        if earlier is not None and earlier["body_hash"] == submission.body_hash:
            return _kept(earlier, "repeated", secret)
        if earlier is not None and submission.key is not None:
            raise OtherBody(
                "this key has come before with another answer",
                hint="make a new key for a new answer; to change one, send its edit token",
                field="key",
            )
        first = self.by_invitation.get(invitation.invitation_id) if invitation else None
        if first is not None and first["body_hash"] == submission.body_hash:
            return _kept(first, "repeated", None)
        if first is not None and not first["complete"] and first["edit_until"] > submission.arrived_at:
            return self._change(first, submission)
        flag = submission.flag or (DOUBLE if first is not None else None)
        return self._add(submission, invitation, flag, again=earlier is not None)

    def write(self) -> None:
        """Writes what was judged, on the connection's transaction."""
        add(self.con, ANSWERS, self.new)
        for row in self.changed.values():
            told = ANSWERS.update().where(ANSWERS.c.submission_id == row["submission_id"])
            self.con.execute(told.values({name: row[name] for name in CHANGED}))

    def _invitation(self, submission: Submission) -> Invitation | None:
        if submission.token is None:
            return None
        invitation = self.invitations.get(hashed(submission.token))
        if invitation is None or invitation.workspace != submission.workspace:
            raise unknown_invitation()
        invitation.check(submission.survey_key, submission.arrived_at)
        return invitation

    def _edited(self, submission: Submission) -> Kept:
        """Every reason why it cannot be changed gives the same answer, so that tokens cannot be tried out."""
        row = self.by_id.get(edited(submission.edit or ""))
        if row is None or row["edit_hash"] != hashed(submission.edit or ""):
            raise unknown_answer()
        if row["survey_key"] != submission.survey_key or row["edit_until"] <= submission.arrived_at:
            raise unknown_answer()
        if row["body_hash"] == submission.body_hash:
            return _kept(row, "repeated", None, submission.edit)
        return self._change(row, submission, submission.edit)

    def _change(self, row: Row, submission: Submission, edit: str | None = None) -> Kept:
        row |= {
            "body_hash": submission.body_hash,
            "given": replaced(row["given"], submission),
            "complete": submission.complete,
            "version": submission.version,
            "flag": row["flag"] or submission.flag,
            "changed_at": max(submission.arrived_at, row["changed_at"] + STEP),
            "batch_id": None,
        }
        if "number" in row:  # else it is new in this very batch, and will be written as it is now
            self.changed[row["submission_id"]] = row
        return _kept(row, "changed", None, edit)

    def _add(self, submission: Submission, invitation: Invitation | None, flag: str | None, *, again: bool) -> Kept:
        """Adds an answer; one that comes `again` by the secret of another has none of its own."""
        now, answered = submission.arrived_at, submission.answered_at
        secret, mark = (None, None) if again else (submission.secret, submission.secret_hash)
        submission_id = new_ordered_id(now)
        edit = edit_token(submission_id, secret)
        about = invitation.about if invitation else {}
        said = submission.about
        row: Row = {
            "submission_id": submission_id,
            "workspace": submission.workspace,
            "survey_key": submission.survey_key,
            "version": submission.version,
            "invitation_id": invitation.invitation_id if invitation else None,
            "key_hash": mark,
            "body_hash": submission.body_hash,
            "given": submission.given,
            "complete": submission.complete,
            "flag": flag,
            "test": submission.test or (invitation is not None and invitation.test),
            **{name: about.get(name) or said.get(name) for name in ABOUT},
            "language": said.get("language") or about.get("language"),
            "asked_at": _asked(invitation, answered),
            "answered_at": answered,
            "changed_at": now,
            "edit_hash": hashed(edit),
            "edit_until": now + timedelta(minutes=submission.edit_minutes),
            "batch_id": None,
        }
        self.new.append(row)
        self._remember(row)
        return Kept(submission_id, "stored", edit, row["edit_until"], flag)

    def _remember(self, row: Row) -> None:
        self.by_id[row["submission_id"]] = row
        if row["key_hash"]:
            self.by_key[row["survey_key"], row["key_hash"]] = row
        if row["invitation_id"]:
            known = self.by_invitation.get(row["invitation_id"])
            if known is None or known["flag"] == DOUBLE:
                self.by_invitation[row["invitation_id"]] = row


def unknown_answer() -> Unknown:
    """What is said of every edit token or receipt that opens nothing, whatever the reason."""
    return Unknown("there is no answer that can still be changed by this", hint="send a new answer", field="edit")


def _asked(invitation: Invitation | None, answered: datetime) -> datetime | None:
    """When the question was put; never after the answer, whatever the clock did in between."""
    if invitation is None:
        return None
    return min(invitation.sent_at or invitation.made_at, answered)


def _kept(row: Row, state: Any, secret: str | None, edit: str | None = None) -> Kept:
    made = edit_token(row["submission_id"], secret) if secret else edit
    if made is not None and hashed(made) != row["edit_hash"]:
        made = None
    return Kept(row["submission_id"], state, made, row["edit_until"], row["flag"])
