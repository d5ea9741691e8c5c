"""Rebuilds a conversation's times from what happened in it, never from a vendor's finished metric.

The first-response clock starts at the customer's first unanswered message and stops at the first public reply that a
person wrote. What a bot or an automation closes before that has ended as self-service, and the customer's next message
starts the clock anew. The resolution clock runs from the customer's first message to the last resolution.

Where a source has no messages its instants are taken, and where it has none of those its seconds are kept; a length of
resolution that comes without any history is kept beside its instant. Pure: no
input or output here, and every row may be a plain tuple in the order of the fields below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from wellheard.base.errors import BadCall
from wellheard.base.schedules import Schedule, business_seconds, due_at, open_intervals
from wellheard.enrich.replay import Conversation, Message, Replay, StatusEvent, Stretch, replay

__all__ = ["VERSION", "Conversation", "Message", "Span", "StatusEvent", "Times", "timeline", "times", "times_of_all"]

VERSION = "clock-1"
_OURS = frozenset({"human", "automation"})


class Times(NamedTuple):
    """A conversation's times; None is unknown or does not apply. Lengths are seconds.

    `first_customer_at` is where the first-response clock last started. The `unanswered` and `unresolved` lengths are
    those of clocks that never stopped: up to a close without a reply, else to the end of the data.
    """

    first_customer_at: datetime | None = None
    first_human_reply_at: datetime | None = None
    first_resolved_at: datetime | None = None
    resolved_at: datetime | None = None
    reopen_count: int | None = None
    first_response_seconds: float | None = None
    first_response_business_seconds: float | None = None
    resolution_seconds: float | None = None
    resolution_business_seconds: float | None = None
    waiting_on_us_seconds: float | None = None
    waiting_on_us_business_seconds: float | None = None
    first_reopened_at: datetime | None = None
    first_resolution_seconds: float | None = None
    first_resolution_business_seconds: float | None = None
    unanswered_seconds: float | None = None
    unanswered_business_seconds: float | None = None
    unresolved_seconds: float | None = None
    unresolved_business_seconds: float | None = None
    first_response_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    handed_off_at: datetime | None = None
    handoff_response_seconds: float | None = None
    handoff_response_business_seconds: float | None = None
    customer_messages: int | None = None
    human_replies: int | None = None
    human_agents: int | None = None
    handoffs: int | None = None


class Span(NamedTuple):
    """A stretch of the timeline and why it counted; without an end it still runs.

    `kind` is first_response, unanswered, self_service, waiting_on_us, resolution, unresolved, resolved or
    opening_hours.
    """

    start: datetime
    end: datetime | None
    kind: str
    why: str


Lengths = tuple[float | None, float | None]
_UNKNOWN: Lengths = (None, None)


def times(
    conversation: Conversation,
    messages: Sequence[Message | tuple[Any, ...]] = (),
    status_events: Sequence[StatusEvent | tuple[Any, ...]] = (),
    schedule: Schedule | None = None,
    until: datetime | None = None,
) -> Times:
    """A conversation's times. `until` is the end of the data, up to which a clock that never stopped is read.

    Events may come in any order. Without a schedule the business lengths are those that were given, or None.
    """
    seen = replay(conversation, messages, status_events)
    start, reply = _response(conversation, messages, seen)
    resolved = seen.last_resolved if seen.resolved else None
    begun = _begun(conversation, messages, seen, resolved)
    out = conversation.opened_by in _OURS or bool(conversation.merged_into)
    first_response, unanswered, handoff = _UNKNOWN, _UNKNOWN, _UNKNOWN
    if not out:
        first_response = _first_response(conversation, messages, start, reply, schedule)
        if reply is None and first_response[0] is None and (seen.running or not messages):
            unanswered = _length(start, _given_up(seen, start) or until, schedule)
        handoff = _handoff(conversation, messages, status_events, seen, schedule)
    resolution = _resolution(conversation, messages, seen, begun, schedule)
    first = seen.first_resolved or conversation.first_resolved_at
    first_resolution = resolution
    if not messages and not seen.changed and conversation.first_resolution_seconds is not None:
        first_resolution = conversation.first_resolution_seconds, conversation.first_resolution_business_seconds
    elif first is None or first != resolved:
        first_resolution = _length(_begun(conversation, messages, seen, first), first, schedule)
    unresolved = _length(begun, until, schedule) if resolved is None and resolution[0] is None else _UNKNOWN
    waiting = _waiting(conversation, messages, seen, schedule, until)
    priority = conversation.priority
    return Times(
        start if messages else conversation.first_customer_at,
        reply,
        first,
        resolved,
        seen.reopened if seen.changed else conversation.reopen_count,
        *first_response,
        *resolution,
        *waiting,
        seen.first_reopened if seen.changed else conversation.first_reopened_at,
        *first_resolution,
        *unanswered,
        *unresolved,
        None if out else due_at(schedule, start, "first_response", priority) or conversation.first_response_due_at,
        due_at(schedule, begun, "resolution", priority) or conversation.resolution_due_at,
        seen.handed_off if status_events else conversation.handed_off_at,
        *handoff,
        *_counts(conversation, messages, seen),
        seen.handoffs if status_events else conversation.handoffs,
    )


def _response(
    conversation: Conversation, messages: Sequence[object], seen: Replay
) -> tuple[datetime | None, datetime | None]:
    """Where the first-response clock started and stopped."""
    if messages:
        return seen.start, seen.reply
    return conversation.first_customer_at or conversation.opened_at, conversation.first_human_reply_at


def _first_response(
    conversation: Conversation,
    messages: Sequence[object],
    start: datetime | None,
    reply: datetime | None,
    schedule: Schedule | None,
) -> Lengths:
    given = conversation.first_response_business_seconds
    if reply is not None and start is not None:
        seconds, business = _length(start, reply, schedule)
        return seconds, given if business is None and seconds is not None else business
    return _UNKNOWN if messages else (conversation.first_response_seconds, given)


def _given_up(seen: Replay, start: datetime | None) -> datetime | None:
    """When an unanswered conversation was closed without a reply."""
    closed = seen.last_resolved if seen.resolved else None
    return closed if closed is not None and start is not None and closed >= start else None


def _begun(
    conversation: Conversation, messages: Sequence[object], seen: Replay, end: datetime | None
) -> datetime | None:
    """Where the resolution clock started: the customer's first message, or the opening where that came too late."""
    first = seen.first_customer if messages else conversation.first_customer_at
    if first is not None and (end is None or first <= end):
        return first
    return conversation.opened_at


