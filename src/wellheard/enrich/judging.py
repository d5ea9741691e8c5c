"""How good predictions of a yes or no were: how they rank, whether they mean what they say, and what they missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtri
from scipy.stats import rankdata

from wellheard.enrich.fitting import Floats, single_threaded

TENTHS = 10
TINY = 1e-9


@dataclass(frozen=True)
class Ranking:
    """The area under the ROC curve with its interval; NaN where all outcomes are one."""

    auc: float
    low: float
    high: float


def auc(outcome: ArrayLike, predicted: ArrayLike, level: float = 0.95) -> Ranking:
    """The chance that somebody who left was ranked above somebody who stayed, ties counting half.

    Interval on the logit scale with the variance of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44
    (1988) 837–845.
    """
    y, p = np.asarray(outcome, dtype=bool), np.asarray(predicted, dtype=np.float64)
    yes, no = int(y.sum()), int((~y).sum())
    if not yes or not no:
        return Ranking(np.nan, np.nan, np.nan)
    ranks = rankdata(p)
    of_yes = (ranks[y] - rankdata(p[y])) / no
    of_no = 1 - (ranks[~y] - rankdata(p[~y])) / yes
    area = float(of_yes.mean())
    variance = (of_yes.var(ddof=1) / yes if yes > 1 else 0.25) + (of_no.var(ddof=1) / no if no > 1 else 0.25)
    inner = min(max(area, TINY), 1 - TINY)
    reach = float(ndtri((1 + level) / 2)) * np.sqrt(variance) / (inner * (1 - inner))
    return Ranking(area, float(expit(logit(inner) - reach)), float(expit(logit(inner) + reach)))


def calibration_error(outcome: ArrayLike, predicted: ArrayLike, parts: int = TENTHS) -> float:
    """The mean distance of predicted chance and share observed over parts of equal size, weighted by their size."""
    return float(
        sum(row["n"] * abs(row["predicted"] - row["observed"]) for row in curve(outcome, predicted, parts))
    ) / (len(np.asarray(outcome)) or 1)


def curve(outcome: ArrayLike, predicted: ArrayLike, parts: int = TENTHS) -> list[dict[str, float]]:
    """Customers in parts of equal size by predicted chance: how many, the mean chance, and the share that left."""
    y, p = np.asarray(outcome, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    found = []
    for part in np.array_split(order, min(parts, len(order)) or 1):
        if part.size:
            found.append({"n": int(part.size), "predicted": float(p[part].mean()), "observed": float(y[part].mean())})
    return found


def slope(outcome: ArrayLike, predicted: ArrayLike) -> tuple[float, float]:
    """The calibration slope and intercept: of a logistic regression of the outcome on the logit of the chance.

    1 and 0 are perfect; a slope below 1 says that the chances are too far apart. Source: D. R. Cox, Biometrika 45
    (1958) 562–565. NaN where all outcomes are one.
    """
    y = np.asarray(outcome, dtype=np.float64)
    x = logit(np.clip(np.asarray(predicted, dtype=np.float64), 1e-6, 1 - 1e-6))
    if y.min(initial=1) == y.max(initial=0) or np.ptp(x) < TINY:
        return np.nan, np.nan
    design = np.stack([np.ones_like(x), x])

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = beta @ design
        return float((np.logaddexp(0, z) - y * z).mean()), design @ (expit(z) - y) / len(y)

    with single_threaded():
        beta = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS", options={"gtol": 1e-7}).x
    return float(beta[1]), float(beta[0])


def log_loss(outcome: ArrayLike, predicted: ArrayLike) -> float:
    """The mean surprise at the outcomes, in nats."""
    y, p = np.asarray(outcome, dtype=np.float64), np.clip(np.asarray(predicted, dtype=np.float64), TINY, 1 - TINY)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()) if len(y) else np.nan


def lift(outcome: ArrayLike, predicted: ArrayLike, parts: int = TENTHS) -> list[dict[str, float]]:
    """By share of customers looked at, the likeliest to leave first: the share of the leavers found, and the lift."""
    y = np.asarray(outcome, dtype=np.float64)
    order = np.argsort(-np.asarray(predicted, dtype=np.float64), kind="stable")
    found, whole, rows = np.cumsum(y[order]), float(y.sum()), []
    for part in range(1, parts + 1):
        size = round(len(y) * part / parts)
        if size and whole:
            share = float(found[size - 1] / whole)
            rows.append({"looked_at": part / parts, "found": share, "lift": share * len(y) / size})
    return rows


def judged(outcome: ArrayLike, predicted: ArrayLike) -> dict[str, Any]:
    """Everything of the above, as it is kept beside a model."""
    y = np.asarray(outcome, dtype=np.float64)
    area, (steep, shift) = auc(y, predicted), slope(y, predicted)
    return {
        "n": len(y), "events": int(y.sum()), "auc": area.auc, "auc_low": area.low, "auc_high": area.high,
        "log_loss": log_loss(y, predicted), "calibration_error": calibration_error(y, predicted),
        "slope": steep, "intercept": shift, "curve": curve(y, predicted), "lift": lift(y, predicted),
    }  # fmt: skip
