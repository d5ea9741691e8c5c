"""How the values behind a figure are spread: one bar a value where there are few, else bars of round width."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FEW_VALUES = 15
BARS = 14
ROUND = (1, 2, 2.5, 5, 10)
# Times spread over minutes to weeks, so their bars are the spans that people think in, each named with its ends.
TIMES = (
    ("under 1 min", 0), ("1–5 min", 60), ("5–15 min", 300), ("15–30 min", 900), ("30–60 min", 1800), ("1–2 h", 3600),
    ("2–4 h", 7200), ("4–8 h", 14_400), ("8–24 h", 28_800), ("1–2 d", 86_400), ("2–4 d", 172_800), ("4–7 d", 345_600),
    ("1–2 weeks", 604_800), ("2 weeks or more", 1_209_600),
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A value, or a half-open range of values, and how many rows have it."""

    label: str
    rows: int


def bars(values: Sequence[float], unit: str = "number") -> list[Bar]:
    """The bars of finite values, in order, empty ones only between others.

    What lies above the 97th percentile of a wide range shares its last bar.
    """
    known = sorted(v for v in values if math.isfinite(v))
    if not known:
        return []
    if unit == "seconds":
        return _times(known)
    counted = Counter(known)
    if len(counted) <= FEW_VALUES:
        return [Bar(f"{value:g}", n) for value, n in sorted(counted.items())]
    return _ranges(known)


def _times(known: Sequence[float]) -> list[Bar]:
    edges = [start for _, start in TIMES]
    heights = Counter(max(bisect_right(edges, value) - 1, 0) for value in known)
    return [Bar(TIMES[i][0], heights[i]) for i in range(min(heights), max(heights) + 1)]


def _ranges(known: Sequence[float]) -> list[Bar]:
    top = known[min(int(len(known) * 0.97), len(known) - 1)]
    bottom = min(known[0], 0.0) if known[0] < 0.5 * top else known[0]
    step = _step((top - bottom) / BARS) if top > bottom else 1.0
    first = math.floor(bottom / step) * step
    count = max(1, min(math.floor((top - first) / step) + 1, 4 * BARS))
    heights = Counter(min(int((value - first) / step), count) for value in known)
    made = [Bar(f"{_edge(first + i * step)}–{_edge(first + (i + 1) * step)}", heights[i]) for i in range(count)]
    return [*made, Bar(f"≥ {_edge(first + count * step)}", heights[count])] if heights[count] else made


def _step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(r * size for r in ROUND if r * size >= rough * (1 - 1e-9))


def _edge(value: float) -> str:
    return f"{round(value, 6):,g}"
