"""A review or post in public."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

from wellheard.actions.condition import both, quoted
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When, facts_of

MADE_UP = re.compile(r"[0-9a-f]{32}-[0-9]+")  # the key of a row whose file gives none, which no platform knows
COLUMNS = ("channel", "rating", "title", "body", "product", "language", "customer_id")


class ReviewWhen(When):
    """Which reviews: on a channel, up to so many stars."""

    trigger: Literal["review"] = "review"
    channel: str = ""
    at_most: float | None = None


def find(when: ReviewWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The reviews written in that time."""
    bounds = [f"channel = {quoted(when.channel)}"] if when.channel else []
    bounds += [f"rating <= {when.at_most}"] if when.at_most is not None else []
    rows = look.rows("feedback", COLUMNS, where=both(*bounds, when.where), since=since, until=until)
    return [_happening(row) for row in rows]


def _happening(row: dict[str, Any]) -> Happening:
    stars = "" if row["rating"] is None else f" with {row['rating']:g} {'star' if row['rating'] == 1 else 'stars'}"
    where = f" on {row['channel']}" if row["channel"] else ""
    return Happening(
        subject=f"review:{row['id']}",
        at=row["instant"],
        kind="review",
        title=f"Review{stars}{where}",
        text="\n".join(part for part in (row["title"], row["body"]) if part),
        facts=facts_of(row, ("rating", "channel", "product", "language")),
        person=row["person"],
        source=row["source"],
        customer_id=row["customer_id"],
        review="" if MADE_UP.fullmatch(row["source_id"]) else row["source_id"],
        platform=row["channel"] or "",
    )


TRIGGER = Trigger("A review", "Somebody reviewed you in public.", ReviewWhen, find)
