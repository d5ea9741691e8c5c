"""A target that is slipping: as things go on, it will probably not be met."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When
from wellheard.base.periods import local_day


class TargetWhen(When):
    """Below which probability a target is told of, once so much of its days is over; by KPI, or any."""

    trigger: Literal["target"] = "target"
    kpi: str = ""
    probability: float = Field(0.2, gt=0, lt=1)
    elapsed: float = Field(0.25, ge=0, lt=1)


def find(when: TargetWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The targets that slip now, each once a month."""
    del since
    month = local_day(until, look.zone).strftime("%Y-%m")
    found = []
    for pace in look.targets():
        target, chance = pace.target, pace.probability
        if when.kpi and target.kpi != when.kpi:
            continue
        if pace.state != "running" or chance is None or chance >= when.probability or pace.elapsed < when.elapsed:
            continue
        found.append(
            Happening(
                subject=f"target:{target.key}:{month}",
                at=until,
                kind="alert",
                title=f"The target {target.value:g} of {target.kpi} is slipping",
                text=f"It will be met with a probability of {chance:.0%}; {pace.elapsed:.0%} of its days are over.",
                facts=(("owner", target.owner or "nobody"), ("by", str(target.by))),
                person=f"target:{target.key}",
                link="/targets",
            )
        )
    return found


TRIGGER = Trigger("A target", "A target will probably not be met.", TargetWhen, find, historic=False, slow=True)
