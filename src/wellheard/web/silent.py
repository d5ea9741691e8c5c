"""Who stayed silent, from the figures that the pages keep: for its page and the API."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from wellheard.insights.nonresponse import Silence, asks_customers, silence
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question
from wellheard.web.site import Site


def silence_of(site: Site, asked: Question, by: str, survey: str | None) -> Silence:
    """Who stayed silent. Raises Unknown and BadCall for what is not there."""
    return silence(site.services.metric(asked.kpi), asked, by, survey, site.figures.answer, site.services.customers_by)


def survey_kpis(site: Site) -> list[Metric]:
    """The KPIs that are made of answers, of which somebody may have stayed silent."""
    return [kpi for kpi in site.services.kpis() if asks_customers(kpi)]


def as_object(found: Silence) -> dict[str, Any]:
    """What the API gives: the fields as they are named, days as ISO text."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(found).items()}
