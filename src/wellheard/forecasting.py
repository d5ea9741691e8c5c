"""Forecasts asking for a workspace: what set surveys off lately is expected to do so again in as many days ahead.

It joins lake, surveys and store. What is known ahead, such as waves and the next quarters of subscriptions that run,
is taken as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from wellheard.app import Workspace
from wellheard.asking import budgets_of
from wellheard.base.errors import WellheardError
from wellheard.store.asked import askings, responses
from wellheard.store.store import Store
from wellheard.surveys.cadence import Asking, wave_moment, waves_at, zones_of
from wellheard.surveys.forecast import NORMAL, Month, Responses, come_again, forecast, turning
from wellheard.surveys.invite import Moment, candidate
from wellheard.surveys.playing import Chance, Chances, Rule
from wellheard.surveys.survey import Survey
from wellheard.surveys.trigger import trigger_called
from wellheard.warehouse.audience import Audience, Person
from wellheard.warehouse.occasions import occasions

MONTH = timedelta(days=30)
YEAR = timedelta(days=365)
ENOUGH = 30  # answers from which on their spread is known
SPREADS = {"nps": 70.0}  # of one answer, in points, where too few are there; shares have 50 at the most
WIDEST = 50.0


@dataclass(frozen=True)
class Forecast:
    """What is expected of each survey and month, and what its reader must know."""

    months: Sequence[Month]
    notes: Sequence[str]

    def of(self, survey_id: str) -> list[Month]:
        """One survey's months, the last of them for all together."""
        return [month for month in self.months if month.survey_id == survey_id]

    def as_rows(self) -> list[dict[str, Any]]:
        """As plain objects."""
        return [
            {
                "month": month.month or "in all",
                "survey": month.survey_id or "all",
                "occasions": month.occasions,
                "asked": month.asked,
                "reminded": month.reminded,
                "answers": round(month.answers, 1),
                "answers_low": month.answers_low,
                "answers_high": month.answers_high,
                "interval_width": None if month.interval_width is None else round(month.interval_width, 1),
                "not_asked": dict(month.reasons),
            }
            for month in self.months
        ]


def forecast_of(
    workspace: Workspace, store: Store, surveys: Sequence[Survey], now: datetime, months: int = 3
) -> Forecast:
    """The forecast for the surveys that ask by themselves, as if none of them were in test mode."""
    asking = [s.model_copy(update={"test": False}) for s in surveys if s.asking is not None and s.open]
    span = months * MONTH
    with store.reading() as con:
        before = askings(con, workspace.name, now - YEAR)
        known = responses(con, workspace.name, now - YEAR, now)
    names: dict[str, str] = {}
    seen = {survey.id: list(_chances(workspace, survey, now, span, names)) for survey in asking}
    chances = Chances.of(chance for found in seen.values() for chance in found)
    rules = [_rule(workspace, survey) for survey in asking]
    rates = {id: Responses(people) for id, people in known.items()}
    for past in before:  # rows that are linked now count as one
        past.person = names.get(past.person, past.person)
        past.company = names.get(past.company, past.company) if past.company else None
    found = forecast(rules, chances, budgets_of(workspace.settings), rates, before) if rules else []
    return Forecast(found, list(_notes(asking, seen, known, months)))


def _chances(
    workspace: Workspace, survey: Survey, now: datetime, span: timedelta, names: dict[str, str]
) -> Iterator[Chance]:
    """What is expected to set a survey off up to `span` from now; `names` learns under which name each row counts."""
    asking = survey.asking
    assert asking is not None
    calendar = trigger_called(asking.trigger).calendar
    found = _waves(workspace, survey, now, span) if calendar else _events(workspace, asking, now, span)
    for who, moment in found:
        made = candidate(survey, who, moment, workspace.settings, min(now, moment.due))
        company = min(who.companies) if who.companies else None
        names |= dict.fromkeys(who.rows, min(who.rows)) | dict.fromkeys(who.companies, company or "")
        yield Chance(survey.id, made.at.timestamp(), min(who.rows), company, made.refused, made.traits)


