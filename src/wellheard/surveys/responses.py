"""Makes rows of the canonical tables out of what the store holds: one for each answer, one for each invitation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from wellheard.store.submission import ABOUT, GONE, UNNAMED

SOURCE = "surveys"  # our own questionnaires, as the source of their rows
SAID = (
    "question_id", "kind", "main", "question_version", "score", "scale_min", "scale_max", "direction", "choice",
    "task_success", "comment",
)  # fmt: skip

SILENT = dict.fromkeys(SAID)  # what a row says where an answer does not
Row = dict[str, Any]


def response_rows(answers: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Rows of `survey_responses` for answers of `batches.Batch.answers`; tombstones for what is answered no more."""
    for answer in answers:
        about = {name: answer[name] for name in ABOUT}
        moments = {"asked_at": answer["asked_at"], "answered_at": answer["answered_at"]}
        head = {"invitation_id": answer["invitation_id"], "updated_at": answer["changed_at"], **about, **moments}
        yield from _rows(answer, head, answer["deleted_at"] is not None)


def anonymous_response_rows(answers: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Row]:
    """Rows of `survey_responses` for answers of `batches.Batch.anonymous_answers`.

    A later change must win over an earlier one of the same hour: it is dated by the hour in which the lake is told,
    which is never the one in which it happened, and by the batch.
    """
    for answer in answers:
        head: Row = {name: answer[name] for name in UNNAMED}
        yield from _rows(answer, {**head, "answered_at": answer["answered_in"], "updated_at": now}, answer["deleted"])


def invitation_rows(invitations: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Rows of `survey_invitations`, without those that were trials of our own.

    Of an anonymous one it is told that it was answered, and only the day, for whoever shares the hour of an answer
    could be whoever gave it.
    """
    for sent in invitations:
        if sent["test"] or sent["sent_at"] is None:
            continue
        yield {
            "source_id": sent["invitation_id"],
            "updated_at": sent["changed_at"],
            "survey_id": sent["survey_id"],
            **{name: sent[name] for name in ("customer_id", "account_id", "channel", "touchpoint")},
            **{name: sent[name] for name in ("sent_at", "delivered_at", "seen_at")},
            "bounced": sent["bounced_at"] is not None,
            "unsubscribed": sent["unsubscribed_at"] is not None,
            "answered_at": _day(sent["used_in"], sent["sent_at"]),
        }


def _rows(answer: Mapping[str, Any], head: Row, deleted: bool) -> Iterator[Row]:
    common = {name: answer[name] for name in ("submission_id", "survey_id", "complete", "test", "flag")} | head
    for said in from_json(answer["given"]):
        yield {
            "source_id": f"{answer['submission_id']}:{said['question_id']}",
            **common,
            **SILENT,
            **{name: value for name, value in said.items() if name in SILENT},
            "attributes.anchors": said.get("attributes", {}).get("anchors"),
            "deleted": deleted or bool(said.get(GONE)),
        }


def _day(used_in: datetime | None, sent_at: datetime) -> datetime | None:
    """The beginning of the day of use, but never before the invitation."""
    if used_in is None:
        return None
    return max(used_in.replace(hour=0, minute=0, second=0, microsecond=0), sent_at)
