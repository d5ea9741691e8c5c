"""The rule by which risk is told where too few have left to learn from: known warning signs, each with its weight.

Its chances are guesses of ours and say so; they order customers, and mean no more than that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from wellheard.enrich.fitting import Floats

VERSION = "churn-rule-1"
USUAL = 0.05  # in 90 days, where nobody is known to have left


@dataclass(frozen=True)
class Sign:
    """A sign: of which feature, when it holds, and how many times the odds of leaving it makes."""

    feature: str
    holds: Callable[[Floats], Any]
    odds: float


SIGNS = (
    Sign("usage_change", lambda v: v <= -0.5, 2.0),
    Sign("usage_days_since", lambda v: v > 30, 2.0),
    Sign("order_lateness", lambda v: v > 3, 2.0),
    Sign("overdue_invoices", lambda v: v > 0, 1.8),
    Sign("escalations_180d", lambda v: v > 0, 1.5),
    Sign("nps_score", lambda v: v <= 6, 1.5),
    Sign("satisfaction", lambda v: v < 0.5, 1.4),
    Sign("valence_turn", lambda v: v < -0.3, 1.3),
    Sign("mrr_growth_180d", lambda v: v < -0.1, 1.5),
    Sign("tenure_days", lambda v: v < 90, 1.5),
    Sign("nps_score", lambda v: v >= 9, 0.6),
    Sign("mrr_growth_180d", lambda v: v > 0.1, 0.7),
    Sign("referrals", lambda v: v > 0, 0.7),
)


def rule_chances(frame: pd.DataFrame, left: float, there: float) -> tuple[Floats, list[str], Floats]:
    """The chances, and by feature how far each sign moves their logit: names, and a matrix.

    They begin at the share of `there` customers that `left`, which few events pull towards USUAL.
    """
    base = (left + 2 * USUAL) / (there + 2)
    names = list(dict.fromkeys(sign.feature for sign in SIGNS if sign.feature in frame))
    pushes = np.zeros((len(frame), len(names)))
    for sign in SIGNS:
        if sign.feature in frame:
            values = np.asarray(frame[sign.feature], dtype=np.float64)
            held = np.asarray(sign.holds(values), dtype=np.float64)
            pushes[:, names.index(sign.feature)] += held * np.log(sign.odds)
    return np.asarray(expit(logit(base) + pushes.sum(axis=1))), names, pushes
