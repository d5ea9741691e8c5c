"""A conversation's time from end to end, cut where something changed: who was waited for, what that counts to, and why.

Made from the spans of the clock, so the stretches that count to a figure add up to it. Pure: no input or output here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from wellheard.base.schedules import Schedule, business_seconds
from wellheard.enrich.clock import Span, timeline
from wellheard.enrich.replay import Conversation, Message, StatusEvent

FIGURES = ("first_response", "waiting_on_us", "resolution")
# The spans of the clock that make a figure, finished or still running.
_COUNTS = {
    "first_response": "first_response",
    "unanswered": "first_response",
    "waiting_on_us": "waiting_on_us",
    "resolution": "resolution",
    "unresolved": "resolution",
}
_OURS = frozenset({"first_response", "unanswered", "waiting_on_us", "self_service"})


@dataclass(frozen=True)
class Stretch:
    """A stretch without gaps to its neighbours; lengths are seconds.

    `waited_for` is us, customer or nobody; `counts_to` names figures of FIGURES. `business_seconds` is None without a
    schedule.
    """

    start: datetime
    end: datetime
    waited_for: str
    counts_to: tuple[str, ...]
    why: str
    seconds: float
    business_seconds: float | None


def stretches(
    conversation: Conversation,
    messages: Sequence[Message] = (),
    status_events: Sequence[StatusEvent] = (),
    schedule: Schedule | None = None,
    until: datetime | None = None,
) -> tuple[Stretch, ...]:
    """The conversation from its first event to its last in order of time; where a clock runs, to `until`."""
    spans = timeline(conversation, messages, status_events, until=until)
    cuts = sorted({at for span in spans for at in (span.start, span.end or until) if at is not None})
    found = [_stretch(spans, start, end, schedule) for start, end in pairwise(cuts)]
    return tuple(_joined(found))


def _stretch(spans: Iterable[Span], start: datetime, end: datetime, schedule: Schedule | None) -> Stretch:
    kinds = {span.kind for span in spans if span.start <= start and (span.end is None or span.end >= end)}
    counts = tuple(name for name in FIGURES if any(_COUNTS.get(kind) == name for kind in kinds))
    business = business_seconds(schedule, start, end) if schedule is not None else None
    return Stretch(start, end, _waited_for(kinds), counts, _why(kinds), (end - start).total_seconds(), business)


def _waited_for(kinds: set[str]) -> str:
    if kinds & _OURS:
        return "us"
    return "nobody" if "resolved" in kinds else "customer"


def _why(kinds: set[str]) -> str:
    if "self_service" in kinds:
        return "A machine closed it before a person answered: self-service, and no first response is due."
    if "resolved" in kinds and kinds & {"first_response", "unanswered"}:
        return "It was closed without a word to the customer, who still has no answer from a person."
    if "first_response" in kinds:
        return "The customer had written and no person had answered yet."
    if "unanswered" in kinds:
        return "The customer has written and no person has answered."
    if "waiting_on_us" in kinds:
        return "The customer had written again and waited for us."
    if "resolved" in kinds:
        return "It was resolved and had not come back."
    return "Nothing that the customer had written was unanswered."


def _joined(found: Iterable[Stretch]) -> list[Stretch]:
    """Neighbours that tell the same are one."""
    told: list[Stretch] = []
    for each in found:
        last = told[-1] if told else None
        if last is not None and (last.waited_for, last.counts_to, last.why) == (
            each.waited_for,
            each.counts_to,
            each.why,
        ):
            business = None
            if last.business_seconds is not None and each.business_seconds is not None:
                business = last.business_seconds + each.business_seconds
            seconds = last.seconds + each.seconds
            told[-1] = replace(last, end=each.end, seconds=seconds, business_seconds=business)
        else:
            told.append(each)
    return told
