"""A table that gets nothing new: a source may have broken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When


class FreshnessWhen(When):
    """After how many hours without a new row in which table."""

    trigger: Literal["freshness"] = "freshness"
    table: str
    hours: float = Field(24, gt=0)


def find(when: FreshnessWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The table's standstill, told once for each last row."""
    del since
    last = look.last_row(when.table)
    if last is None or until - last < timedelta(hours=when.hours):
        return []
    name = when.table.replace("_", " ")
    return [
        Happening(
            subject=f"freshness:{when.table}:{last:%Y-%m-%dT%H:%M:%S}",
            at=until,
            kind="alert",
            title=f"Nothing new in {name} for {(until - last).total_seconds() / 3600:.0f} hours",
            text="The source may have stopped, or what it sends is set aside.",
            facts=(("last row", f"{last:%Y-%m-%d %H:%M} UTC"),),
            person=f"table:{when.table}",
            link="/import",
        )
    ]


TRIGGER = Trigger("Old data", "A table gets nothing new.", FreshnessWhen, find, historic=False, slow=True)
