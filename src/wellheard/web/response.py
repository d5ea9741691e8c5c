"""The response rate that stands beside every figure of surveys: an interval says nothing of who kept silent."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import date

from wellheard.base.errors import WellheardError
from wellheard.base.periods import add_months
from wellheard.metrics.answer import Answer
from wellheard.metrics.catalogue import metric
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, question
from wellheard.reports import units
from wellheard.web.site import Site
from wellheard.web.standing import last_month_end

KPI = "response_rate"
UNKNOWN = "response rate not known: no invitations"


def kind_of(kpi: Metric) -> str | None:
    """The kind of survey question that a KPI rests on; None where it rests on something else."""
    asked = [dict(need.among).get("kind") for need in kpi.needs[:1] if need.table == "survey_responses"]
    kind = asked[0] if asked else None
    return kind if kind and f"for_{kind}" in {v.name for v in metric(KPI).variants} else None


def beside(asked: Question, kind: str) -> Question:
    """The question for the response rate to the surveys of a kind, in the days and with the filter of another one."""
    plain = question(KPI, variant=f"for_{kind}", start=asked.start, end=asked.end)
    return replace(plain, where=asked.where, viewer=asked.viewer)


def of_month(kpi: Metric, data_end: date) -> Question | None:
    """The question for the last complete month that a tile shows; None where the KPI is not of surveys."""
    kind, after = kind_of(kpi), last_month_end(data_end)
    return question(KPI, variant=f"for_{kind}", start=add_months(after, -1), end=after) if kind else None


def words(future: Future[Answer] | None) -> str:
    """What a tile says beside a figure of surveys; nothing where it is not one, or its rate is not there yet."""
    if future is None or not future.done():
        return ""
    try:
        (row,) = future.result().to_list()
    except WellheardError:
        return ""
    if row["value"] is None:
        return UNKNOWN
    return f"response rate {units.written(row['value'], row['unit'], None)}"


def stat(site: Site, asked: Question, kind: str) -> dict[str, object] | None:
    """The response rate as a figure of a page's headline; None where the filter does not speak of invitations."""
    try:
        (row,) = site.figures.answer(beside(asked, kind)).to_list()
    except WellheardError:
        return None
    shown = units.written(row["value"], row["unit"], None)
    return {
        "words": "Response rate of the surveys that ask it",
        "number": shown.number,
        "unit": shown.unit,
        "n": row["n"],
        "pending": row["pending"],
        "state": row["state"],
        "interval": units.spread(row["low"], row["high"], row["unit"], None),
    }
