"""A customer of whom nothing was heard for a while: no answer, conversation, order or usage."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When


class SilenceWhen(When):
    """In which table nothing came for how many days; `where` says of which rows."""

    trigger: Literal["silence"] = "silence"
    table: Literal["survey_responses", "conversations", "orders", "usage", "visits"] = "usage"
    days: float = Field(30, gt=0)


def find(when: SilenceWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The customers whose silence became that long in that time, as of its end."""
    span = timedelta(days=when.days)
    rows = look.last_seen(when.table, where=when.where, until=until)
    fallen = [row for row in rows if since <= row["last"] + span < until]
    return [_happening(when, row, row["last"] + span) for row in sorted(fallen, key=lambda r: (r["last"], r["person"]))]


def _happening(when: SilenceWhen, row: dict[str, Any], at: datetime) -> Happening:
    return Happening(
        subject=f"silence:{when.table}:{row['person']}:{row['last']:%Y-%m-%dT%H:%M:%S}",
        at=at,
        kind="customer",
        title=f"No {when.table.replace('_', ' ')} for {when.days:g} days",
        facts=(("last", f"{row['last']:%Y-%m-%d}"),),
        person=row["person"],
        source=row["source"],
        customer_id=row["customer_id"],
    )


TRIGGER = Trigger(
    "Silence", "Nothing was heard of a customer for so many days.", SilenceWhen, find, historic=False, slow=True
)
