"""Figures by month and segment as everybody gives them, and whether two who compute them agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

Key = tuple[str, str | None]  # the month's first day, and the segment
Figure = Mapping[str, Any]  # value, low, high, n, units, pending, or some of them
Figures = Mapping[Key, Figure]
COLUMNS = ("value", "low", "high", "n", "units", "pending")
CLOSE = 1e-9


def keyed(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...] = COLUMNS) -> dict[Key, dict[str, Any]]:
    """Rows with `period_start` and `segment` as figures by key; those without a case are left out."""
    return {
        (str(row["period_start"])[:10], row["segment"]): {name: row[name] for name in columns}
        for row in rows
        if row["n"] or row.get("pending")
    }


def differences(ours: Figures, theirs: Figures, columns: tuple[str, ...] = COLUMNS) -> list[str]:
    """Where two sets of figures differ by more than rounding; empty where they agree."""
    found = [f"{key} is missing in the second" for key in ours if key not in theirs]
    found += [f"{key} is missing in the first" for key in theirs if key not in ours]
    for key, figure in ours.items():
        other = theirs.get(key)
        if other is None:
            continue
        for name in columns:
            if not _close(figure[name], other[name]):
                found.append(f"{key} {name}: {figure[name]} and {other[name]}")
    return found


def _close(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return math.isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=1e-9)
