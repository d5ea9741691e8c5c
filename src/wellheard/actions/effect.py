"""Whether following up helped: how much is recovered, how long cases take, and what those left alone did without it.

A share has Wilson's interval, and a difference of two independent shares Newcombe's (the same as MOVER with Wilson's
limits; R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890). Times to close count open cases as not closed yet
(Kaplan and Meier, 1958). Only a holdout drawn at random can say that acting was the cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan, sqrt
from typing import Any

from scipy import stats

from wellheard.actions.happening import Look
from wellheard.metrics.difference import mover
from wellheard.store.cases import CLOSED, Case
from wellheard.store.firings import ACTED, HELD_OUT, Firing

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """So many of so many, in percent with its interval; None where there is nobody."""

    count: int
    of: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """A difference with its interval, in the unit of what is compared; None where a side has too few."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """What became of those on whom a rule acted, beside those it left alone by chance."""

    recovered: Share
    recovered_alone: Share
    recovery: Difference
    stayed: Share
    stayed_alone: Share
    retention: Difference
    revenue: float | None
    revenue_alone: float | None
    revenue_difference: Difference


def share(count: int, of: int) -> Share:
    """A share with Wilson's interval."""
    if not of:
        return Share(0, 0)
    limits = stats.binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    return Share(count, of, 100 * count / of, 100 * float(limits.low), 100 * float(limits.high))


def difference(first: Share, second: Share) -> Difference:
    """The first share less the second, in points."""
    if None in (first.value, second.value):
        return Difference(None, None, None)
    made = mover(first.value, first.low, first.high, second.value, second.low, second.high)  # type: ignore[arg-type]
    return Difference(float(made.change), float(made.low), float(made.high))


def means_difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """The mean of the first less the second, with Welch's interval (B. L. Welch, Biometrika 34 (1947) 28–35)."""
    if len(first) < 2 or len(second) < 2:
        return Difference(None, None, None)
    made = stats.ttest_ind(first, second, equal_var=False).confidence_interval(LEVEL)
    value = sum(first) / len(first) - sum(second) / len(second)
    return Difference(value, *(None if isnan(x) else float(x) for x in (made.low, made.high)))


@dataclass(frozen=True)
class Closing:
    """How long cases take: hours until half of them are closed, with its interval; None where that is not known yet."""

    cases: int
    closed: int
    median_hours: float | None
    low: float | None
    high: float | None
    on_time: Share


def time_to_close(found: Sequence[Case], now: datetime) -> Closing:
    """The median time to close (Kaplan and Meier), its interval by the sign test (Brookmeyer and Crowley, 1982)."""
    spans = sorted(
        (((case.closed_at or now) - case.opened_at).total_seconds() / 3600, case.state == CLOSED) for case in found
    )
    alive, left, greenwood = 1.0, len(spans), 0.0
    median = low = high = None
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    for hours, closed in spans:
        if closed:
            alive *= 1 - 1 / left
            greenwood += 1 / (left * (left - 1)) if left > 1 else 0.0
            deviation = alive * sqrt(greenwood)
            low = hours if low is None and alive - z * deviation <= 0.5 else low
            median = hours if median is None and alive <= 0.5 else median
            high = hours if high is None and alive + z * deviation <= 0.5 else high
        left -= 1
    done = [case for case in found if case.state == CLOSED and case.due_at is not None]
    punctual = sum(case.closed_at <= case.due_at for case in done if case.closed_at and case.due_at)
    return Closing(len(found), sum(c for _, c in spans), median, low, high, share(punctual, len(done)))


def outcomes_by_play(found: Sequence[Case]) -> dict[str, Share]:
    """The share of closed cases that ended recovered, by play; cases without one stand under an empty name."""
    names = sorted({case.play or "" for case in found if case.state == CLOSED})
    closed = {name: [c for c in found if c.state == CLOSED and (c.play or "") == name] for name in names}
    return {name: share(sum(c.outcome == "recovered" for c in part), len(part)) for name, part in closed.items()}


def effect_of(look: Look, firings: Sequence[Firing], now: datetime, days: int = 90) -> Effect:
    """What became of whom a rule decided on, within so many days; those who had less time are left out.

    Recovered is who gave a better next answer of the same kind: no detractor, no dissatisfied. Stayed is who has not
    ended by then. Revenue is what was ordered less what was refunded.
    """
    span = timedelta(days=days)
    first: dict[str, Firing] = {}
    for firing in sorted(firings, key=lambda f: f.happened_at):
        if firing.customer_id and firing.decision in (ACTED, HELD_OUT) and firing.happened_at + span <= now:
            first.setdefault(firing.customer_id, firing)
    ids = sorted(first)
    answers = _better(look, first, ids, span)
    ended = _ended(look, first, ids, span)
    money = _revenue(look, first, ids, span)
    acted = [id for id in ids if first[id].decision == ACTED]
    alone = [id for id in ids if first[id].decision == HELD_OUT]
    recovered, recovered_alone = (
        share(sum(answers[i] for i in part if i in answers), sum(i in answers for i in part)) for part in (acted, alone)
    )
    stayed, stayed_alone = (
        share(sum(not ended[i] for i in part if i in ended), sum(i in ended for i in part)) for part in (acted, alone)
    )
    sums = [[money.get(i, 0.0) for i in part] for part in (acted, alone)]
    return Effect(
        recovered,
        recovered_alone,
        difference(recovered, recovered_alone),
        stayed,
        stayed_alone,
        difference(stayed, stayed_alone),
        sum(sums[0]) / len(sums[0]) if sums[0] else None,
        sum(sums[1]) / len(sums[1]) if sums[1] else None,
        means_difference(*sums),
    )


def _better(look: Look, first: Mapping[str, Firing], ids: Sequence[str], span: timedelta) -> dict[str, bool]:
    """Whether the next answer after a firing, if there was one in time, was no bad one."""
    found: dict[str, bool] = {}
    if not ids:
        return found
    where = "score is not null and flag is null and (test is null or test = false) and kind in ('nps', 'csat', 'ces')"
    columns = ("customer_id", "kind", "score", "scale_min", "scale_max")
    for row in look.rows("survey_responses", columns, where=where, equal={"customer_id": ids}):
        firing = first[row["customer_id"]]
        if row["customer_id"] not in found and firing.happened_at < row["instant"] <= firing.happened_at + span:
            found[row["customer_id"]] = not _bad(row)
    return found


def _bad(row: Mapping[str, Any]) -> bool:
    if row["kind"] == "nps":
        return bool(row["score"] <= 6)
    low, high = row["scale_min"] or 1, row["scale_max"] or 5
    return bool((row["score"] - low) / (high - low) <= 0.4)


def _ended(look: Look, first: Mapping[str, Firing], ids: Sequence[str], span: timedelta) -> dict[str, bool]:
    rows = look.rows("customers", ("ended_at",), equal={"source_id": ids}) if ids else []
    return {
        row["source_id"]: row["ended_at"] is not None and row["ended_at"] <= first[row["source_id"]].happened_at + span
        for row in rows
    }


def _revenue(look: Look, first: Mapping[str, Firing], ids: Sequence[str], span: timedelta) -> dict[str, float]:
    found: dict[str, float] = {}
    rows = look.rows("orders", ("customer_id", "revenue", "refunded"), equal={"customer_id": ids}) if ids else []
    for row in rows:
        firing = first[row["customer_id"]]
        if firing.happened_at < row["instant"] <= firing.happened_at + span:
            amount = float(row["revenue"] or 0) - float(row["refunded"] or 0)
            found[row["customer_id"]] = found.get(row["customer_id"], 0.0) + amount
    return found
