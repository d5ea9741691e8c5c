"""A figure's recent past in the space of a word: a line over its interval, drawn without any library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 240.0, 48.0, 4.0


@dataclass(frozen=True)
class Dot:
    """One period: its value and its interval, each may be unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Spark:
    """SVG path data for a box of WIDTH by HEIGHT: the interval's areas, the line's stretches, and the last point."""

    areas: tuple[str, ...]
    lines: tuple[str, ...]
    last: tuple[float, float] | None
    width: float = WIDTH
    height: float = HEIGHT


def spark(dots: Sequence[Dot]) -> Spark:
    """The paths of a series, broken where a value is unknown. The height spans what is shown, not from zero."""
    known = [x for d in dots for x in (d.value, d.low, d.high) if x is not None]
    if not known:
        return Spark((), (), None)
    low, high = min(known), max(known)
    room = (high - low) or 1.0

    def x(index: int) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (index / (len(dots) - 1) if len(dots) > 1 else 1.0), 1)

    def y(value: float) -> float:
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / room, 1) if high > low else HEIGHT / 2

    lines, areas = [], []
    for stretch in _stretches([d.value is not None for d in dots]):
        points = [(x(i), y(v)) for i in stretch if (v := dots[i].value) is not None]
        lines.append("M" + "L".join(f"{a},{b}" for a, b in points))
    for stretch in _stretches([d.low is not None and d.high is not None for d in dots]):
        upper = [(x(i), y(v)) for i in stretch if (v := dots[i].high) is not None]
        lower = [(x(i), y(v)) for i in reversed(stretch) if (v := dots[i].low) is not None]
        areas.append("M" + "L".join(f"{a},{b}" for a, b in [*upper, *lower]) + "Z")
    ends = [(x(i), y(d.value)) for i, d in enumerate(dots) if d.value is not None]
    return Spark(tuple(areas), tuple(lines), ends[-1] if ends else None)


def _stretches(known: Sequence[bool]) -> list[list[int]]:
    """Runs of neighbours that are known."""
    runs: list[list[int]] = []
    for index, yes in enumerate(known):
        if yes and index and known[index - 1]:
            runs[-1].append(index)
        elif yes:
            runs.append([index])
    return runs
