"""A customer's health, risk or worth crosses a bound: surely, where the score has an interval."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import model_validator

from wellheard.actions.condition import both, quoted
from wellheard.actions.happening import Happening, Look
from wellheard.actions.trigger import Trigger, When

COLUMNS = ("customer_id", "account_id", "kind", "value", "low", "high", "coverage", "model")
BACK = timedelta(days=400)  # in which the score before is looked for


class ScoreWhen(When):
    """Which score, such as health or churn_risk_90d, and the bound that it crosses."""

    trigger: Literal["score"] = "score"
    kind: str
    below: float | None = None
    above: float | None = None
    least_coverage: float = 0

    @model_validator(mode="after")
    def _judges(self) -> ScoreWhen:
        if (self.below is None) == (self.above is None):
            raise ValueError("say below or above, and one of them alone")
        return self


def find(when: ScoreWhen, look: Look, since: datetime, until: datetime) -> list[Happening]:
    """The scores of that time that lie beyond the bound while the customer's score before did not."""
    where = both(f"kind = {quoted(when.kind)}", when.where)
    rows = look.rows("customer_scores", COLUMNS, where=where, since=since - BACK, until=until)
    beyond: dict[str, bool] = {}
    found = []
    for row in rows:
        who = row["person"] or row["company"] or row["customer_id"]
        now = _beyond(when, row)
        if now and not beyond.get(who, False) and row["instant"] >= since:
            found.append(_happening(when, row))
        beyond[who] = now
    return found


def _beyond(when: ScoreWhen, row: dict[str, Any]) -> bool:
    if row["value"] is None or (row["coverage"] or 100) < when.least_coverage:
        return False
    if when.below is not None:
        return bool((row["value"] if row["high"] is None else row["high"]) < when.below)
    return bool((row["value"] if row["low"] is None else row["low"]) > (when.above or 0))


def _happening(when: ScoreWhen, row: dict[str, Any]) -> Happening:
    name = when.kind.replace("_", " ")
    side = f"below {when.below:g}" if when.below is not None else f"above {when.above:g}"
    limits = "" if row["low"] is None or row["high"] is None else f" ({row['low']:g} to {row['high']:g})"
    return Happening(
        subject=f"score:{row['id']}",
        at=row["instant"],
        kind="customer",
        title=f"{name.capitalize()} {row['value']:g}, {side}",
        facts=((name, f"{row['value']:g}{limits}"),),
        person=row["person"] or row["company"],
        source=row["source"],
        customer_id=row["customer_id"],
        account_id=row["account_id"],
    )


TRIGGER = Trigger("A customer's score", "Health, risk or worth of a customer crossed a bound.", ScoreWhen, find)
