"""How a figure is written for people: with its unit, its sign and no more digits than it deserves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

from wellheard.base.periods import Grain

MINUS = "−"
NONE = "–"
MINUTE, HOUR, DAY = 60, 3600, 86_400
SCALES = ((2 * DAY, DAY, "days"), (2 * HOUR, HOUR, "hours"), (2 * MINUTE, MINUTE, "minutes"), (0, 1, "seconds"))
WORDS = {"percent": "%", "points": "points", "count": "", "number": ""}


@dataclass(frozen=True)
class Written:
    """A figure as text and the unit that stands behind it; both may be empty."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".strip() if self.unit else self.number


def written(value: float | None, unit: str, currency: str | None = None) -> Written:
    """A value: `87.5 %`, `+31.4 points`, `2 h 35 min`, `1,204.50 EUR`; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return Written(NONE)
    if unit == "seconds":
        return Written(duration(value))
    if unit == "points":
        return Written(_signed(value, 1), "points")
    if unit == "money":
        return Written(_plain(value, 0 if abs(value) >= 10_000 else 2), currency or "")
    digits = {"percent": 1, "count": 0}.get(unit, 2)
    return Written(_plain(value, digits), WORDS.get(unit, unit))


def spread(low: float | None, high: float | None, unit: str, currency: str | None = None) -> str:
    """An interval: `28.1 to 34.6`, `2 h 10 min to 3 h`; empty where neither end is known."""
    if low is None and high is None:
        return ""
    first, last = (written(x, unit, currency).number if x is not None else "unknown" for x in (low, high))
    return f"{first} to {last}"


def change(value: float | None, unit: str, currency: str | None = None) -> str:
    """A difference with its sign; that of two shares is in points."""
    if value is None or not math.isfinite(value):
        return NONE
    if unit == "seconds":
        sign = "+" if value > 0 else MINUS if value < 0 else "±"
        return sign + duration(abs(value))
    digits = {"count": 0, "number": 2}.get(
        unit, 0 if unit == "money" and abs(value) >= 10_000 else 2 if unit == "money" else 1
    )
    words = {"percent": "points", "points": "points", "money": currency or ""}.get(unit, "")
    return f"{_signed(value, digits)} {words}".strip()


def duration(seconds: float) -> str:
    """Seconds as people say them, in the two largest units: `45 s`, `2 min 35 s`, `2 h 35 min`, `3 d 4 h`."""
    total = round(abs(seconds))
    sign = MINUS if seconds < 0 and total else ""
    if total < MINUTE:
        return f"{sign}{total} s"
    if total < 10 * MINUTE:
        return sign + _two(total, MINUTE, "min", 1, "s")
    if total < 2 * DAY:
        return sign + _two(round(total / MINUTE), 60, "h", 1, "min")
    return sign + _two(round(total / HOUR), 24, "d", 1, "h")


def scale_of(unit: str, largest: float, currency: str | None = None) -> tuple[float, str]:
    """By what to divide values of a unit on an axis whose largest is given, and the axis' unit in words."""
    if unit == "seconds":
        return next((factor, words) for least, factor, words in SCALES if largest >= least)
    return 1.0, {"percent": "%", "points": "points", "money": currency or "money"}.get(unit, "")


def period_name(start: date, grain: Grain | str | None, end: date | None = None) -> str:
    """A period's name: `October 2026`, `week of 5 Oct 2026`, `Q4 2026`; a range without a grain, its last day in it."""
    match grain.value if isinstance(grain, Grain) else grain:
        case "month":
            return f"{start:%B %Y}"
        case "quarter":
            return f"Q{(start.month + 2) // 3} {start.year}"
        case "year":
            return str(start.year)
        case "week":
            return f"week of {day_name(start)}"
        case "day":
            return day_name(start)
        case _:
            last = (end or start + timedelta(days=1)) - timedelta(days=1)
            return day_name(start) if last <= start else f"{day_name(start)} to {day_name(last)}"


def day_name(day: date) -> str:
    """`5 Oct 2026`."""
    return f"{day.day} {day:%b %Y}"


def _two(total: int, size: int, large: str, least: int, small: str) -> str:
    whole, rest = divmod(total, size)
    if not whole:
        return f"{rest} {small}"
    return f"{whole} {large}" + (f" {rest} {small}" if rest >= least else "")


def _plain(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    return (MINUS if value < 0 and float(text.replace(",", "")) else "") + text


def _signed(value: float, digits: int) -> str:
    text = _plain(value, digits)
    if text.startswith(MINUS):
        return text
    return ("+" if value > 0 and float(text.replace(",", "")) else "") + text
