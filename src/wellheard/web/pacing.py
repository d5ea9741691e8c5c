"""Where targets stand, from figures that the pages compute and keep like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wellheard.base.errors import WellheardError
from wellheard.metrics.question import question
from wellheard.metrics.target import Pace, Target, pace
from wellheard.reports import units
from wellheard.web.site import Site

SURE, UNSURE = 0.8, 0.5  # from which probability on a target is likely, and below which it is at risk


@dataclass(frozen=True)
class Shown:
    """A target as a page shows it; `waiting` while its figures are being computed, `fault` where they cannot be."""

    target: Target
    kpi: str
    title: str
    wanted: str
    waiting: bool = False
    fault: str = ""
    state: str = ""
    value: str = ""
    interval: str = ""
    elapsed: str = ""
    needed: str = ""
    expected: str = ""
    likely: str = ""
    tone: str = ""


def shown(site: Site, targets: Sequence[Target], *, wait: bool) -> list[Shown]:
    """Each target where it stands; without `wait`, those whose figures are not there yet are begun and left waiting."""
    return [_shown(site, target, wait) for target in targets]


def of_kpi(site: Site, name: str) -> list[Target]:
    """The targets of a KPI, whatever its variant."""
    return [t for t in site.services.targets() if question(t.kpi).kpi.partition("@")[0] == name]


def _shown(site: Site, target: Target, wait: bool) -> Shown:
    asked = question(target.kpi)
    try:
        kpi = site.services.metric(asked.kpi)
        unit = kpi.asked(asked.variants).unit
        bare = Shown(target, kpi.name, kpi.title, str(units.written(target.value, unit, None)))
        end = site.figures.data_end(kpi.name)
        if end is None or end < target.start:
            return _told(bare, Pace(target, "none"), unit)
        questions = (target.now(end), target.past(end))
        futures = [site.figures.start(q) for q in questions]
        if not wait and not all(f.done() for f in futures):
            return Shown(target, kpi.name, kpi.title, bare.wanted, waiting=True)
        now, past = (f.result().to_list() for f in futures)
        return _told(bare, pace(target, kpi, now[0], past, end), unit)
    except WellheardError as error:
        return Shown(target, asked.kpi, asked.kpi, f"{target.value:g}", fault=error.message)


def _told(bare: Shown, found: Pace, unit: str) -> Shown:
    likely, tone = "nothing to judge by yet", ""
    if found.state in ("met", "missed"):
        likely, tone = found.state, "good" if found.state == "met" else "bad"
    elif found.probability is not None:
        likely = f"{_percent(found.probability)} likely to be met"
        tone = "good" if found.probability >= SURE else "bad" if found.probability < UNSURE else ""
    return Shown(
        bare.target,
        bare.kpi,
        bare.title,
        bare.wanted,
        state=found.state,
        value=str(units.written(found.value, unit, None)),
        interval=units.spread(found.low, found.high, unit, None),
        elapsed=f"{found.elapsed:.0%}".replace("%", " %"),
        needed="" if found.needed is None else str(units.written(found.needed, unit, None)),
        expected="" if found.expected is None else str(units.written(found.expected, unit, None)),
        likely=likely,
        tone=tone,
    )


def _percent(share: float) -> str:
    """A probability without a false certainty."""
    return "over 99 %" if share > 0.99 else "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
