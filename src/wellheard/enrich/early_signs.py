"""Signs in what customers do that come before they leave: each with how often it was right, and how early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from wellheard.enrich.churn_risk import Examples
from wellheard.enrich.fitting import Floats


@dataclass(frozen=True)
class Sign:
    """A sign: its name, what it says, the features that it looks at, and when it shows."""

    name: str
    words: str
    needs: tuple[str, ...]
    shows: Callable[[dict[str, Floats]], Any]


SIGNS = (
    Sign(
        "usage_drop", "uses the product half as much as in the three months before, or less", ("usage_change",),
        lambda f: f["usage_change"] <= -0.5,
    ),
    Sign(
        "features_drop", "has given up half of the features or more", ("usage_features_90d", "usage_features_before"),
        lambda f: (f["usage_features_before"] >= 2) & (f["usage_features_90d"] <= f["usage_features_before"] / 2),
    ),
    Sign(
        "logins_stop", "has not been seen for three weeks, though it used the product before",
        ("usage_days_since", "usage_before"), lambda f: (f["usage_days_since"] > 21) & (f["usage_before"] > 0),
    ),
    Sign(
        "order_rhythm", "has let twice its usual time pass since the last order", ("order_lateness",),
        lambda f: f["order_lateness"] > 2,
    ),
    Sign(
        "repeated_escalations", "two escalations or more in half a year", ("escalations_180d",),
        lambda f: f["escalations_180d"] >= 2,
    ),
    Sign("tone_turn", "writes in a worse tone than before", ("valence_turn",), lambda f: f["valence_turn"] <= -0.4),
    Sign("unpaid", "has an overdue invoice", ("overdue_invoices",), lambda f: f["overdue_invoices"] > 0),
)  # fmt: skip


def showing(frame: pd.DataFrame) -> dict[str, Any]:
    """By sign, at whom it shows; signs whose features are not known are left out. What is not known shows nothing."""
    found = {}
    for sign in SIGNS:
        if all(name in frame for name in sign.needs):
            values = {name: np.asarray(frame[name], dtype=np.float64) for name in sign.needs}
            with np.errstate(invalid="ignore"):
                found[sign.name] = np.asarray(sign.shows(values), dtype=bool)
    return found


def wilson(good: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share. Source: E. B. Wilson, JASA 22 (1927) 209–212."""
    if not n:
        return np.nan, np.nan
    z = float(ndtri(0.975))
    p, square = good / n, z * z
    middle, reach = p + square / (2 * n), z * float(np.sqrt(p * (1 - p) / n + square / (4 * n * n)))
    return (middle - reach) / (1 + square / n), (middle + reach) / (1 + square / n)


def measured(given: Examples) -> list[dict[str, Any]]:
    """What each sign was worth at earlier instants, the surest first.

    `shown` customers and instants, `precision` the share of them that left within the horizon with its interval,
    `usual` that share among all, `found` the share of leavers at whom it showed, and `lead_days`, the median days from
    the instant to the leaving.
    """
    rows = []
    words = {sign.name: sign.words for sign in SIGNS}
    gone = given.outcome > 0
    for name, shown in showing(given.frame).items():
        right = shown & gone
        low, high = wilson(float(right.sum()), float(shown.sum()))
        after = given.after[right]
        after = after[np.isfinite(after)]
        rows.append(
            {
                "sign": name, "words": words[name], "days": given.days, "event": given.event, "shown": int(shown.sum()),
                "precision": float(right.sum() / shown.sum()) if shown.any() else None,
                "low": low if shown.any() else None, "high": high if shown.any() else None,
                "usual": float(gone.mean()) if len(gone) else None,
                "found": float(right.sum() / gone.sum()) if gone.any() else None,
                "lead_days": float(np.median(after)) if len(after) else None,
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: -(row["precision"] or 0.0))