def _resolution(
    conversation: Conversation,
    messages: Sequence[object],
    seen: Replay,
    begun: datetime | None,
    schedule: Schedule | None,
) -> Lengths:
    given = conversation.resolution_business_seconds
    if not seen.changed and not messages and conversation.resolution_seconds is not None:
        return conversation.resolution_seconds, given  # `resolved_at` may be a mere day; it places the conversation
    if seen.resolved:
        seconds, business = _length(begun, seen.last_resolved, schedule)
        return seconds, given if business is None and seconds is not None else business
    if seen.reopened or seen.first_resolved:
        return _UNKNOWN
    return conversation.resolution_seconds, given


def _waiting(
    conversation: Conversation,
    messages: Sequence[object],
    seen: Replay,
    schedule: Schedule | None,
    until: datetime | None,
) -> Lengths:
    if not messages:
        return conversation.waiting_on_us_seconds, conversation.waiting_on_us_business_seconds
    waits = _waits(seen, until)
    seconds = sum((end - start).total_seconds() for start, end in waits)
    return seconds, None if schedule is None else sum(business_seconds(schedule, *wait) for wait in waits)


def _waits(seen: Replay, until: datetime | None) -> list[Stretch]:
    if seen.since is None or seen.resolved or until is None or until <= seen.since:
        return seen.waits
    return [*seen.waits, (seen.since, until)]


def _handoff(
    conversation: Conversation,
    messages: Sequence[object],
    status_events: Sequence[object],
    seen: Replay,
    schedule: Schedule | None,
) -> Lengths:
    """From the bot's handing over to a person's reply; as it was given where the history is not there to tell."""
    if messages and status_events:
        return _length(seen.handed_off, seen.handoff_reply, schedule)
    return conversation.handoff_response_seconds, conversation.handoff_response_business_seconds


def _counts(
    conversation: Conversation, messages: Sequence[object], seen: Replay
) -> tuple[int | None, int | None, int | None]:
    """Customer messages until the last resolution, human replies, and the different people who wrote them."""
    if not messages:
        return conversation.customer_messages, conversation.human_replies, conversation.human_agents
    agents = len(seen.agents) if seen.agents or not seen.replies else None
    return seen.touches_then if seen.last_resolved else seen.touches, seen.replies, agents


def _length(start: datetime | None, end: datetime | None, schedule: Schedule | None) -> Lengths:
    """Calendar and business seconds; unknown where an end is missing or the two contradict each other."""
    if start is None or end is None or end < start:
        return _UNKNOWN
    return (end - start).total_seconds(), None if schedule is None else business_seconds(schedule, start, end)


