"""Topics by volume: how many texts, what share of all, and which grow faster than chance and the whole explain.

Given the texts of both spans together, a topic that grows no faster than all others has its later count drawn as a
binomial: the exact conditional test of two Poisson rates (J. Przyborowski and H. Wilenski, Biometrika 31, 1940,
313–323). Of all topics looked at, those marked hold a false discovery rate of 5 % (Y. Benjamini and Y. Hochberg, J. R.
Stat. Soc. B 57, 1995, 289–300).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RATE = 0.05
LEAST = 5  # texts of a topic now, from which on it may be called emerging
Z = 1.959963984540054


@dataclass(frozen=True)
class Volume:
    """A topic's texts now and before, its share of all now in percent with a 95 % interval, and how it moves."""

    id: str
    now: int
    before: int
    share: float | None
    low: float | None
    high: float | None
    growth: float | None  # times, against the growth of all texts; None where there were none before
    p: float | None
    emerging: bool


def volumes(now: Mapping[str, int], before: Mapping[str, int], all_now: int, all_before: int) -> list[Volume]:
    """Every topic, the largest first."""
    names = sorted({*now, *before}, key=lambda name: (-now.get(name, 0), name))
    tests = [_p(now.get(n, 0), before.get(n, 0), all_now, all_before) for n in names]
    marked = _found(tests)
    made = []
    for name, p, mark in zip(names, tests, marked, strict=True):
        n, was = now.get(name, 0), before.get(name, 0)
        value, low, high = _share(n, all_now)
        grown = n / all_now / (was / all_before) if was and all_now and all_before else None
        made.append(Volume(name, n, was, value, low, high, grown, p, mark and n >= LEAST))
    return made


def _p(now: int, before: int, all_now: int, all_before: int) -> float | None:
    from scipy.stats import binomtest

    if not all_now or not all_before or not now + before:
        return None
    return float(binomtest(now, now + before, all_now / (all_now + all_before), alternative="greater").pvalue)


def _found(tests: Sequence[float | None]) -> list[bool]:
    known = sorted(p for p in tests if p is not None)
    cut = max((p for n, p in enumerate(known, 1) if p <= RATE * n / len(known)), default=-1.0)
    return [p is not None and p <= cut for p in tests]


def _share(n: int, whole: int) -> tuple[float | None, float | None, float | None]:
    """In percent, with Wilson's interval."""
    if not whole:
        return None, None, None
    p = n / whole
    below, middle = 1 + Z * Z / whole, p + Z * Z / (2 * whole)
    half = Z * math.sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole))
    return 100 * p, 100 * max(0.0, (middle - half) / below), 100 * min(1.0, (middle + half) / below)
