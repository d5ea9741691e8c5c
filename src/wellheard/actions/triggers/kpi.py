"""A KPI over its bound, a change for the worse, or a period out of line: judged on intervals, never on noise.

A value is below a bound only where its whole interval is, and none is judged on fewer rows than `least_n`. A change
counts where the test of the two periods gives a p of at most `p`; too few customers give none. A period is out of line
where it lies further from the median of those before than chance in the rows and the usual wandering explain (more than
3.5 deviations, the wandering being the scaled median absolute deviation; Iglewicz and Hoaglin, 1993).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any, Literal

from pydantic import Field, model_validator

from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When
from wellheard.base.periods import floor, grain_of, local_day, midnight, step
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import question
from wellheard.reports import units

BEFORE, LEAST_BEFORE, FAR = 12, 6, 3.5  # periods looked back on, the fewest that tell anything, and deviations
SCALE = 1.4826  # of a median absolute deviation, to be a normal's standard deviation
NORMAL = 1.959964


class KpiWhen(When):
    """Which KPI over which periods; at least one of the tests has to be named."""

    trigger: Literal["kpi"] = "kpi"
    kpi: str
    grain: Literal["day", "week", "month", "quarter"] = "week"
    below: float | None = None
    above: float | None = None
    change: Literal["", "worse", "better", "any"] = ""
    anomaly: bool = False
    least_n: int = 0
    p: float = Field(0.01, gt=0, lt=0.2)

    @model_validator(mode="after")
    def _judges(self) -> KpiWhen:
        if self.below is None and self.above is None and not self.change and not self.anomaly:
            raise ValueError("say below, above, change or anomaly")
        return self


def find(when: KpiWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The periods that ended in that time and for which a test holds."""
    name = question(when.kpi).kpi
    kpi, grain = look.metric(name), grain_of(when.grain)
    last = floor(local_day(until, look.zone), grain, look.week_start)
    first = floor(local_day(since, look.zone), grain, look.week_start)
    start = step(first, grain, -1 - BEFORE)
    if last <= start:
        return []
    asked = question(when.kpi, grain=grain, where=when.where or None, start=start, end=last, compare="previous")
    rows = [row for row in look.ask(asked).to_list() if row["period_start"] and not row["partial"]]
    found = []
    for place, row in enumerate(rows):
        ended = midnight(date.fromisoformat(row["period_end"]), look.zone).replace(tzinfo=UTC)
        if since <= ended < until and (words := _why(when, kpi, row, rows[max(0, place - BEFORE) : place])):
            found.append(_happening(when, kpi, row, words, ended))
    return found


def _why(when: KpiWhen, kpi: Metric, row: dict[str, Any], before: list[dict[str, Any]]) -> str:
    """Why a period is told of; empty where no test holds."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None or row["n"] < max(when.least_n, kpi.least_n) or row["state"] != "ok":
        return ""
    if when.below is not None and high is not None and high < when.below:
        return f"surely below {when.below:g}"
    if when.above is not None and low is not None and low > when.above:
        return f"surely above {when.above:g}"
    if when.change and row.get("change") and row.get("p") is not None and row["p"] <= when.p:
        rising = row["change"] > 0
        worse = rising == (kpi.direction == "down")
        if when.change == "any" or (when.change == "worse") == worse:
            return f"{'rose' if rising else 'fell'} by {abs(row['change']):.3g} since the period before"
    if when.anomaly and _out_of_line(value, low, high, before):
        return "out of line with the periods before"
    return ""


def _out_of_line(value: float, low: float | None, high: float | None, before: list[dict[str, Any]]) -> bool:
    values = [float(r["value"]) for r in before if r["value"] is not None]
    if len(values) < LEAST_BEFORE or low is None or high is None:
        return False
    centre = median(values)
    wandering = SCALE * median(abs(v - centre) for v in values)
    chance = (high - low) / (2 * NORMAL)
    return bool(abs(value - centre) > FAR * (wandering**2 + chance**2) ** 0.5)


def _happening(when: KpiWhen, kpi: Metric, row: dict[str, Any], words: str, ended: datetime) -> Happening:
    shown = units.written(row["value"], row["unit"], row["currency"])
    spread = units.spread(row["low"], row["high"], row["unit"], row["currency"])
    figure = " ".join(part for part in (shown.number, shown.unit) if part)
    last = date.fromisoformat(row["period_end"]) - timedelta(days=1)
    return Happening(
        subject=f"kpi:{when.kpi}:{when.where}:{when.grain}:{row['period_start']}",
        at=ended,
        kind="alert",
        title=f"{kpi.title} {figure}, {words}",
        text=f"{row['period_start']} to {last}: {figure} ({spread}) from {row['n']} rows.",
        facts=(("KPI", kpi.title), ("value", figure), ("interval", spread), ("rows", str(row["n"])))
        + ((("of", when.where),) if when.where else ()),
        person=f"kpi:{when.kpi}:{when.where}",
        link=f"/kpi/{kpi.name}",
    )


TRIGGER = Trigger("A KPI", "A KPI crossed a bound, changed, or is out of line.", KpiWhen, find, slow=True)