def _waves(workspace: Workspace, survey: Survey, now: datetime, span: timedelta) -> Iterator[tuple[Person, Moment]]:
    asking = survey.asking
    assert asking is not None
    waves = waves_at(asking, now, now + span)
    for who in Audience(workspace.lake) if waves else ():
        if who.ended_at is not None and who.ended_at <= now:
            continue
        zone = zones_of(who.traits.get("country"), who.zone, workspace.settings.time_zone)[0]
        for wave in waves:
            due = wave_moment(asking, survey.id, min(who.rows), wave, zone)
            if now < due <= now + span:
                yield who, Moment(f"{asking.trigger}:{asking.begins}:{wave}:{min(who.rows)}", due, {}, {})


def _events(workspace: Workspace, asking: Asking, now: datetime, span: timedelta) -> Iterator[tuple[Person, Moment]]:
    trigger, delay = trigger_called(asking.trigger), timedelta(hours=asking.after_hours)
    lasting = asking.every_days is not None and trigger.until is not None
    rows = occasions(workspace.lake, trigger, now - delay - span, now - delay, lasting=lasting)
    audience = Audience(workspace.lake, {row.customer_id for row in rows})
    for row in rows:
        who = audience.person(row.source, row.customer_id, row.account_id)
        if who is None:
            continue
        first = row.instant + delay
        if asking.every_days:
            every = timedelta(days=asking.every_days)
            number = max(0, math.ceil((now - first) / every))
            while (due := first + number * every) <= now + span:
                if due > now:
                    yield who, Moment(f"{asking.trigger}:{row.key}:{number}", due, row.about, row.traits, row.until)
                number += 1
        else:
            at = come_again(first.timestamp(), turning(min(who.rows)), now.timestamp(), span.total_seconds())
            yield who, Moment(f"{asking.trigger}:{row.key}", datetime.fromtimestamp(at, UTC), row.about, row.traits)


def _rule(workspace: Workspace, survey: Survey) -> Rule:
    asking = survey.asking
    assert asking is not None
    trigger = trigger_called(asking.trigger)
    return Rule(
        survey.id,
        asking.priority,
        [most.quota for most in asking.quotas],
        asking.reminders,
        asking.remind_days,
        trigger.calendar or asking.every_days is not None,
        _spread(workspace, survey),
    )


def _spread(workspace: Workspace, survey: Survey) -> float:
    """The standard deviation of one answer to the survey's first main question, by the KPI's interval so far."""
    kind = next((q.kind_of.kind for q in survey.questions if q.id in survey.mains), "csat")
    try:
        row = workspace.kpi(kind).to_list()[0]
    except (WellheardError, IndexError):
        return SPREADS.get(kind, WIDEST)
    if row["n"] < ENOUGH or row["low"] is None or row["high"] <= row["low"]:
        return SPREADS.get(kind, WIDEST)
    return float((row["high"] - row["low"]) * math.sqrt(row["n"]) / (2 * NORMAL))


def _notes(
    surveys: Sequence[Survey], seen: dict[str, list[Chance]], known: dict[str, Any], months: int
) -> Iterator[str]:
    if not surveys:
        yield "No survey asks by itself: give one a section [asking], or choose what sets it off in the designer."
        return
    yield (
        f"What set surveys off in the last {months * MONTH.days} days is expected to come again in the next "
        f"{months * MONTH.days}; growth and seasons are not foreseen."
    )
    for survey in surveys:
        if not seen[survey.id]:
            yield f"{survey.id}: nothing set it off in that time, so nothing is expected."
        elif sum(n for n, _ in known.get(survey.id, ())) < ENOUGH:
            yield f"{survey.id}: too few were asked yet to know how many answer; a fifth is assumed, and very unsure."


def with_draft(surveys: Sequence[Survey], draft: Survey) -> list[Survey]:
    """The surveys with one of them as it would be."""
    return [*(survey for survey in surveys if survey.id != draft.id), draft]
