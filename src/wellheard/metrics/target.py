"""Targets: the value a KPI should have over some days, whose it is, and how likely it is to be met.

They stand in one TOML file of the home. What is read here are answers; nothing here asks.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wellheard.base.errors import BadCall, BadInput, Place, Unknown
from wellheard.base.periods import Grain, add_months, floor
from wellheard.metrics.bricks import Quantile, Share, Summed
from wellheard.metrics.interval import normal
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import Question, question
from wellheard.metrics.where import parse

HISTORY = 12  # months before the target's own, which tell how much the figure moves by itself
LEAST_HISTORY = 4
DAYS_A_MONTH = 30.4375
Kind = Literal["average", "flow", "level", "survival"]


class Target(BaseModel):
    """What a KPI should be over the days from `start` to `by`, both included, of the rows that `where` leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kpi: str = Field(min_length=1, max_length=200)
    value: float = Field(allow_inf_nan=False)
    start: date = Field(alias="from")
    by: date
    owner: str = Field("", max_length=200)
    where: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Target:
        if self.by <= self.start:
            raise ValueError(f"by ({self.by}) is not after from ({self.start})")
        if self.where:
            try:
                parse(self.where)
            except BadCall as error:
                raise ValueError(f"where: {error.message}") from None
        return self

    @property
    def key(self) -> str:
        """What names it: the same for the same KPI, days and rows, whatever its value."""
        said = json.dumps([self.kpi, str(self.start), str(self.by), self.where])
        return hashlib.sha256(said.encode()).hexdigest()[:10]

    def now(self, data_end: date) -> Question:
        """The figure so far."""
        return question(
            self.kpi, start=self.start, end=min(self.by, data_end) + timedelta(days=1), where=self.where or None
        )

    def past(self, data_end: date) -> Question:
        """The complete months before, which tell how the figure moves by itself."""
        end = floor(min(self.by, data_end) + timedelta(days=1), Grain.MONTH)
        start = add_months(floor(self.start, Grain.MONTH), -HISTORY)
        return question(
            self.kpi, grain=Grain.MONTH, start=min(start, add_months(end, -1)), end=end, where=self.where or None
        )


@dataclass(frozen=True)
class Pace:
    """Where a target stands.

    `elapsed` is the share of its days that is over, `expected` what the figure will be if things go on as they do,
    `needed` what the rest of the days must bring for the target to be met, and `probability` how likely that is: None
    where too little is known. `state` is none, running, met or missed.
    """

    target: Target
    state: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    elapsed: float = 0.0
    expected: float | None = None
    needed: float | None = None
    probability: float | None = None


def pace(
    target: Target, kpi: Metric, row: Mapping[str, Any], past: Sequence[Mapping[str, Any]], data_end: date
) -> Pace:
    """Where a target stands, from the answers to its two questions.

    A rate goes on at its level, with the spread between its past months; a count goes on at its pace, with the
    dispersion of its past months; a level such as recurring revenue wanders as it did from month to month; a cohort
    goes on losing at the rate it does.
    """
    up = _direction(target, kpi) == "up"
    whole = (target.by - target.start).days + 1
    over = min(max((data_end - target.start).days + 1, 0), whole)
    value, elapsed = row["value"], over / whole
    said = {"value": value, "low": row["low"], "high": row["high"], "n": row["n"], "elapsed": elapsed}
    if value is None or over == 0:
        return Pace(target, "none", elapsed=elapsed)
    if over == whole:
        met = value >= target.value if up else value <= target.value
        return Pace(target, "met" if met else "missed", **said, expected=value, probability=float(met))
    months = whole / DAYS_A_MONTH
    kind = kind_of(target, kpi)
    expected, deviation = _ahead(kind, row, past, elapsed, months, loss=not up)
    probability = None
    if deviation is not None:
        from scipy import special

        away = (expected - target.value) * (1 if up else -1)
        probability = float(special.ndtr(away / deviation)) if deviation > 0 else float(away >= 0)
    # Of the two medians of two stretches of days none can be told that makes the median of both.
    mixes = not isinstance(kpi.asked(_variants(target)).brick, Quantile)
    needed = _needed(kind, target.value, value, elapsed) if mixes else None
    return Pace(target, "running", **said, expected=expected, needed=needed, probability=probability)


def check_reach(target: Target, kpi: Metric) -> None:
    """Raises BadCall for a value that the figure can never have, such as 130 %."""
    asked = kpi.asked(_variants(target))
    if not isinstance(asked.brick, Summed):
        return
    low, high = (bound * asked.brick.scale for bound in asked.brick.bounds)
    if not low <= target.value <= high:
        hint = f"it lies between {low:g} and {high:g} {asked.unit}"
        raise BadCall(f"{target.kpi} can never be {target.value:g}", hint=hint, field="value")


def kind_of(target: Target, kpi: Metric) -> Kind:
    """How the figure goes on: as an average of its days, a flow, a level, or a cohort that is being lost."""
    asked = kpi.asked(_variants(target))
    if getattr(asked.brick, "complete", False):
        return "level" if getattr(asked.brick, "stock", False) else "flow"
    if kpi.cohort and asked.spans == kpi.spans:
        return "survival" if isinstance(asked.brick, Share) else "level"
    return "average"


def _variants(target: Target) -> tuple[str, ...]:
    return question(target.kpi).variants


