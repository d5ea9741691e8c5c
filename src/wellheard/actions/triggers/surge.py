"""A surge of bad news on one topic: more of it within hours than counts of the weeks before explain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from wellheard.actions.condition import both, quoted
from wellheard.actions.counting import upper_p
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When

HOUR = timedelta(hours=1)
MOST_CUSTOMERS = 2_000
COUNTS = "flag is null and (test is null or test = false)"
BACK = timedelta(days=7)  # from which on it is known whether a surge goes on already
COUNTED = {
    "text_scores": ("topic_id", "sentiment = 'negative'"),
    "survey_responses": (
        "touchpoint",
        f"(kind = 'nps' and score <= 6 or kind = 'csat' and score <= 2) and {COUNTS}",
    ),
    "feedback": ("product", "rating <= 2"),
    "conversations": ("topic", ""),
}


class SurgeWhen(When):
    """What is counted, by which topic, over how many hours; `least` says how many make a surge at all."""

    trigger: Literal["surge"] = "surge"
    table: Literal["text_scores", "survey_responses", "feedback", "conversations"] = "text_scores"
    by: str = ""
    hours: int = Field(6, ge=1, le=168)
    weeks: int = Field(4, ge=1, le=26)
    least: int = Field(5, ge=2)
    p: float = Field(0.0005, gt=0, lt=0.05)


def find(when: SurgeWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The beginnings of surges in that time, looked for at every full hour; a surge lasts until a span without one."""
    by, bad = COUNTED[when.table]
    by, where = when.by or by, both(bad, when.where)
    span = timedelta(hours=when.hours)
    first, last = _hour(since), _hour(until)
    start = first - BACK - timedelta(weeks=when.weeks) - span
    counts: dict[str, dict[datetime, int]] = {}
    for row in look.by_hour(when.table, where=where, by=by, since=start, until=last):
        if row["group"]:
            counts.setdefault(row["group"], {})[row["hour"]] = int(row["n"])
    found = []
    for group, by_hour in sorted(counts.items()):
        for at, count, usual in _surges(when, by_hour, first - BACK, last):
            if since <= at < until:
                found.append(_happening(when, look, group, by, where, at, count, usual))
    return sorted(found, key=lambda h: (h.at, h.subject))


def _surges(
    when: SurgeWhen, by_hour: dict[datetime, int], first: datetime, last: datetime
) -> list[tuple[datetime, int, float]]:
    """When surges begin: the hour's end, the count of its span, and the mean of the spans before it."""
    found, quiet_since = [], first - timedelta(days=365)
    for number in range(int((last - first) / HOUR) + 1):
        end = first + number * HOUR
        count = _count(by_hour, end, when.hours)
        if count < when.least:
            continue
        spans = int(timedelta(weeks=when.weeks) / timedelta(hours=when.hours))
        before = [_count(by_hour, end - timedelta(hours=when.hours * k), when.hours) for k in range(1, spans + 1)]
        if upper_p(count, before) < when.p:
            if end - quiet_since > timedelta(hours=when.hours):
                found.append((end, count, sum(before) / len(before)))
            quiet_since = end
    return found


def _count(by_hour: dict[datetime, int], end: datetime, hours: int) -> int:
    return sum(by_hour.get(end - k * HOUR, 0) for k in range(1, hours + 1))


def _happening(
    when: SurgeWhen, look: Look, group: str, by: str, where: str, at: datetime, count: int, usual: float
) -> Happening:
    rows = look.rows(
        when.table,
        ("customer_id",),
        where=both(where, f"{by} = {quoted(group)}"),
        since=at - timedelta(hours=when.hours),
        until=at,
        limit=MOST_CUSTOMERS,
    )
    customers = tuple(dict.fromkeys(str(row["customer_id"]) for row in rows if row["customer_id"]))
    return Happening(
        subject=f"surge:{when.table}:{by}:{group}:{at:%Y-%m-%dT%H}",
        at=at,
        kind="incident",
        title=f"Surge: {group}",
        text=f"{count} within {when.hours} hours, where {usual:.1f} are usual; {len(customers)} customers are known.",
        facts=(("topic", group), ("count", str(count)), ("usual", f"{usual:.1f}"), ("hours", str(when.hours))),
        person=f"surge:{when.table}:{group}",
        customers=customers,
    )


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


TRIGGER = Trigger("A surge", "Bad news on one topic, more than counts explain.", SurgeWhen, find, slow=True)