def timeline(
    conversation: Conversation,
    messages: Sequence[Message | tuple[Any, ...]] = (),
    status_events: Sequence[StatusEvent | tuple[Any, ...]] = (),
    schedule: Schedule | None = None,
    until: datetime | None = None,
) -> tuple[Span, ...]:
    """Which stretch counted towards what, and why, in order of time; made from the same replay as the times."""
    seen = replay(conversation, messages, status_events)
    spans = [*_response_spans(conversation, messages, seen, until), *_resolution_spans(conversation, messages, seen)]
    if messages:
        why = "The customer had written and nobody had answered."
        spans += [Span(*wait, "waiting_on_us", why) for wait in _waits(seen, until)]
    why = "It was resolved and had not come back."
    spans += [Span(*rest, "resolved", why) for rest in seen.rests]
    ends = [instant for span in spans for instant in (span.start, span.end or until) if instant is not None]
    if schedule is not None and ends:
        why = "We were open: of the other stretches, this part counts as business time."
        spans += [Span(*stretch, "opening_hours", why) for stretch in open_intervals(schedule, min(ends), max(ends))]
    return tuple(sorted(spans, key=lambda span: span.start))


def _response_spans(
    conversation: Conversation, messages: Sequence[object], seen: Replay, until: datetime | None
) -> Iterator[Span]:
    if conversation.opened_by in _OURS or conversation.merged_into:
        return
    why = "A bot or an automation closed it before a person answered, so the clock ended here as self-service."
    for stretch in seen.self_served:
        yield Span(*stretch, "self_service", why)
    start, reply = _response(conversation, messages, seen)
    if start is None:
        return
    if reply is not None and reply >= start:
        yield Span(start, reply, "first_response", "From the customer's first unanswered message to a person's reply.")
    elif reply is None and (seen.running or not (messages or conversation.first_response_seconds is not None)):
        yield Span(start, _given_up(seen, start) or until, "unanswered", "No person has answered the customer.")


def _resolution_spans(conversation: Conversation, messages: Sequence[object], seen: Replay) -> Iterator[Span]:
    end = seen.last_resolved if seen.resolved else None
    begun = _begun(conversation, messages, seen, end)
    if begun is None or (end is not None and end < begun):
        return
    if end is None:
        yield Span(begun, None, "unresolved", "It is not resolved, or has come back since.")
    else:
        yield Span(begun, end, "resolution", "From the start to the last resolution, whatever happened between.")


def times_of_all(
    conversations: Iterable[tuple[Any, ...]],
    messages: Iterable[tuple[Any, ...]],
    status_events: Iterable[tuple[Any, ...]],
    schedules: Mapping[str | None, Schedule],
    until: datetime | None = None,
) -> Iterator[tuple[Any, Times]]:
    """Times of conversation after conversation from three streams of plain tuples, each sorted by conversation key.

    A conversation is `(key, schedule_id, *fields of Conversation)`, a message `(key, *fields of Message)`, a change
    `(key, *fields of StatusEvent)`. `schedules[None]` holds where a conversation names none. Events of a key that no
    conversation has are passed over. Raises BadCall when a stream is not sorted or a conversation comes twice.
    """
    said, changed = _Grouped(messages, "messages"), _Grouped(status_events, "status events")
    last = None
    for row in conversations:
        key = row[0]
        if last is not None and not last < key:
            raise _unsorted("conversations", last, key)
        last = key
        conversation = Conversation._make(row[2:])
        yield key, times(conversation, said.of(key), changed.of(key), schedules.get(row[1]), until)
    said.finish()
    changed.finish()


class _Grouped:
    """Hands out the rows of one key after the other from a sorted stream, holding one group at a time."""

    def __init__(self, rows: Iterable[tuple[Any, ...]], name: str) -> None:
        self._rows, self._name = iter(rows), name
        self._next = next(self._rows, None)

    def of(self, key: Any) -> list[tuple[Any, ...]]:
        group: list[tuple[Any, ...]] = []
        while self._next is not None and not key < self._next[0]:
            if self._next[0] == key:
                group.append(self._next[1:])
            self._advance()
        return group

    def finish(self) -> None:
        """Reads what is left, so that rows in a wrong order never go unnoticed."""
        while self._next is not None:
            self._advance()

    def _advance(self) -> None:
        last, self._next = self._next, next(self._rows, None)
        if last is not None and self._next is not None and self._next[0] < last[0]:
            raise _unsorted(self._name, last[0], self._next[0])


def _unsorted(name: str, last: object, key: object) -> BadCall:
    hint = "Sort them by conversation key; a conversation comes once."
    return BadCall(f"the {name} are not sorted: {key!r} comes after {last!r}", hint=hint)