def _direction(target: Target, kpi: Metric) -> str:
    return kpi.asked(_variants(target)).direction


def _ahead(
    kind: Kind, row: Mapping[str, Any], past: Sequence[Mapping[str, Any]], elapsed: float, months: float, *, loss: bool
) -> tuple[float, float | None]:
    """What the figure will be at the end, and the standard deviation of that; None where it cannot be told."""
    value, rest = float(row["value"]), 1 - elapsed
    noise = _noise(row)
    values = [float(r["value"]) for r in past if r["value"] is not None and not r["partial"]]
    match kind:
        case "flow":
            ahead = value * rest / elapsed
            if value <= 0:
                return value + ahead, None
            spread = _dispersion(values) * (ahead + ahead**2 / value)
            return value + ahead, sqrt(spread)
        case "level":
            steps = [b - a for a, b in pairwise(values)]
            return value, sqrt(_variance(steps) * months * rest) if len(steps) >= LEAST_HISTORY - 1 else None
        case "survival":
            share = min(max(value / 100 if loss else 1 - value / 100, 0.0), 1.0)
            lost = 100 * (1 - (1 - share) ** (1 / elapsed))
            expected = lost if loss else 100 - lost
            if noise is None:
                return expected, None
            return expected, sqrt(noise * (rest / elapsed + (rest / elapsed) ** 2))
        case _:
            if noise is None:
                return value, None
            between = _between(past)
            here, there = max(months * elapsed, 1.0), max(months * rest, 1.0)
            spread = between * (1 / here + 1 / there) + noise * (1 + elapsed / rest)
            return value, rest * sqrt(spread)


def _needed(kind: Kind, wanted: float, value: float, elapsed: float) -> float | None:
    if kind == "flow":
        return wanted - value
    return (wanted - elapsed * value) / (1 - elapsed) if kind == "average" else None


def _noise(row: Mapping[str, Any]) -> float | None:
    """The sampling variance of a figure, from its 95 % interval."""
    if row["low"] is None or row["high"] is None:
        return None
    return ((float(row["high"]) - float(row["low"])) / (2 * float(normal(0.95)))) ** 2


def _between(past: Sequence[Mapping[str, Any]]) -> float:
    """How much months truly differ: their variance less what chance alone makes of it, never below 0."""
    known = [(float(r["value"]), _noise(r)) for r in past if r["value"] is not None and not r["partial"]]
    sure = [(value, noise) for value, noise in known if noise is not None]
    if len(sure) < LEAST_HISTORY:
        return 0.0
    return max(0.0, _variance([v for v, _ in sure]) - sum(noise for _, noise in sure) / len(sure))


def _dispersion(values: Sequence[float]) -> float:
    """How many times wider than Poisson's past months vary, or for amounts the size of one; at least 1."""
    centre = sum(values) / len(values) if values else 0.0
    if len(values) < LEAST_HISTORY or centre <= 0:
        return 1.0
    return max(1.0, _variance(values) / centre)


def _variance(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    centre = sum(values) / len(values)
    return sum((v - centre) ** 2 for v in values) / (len(values) - 1)


# --- the file ---------------------------------------------------------------------------------------------------------


def read_targets(path: Path) -> tuple[Target, ...]:
    """The targets in a file; none where there is none. Raises BadInput naming the entry at fault."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        entries = told.get("targets", [])
        found = tuple(Target.model_validate(entry) for entry in entries)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", place=Place(str(path))) from None
    except ValidationError as error:
        raise BadInput(told_wrong(error), hint="`wellheard targets set` writes one", place=Place(str(path))) from None
    return found


def told_wrong(error: ValidationError) -> str:
    """What is wrong with an entry, in one line."""
    return "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'target'}: {e['msg']}" for e in error.errors())


def target_of(**told: Any) -> Target:
    """A target from what a form or a command says. Raises BadCall naming the field at fault."""
    try:
        return Target.model_validate({name: value for name, value in told.items() if value not in (None, "")})
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else None
        raise BadCall(told_wrong(error), hint="dates are written 2026-12-31", field=field) from None


def set_target(path: Path, target: Target) -> None:
    """Keeps a target, in place of an earlier one for the same KPI, days and rows."""
    others = [t for t in read_targets(path) if t.key != target.key]
    _write(path, [*others, target])


def remove_target(path: Path, key: str) -> None:
    """Forgets a target. Raises Unknown where there is none of that key."""
    kept = read_targets(path)
    if key not in {t.key for t in kept}:
        raise Unknown(f"there is no target {key!r}", hint="`wellheard targets` lists them", field="id")
    _write(path, [t for t in kept if t.key != key])


def _write(path: Path, targets: Sequence[Target]) -> None:
    lines = []
    for t in sorted(targets, key=lambda t: (t.kpi, t.by, t.where)):
        lines += ["[[targets]]", f"kpi = {_text(t.kpi)}", f"value = {t.value!r}", f"from = {t.start}", f"by = {t.by}"]
        lines += [f"{name} = {_text(text)}" for name, text in (("owner", t.owner), ("where", t.where)) if text]
        lines.append("")
    beside = path.with_suffix(".new")
    beside.write_text("\n".join(lines), encoding="utf-8")
    os.replace(beside, path)  # a reader sees the old file or the new one, never half of one


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
