"""How the values behind a figure are spread: one bar a value where there are few, else bars of round width."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wellheard.reports.units import duration

FEW_VALUES = 15
BARS = 14
ROUND = (1, 2, 2.5, 5, 10)
TIMES = (
    1,
    5,
    10,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    345_600,
    604_800,
)


@dataclass(frozen=True)
class Bar:
    """A value, or a half-open range of values, and how many rows have it."""

    label: str
    rows: int
    low: float
    high: float


def bars(values: Sequence[float], unit: str = "number") -> list[Bar]:
    """The bars of finite values, in order. What lies above the 97th percentile shares the last bar of a wide range."""
    known = sorted(v for v in values if math.isfinite(v))
    if not known:
        return []
    counted = Counter(known)
    if len(counted) <= FEW_VALUES and unit != "seconds":
        return [Bar(f"{value:g}", n, value, value) for value, n in sorted(counted.items())]
    return _ranges(known, unit)


def _ranges(known: Sequence[float], unit: str) -> list[Bar]:
    top = known[min(int(len(known) * 0.97), len(known) - 1)]
    bottom = known[0] if known[0] < 0 else min(known[0], 0.0) if known[0] < 0.5 * top else known[0]
    step = _step((top - bottom) / BARS, unit) if top > bottom else 1.0
    first = math.floor(bottom / step) * step
    count = max(1, min(math.floor((top - first) / step) + 1, 4 * BARS))
    heights = [0] * (count + 1)
    for value in known:
        heights[min(int((value - first) / step), count)] += 1
    made = [
        Bar(_label(first + i * step, first + (i + 1) * step, unit), n, first + i * step, first + (i + 1) * step)
        for i, n in enumerate(heights[:-1])
    ]
    if heights[-1]:
        edge = first + count * step
        made.append(Bar(f"≥ {_edge(edge, unit)}", heights[-1], edge, known[-1]))
    return made


def _step(rough: float, unit: str) -> float:
    if unit == "seconds":
        return float(next((t for t in TIMES if t >= rough), math.ceil(rough / 604_800) * 604_800))
    size = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return float(next(r * size for r in ROUND if r * size >= rough * (1 - 1e-9)))


def _label(low: float, high: float, unit: str) -> str:
    return f"{_edge(low, unit)}–{_edge(high, unit)}"


def _edge(value: float, unit: str) -> str:
    return duration(value) if unit == "seconds" else f"{round(value, 6):,g}"
