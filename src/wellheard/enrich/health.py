"""Scores how customers fare, from 0 to 100: six components, each from its own tables by a rule that is stated here.

What is not known counts as the middle, so that nobody looks healthy for lack of data: to be in the healthy band, two
fifths of the weight must be known. Who has left has no score and stays in the band of those who have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from wellheard.enrich.fitting import Floats, single_threaded

VERSION, LEARNED = "health-1", "learned-1"
KIND = "health"
HEALTHY, AT_RISK = 70.0, 40.0  # the edges of the bands: healthy from, at risk below
CHURNED = "churned"
MIDDLE = 50.0  # what a component counts as that is not known
TREND = 5.0  # points by which a score must move to be rising or falling
WINDOWS = {
    "usage": "uses of the last 30 days against the mean of the three months before",
    "support": "requests of 90 days, escalations, reopenings and what is unresolved of 180 days",
    "engagement": "answers to invitations of a year, orders against their own rhythm, referrals",
    "payment": "invoices that are overdue, and late payments of a year",
    "sentiment": "tone of what was written in 60 days, else in half a year",
    "survey": "recommendation and satisfaction in answers of a year",
}
WEIGHTS = {"usage": 0.30, "support": 0.20, "engagement": 0.15, "payment": 0.15, "sentiment": 0.08, "survey": 0.12}
COMPONENTS = tuple(WEIGHTS)


def _column(frame: pd.DataFrame, name: str) -> Floats:
    return np.asarray(frame[name], dtype=np.float64) if name in frame else np.full(len(frame), np.nan)


def _usage(frame: pd.DataFrame) -> Floats:
    """As much as before is 80, a quarter more 100, none 0; of the new, eight days with use in 30 are 100."""
    now, before = _column(frame, "usage_30d"), _column(frame, "usage_before")
    ratio = np.divide(now, before, out=np.full_like(now, np.nan), where=before > 0)
    fresh = np.where(now > 0, np.minimum(_column(frame, "usage_days_30d") / 8, 1) * 100, np.nan)
    idle = np.where(_column(frame, "usage_days_since") > 120, 0.0, fresh)
    return np.asarray(np.where(np.isnan(ratio), idle, np.clip(80 * ratio, 0, 100)))


def _support(frame: pd.DataFrame) -> Floats:
    """100, less 25 an escalation, 15 a reopening, 15 an unresolved request and 4 a request beyond the usual."""
    lost = 25 * np.nan_to_num(_column(frame, "escalations_180d")) + 15 * np.nan_to_num(_column(frame, "reopens_180d"))
    lost += 15 * np.nan_to_num(_column(frame, "unresolved"))
    lost += 4 * np.maximum(np.nan_to_num(_column(frame, "contacts_change")), 0)
    return np.where(_column(frame, "contacts_365d") > 0, np.clip(100 - lost, 0, 100), np.nan)


def _engagement(frame: pd.DataFrame) -> Floats:
    """The mean of what is known: the share of invitations answered (half of them is 100) and of orders in time."""
    invited, answers = _column(frame, "invited_365d"), _column(frame, "answers_365d")
    share = np.divide(answers, invited, out=np.full_like(invited, np.nan), where=invited > 0)
    lateness = _column(frame, "order_lateness")
    parts = np.stack([np.clip(200 * share, 0, 100), np.clip(100 * (4 - lateness) / 3, 0, 100)])
    known = np.isfinite(parts)
    total = np.where(known, parts, 0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(len(frame), np.nan), where=known.any(axis=0))
    return np.asarray(np.minimum(mean + 10 * np.minimum(np.nan_to_num(_column(frame, "referrals")), 2), 100))


def _payment(frame: pd.DataFrame) -> Floats:
    """100, less 40 an overdue invoice and up to 50 by the share of late payments."""
    overdue, bills = _column(frame, "overdue_invoices"), _column(frame, "invoices_365d")
    late = np.divide(_column(frame, "late_payments_365d"), bills, out=np.zeros_like(bills), where=bills > 0)
    known = (bills > 0) | (overdue > 0)
    return np.where(known, np.clip(100 - 40 * np.nan_to_num(overdue) - 50 * late, 0, 100), np.nan)


def _sentiment(frame: pd.DataFrame) -> Floats:
    """The tone from −1 to 1 as 0 to 100."""
    late, before = _column(frame, "valence_60d"), _column(frame, "valence_before")
    return 50 + 50 * np.where(np.isnan(late), before, late)


def _survey(frame: pd.DataFrame) -> Floats:
    """The mean of recommendation (10 is 100) and satisfaction (the top of its scale is 100), as far as known."""
    both = np.stack([10 * _column(frame, "nps_score"), 100 * _column(frame, "satisfaction")])
    known = np.isfinite(both)
    total = np.where(known, both, 0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(len(frame), np.nan), where=known.any(axis=0))
    return np.asarray(mean)


RULES: dict[str, Callable[[pd.DataFrame], Floats]] = {
    "usage": _usage, "support": _support, "engagement": _engagement, "payment": _payment, "sentiment": _sentiment,
    "survey": _survey,
}  # fmt: skip


def components(frame: pd.DataFrame) -> Floats:
    """A row a customer and a column a component, in the order of COMPONENTS: 0 to 100, NaN where nothing is known."""
    return np.stack([np.asarray(RULES[name](frame), dtype=np.float64) for name in COMPONENTS], axis=1)


@dataclass(frozen=True)
class WeightRule:
    """Weights by component for customers whose traits are all these; of several rules the first that fits holds."""

    traits: Mapping[str, str]
    weights: Mapping[str, float]


def weights_of(frame: pd.DataFrame, rules: Sequence[WeightRule] = (), usual: Mapping[str, float] = WEIGHTS) -> Floats:
    """The weights of each customer, which add up to 1: those of the first rule that fits, else the usual ones."""
    found = np.tile(_normal(usual), (len(frame), 1))
    open_ = np.ones(len(frame), dtype=bool)
    for rule in rules:
        fits = open_.copy()
        for trait, value in rule.traits.items():
            fits &= np.asarray(frame[trait] == value, dtype=bool) if trait in frame else False
        found[fits] = _normal(rule.weights)
        open_ &= ~fits
    return found


def _normal(weights: Mapping[str, float]) -> Floats:
    given = np.array([max(float(weights.get(name, 0.0)), 0.0) for name in COMPONENTS])
    return np.asarray(given / given.sum() if given.sum() > 0 else _normal(WEIGHTS))


@dataclass(frozen=True)
class Health:
    """A row a customer: the score, its range if all that is not known were bad or good, and coverage in percent."""

    value: Floats
    low: Floats
    high: Floats
    coverage: Floats
    parts: Floats
    weights: Floats


def health(parts: Floats, weights: Floats) -> Health:
    """The weighted mean of the components; NaN where none is known."""
    known = np.isfinite(parts)
    coverage = 100 * (weights * known).sum(axis=1)

    def mean(missing: float) -> Floats:
        return np.asarray((weights * np.where(known, parts, missing)).sum(axis=1))

    value = np.where(coverage > 0, mean(MIDDLE), np.nan)
    return Health(value, np.where(coverage > 0, mean(0.0), np.nan), np.where(coverage > 0, mean(100.0), np.nan),
                  coverage, parts, weights)  # fmt: skip


def band(value: float) -> str:
    """The band of a score; unknown where there is none."""
    if not np.isfinite(value):
        return "unknown"
    return "healthy" if value >= HEALTHY else "at risk" if value < AT_RISK else "watch"


def trend(now: float, before: float) -> str | None:
    """Whether a score moved since the one before; None where there was none."""
    if not (np.isfinite(now) and np.isfinite(before)):
        return None
    return "rising" if now - before >= TREND else "falling" if before - now >= TREND else "steady"


def written(found: Health) -> list[str]:
    """By customer, as JSON: of each component its score (null where not known) and its weight."""
    rows = zip(found.parts.tolist(), found.weights.tolist(), strict=True)
    return [
        json.dumps(
            {n: [None if p != p else round(p, 2), round(w, 4)] for n, p, w in zip(COMPONENTS, ps, ws, strict=True)}
        )
        for ps, ws in rows
    ]


@dataclass(frozen=True)
class Bar:
    """By how many points a component changed a score, and from what to what; None is not known."""

    component: str
    change: float
    before: float | None
    after: float | None


def waterfall(before: str, after: str) -> list[Bar]:
    """What a change of score consists of, from the components of both as they were written; the bars add up to it."""
    old, new = json.loads(before), json.loads(after)
    bars = []
    for name in COMPONENTS:
        (was, weight_was), (now, weight_now) = old.get(name, [None, 0.0]), new.get(name, [None, 0.0])
        then = weight_was * (MIDDLE if was is None else was)
        bars.append(Bar(name, weight_now * (MIDDLE if now is None else now) - then, was, now))
    return sorted(bars, key=lambda bar: -abs(bar.change))


def learned_weights(parts: Floats, stayed: Floats, ridge: float = 1.0) -> dict[str, float]:
    """Weights by how much a point of each component raises the odds of staying, none below 0; they add up to 1.

    A logistic regression with a ridge penalty, whose coefficients may not be negative: a component that speaks for
    leaving gets no weight, since more of it must never lower a health score.
    """
    x = (np.where(np.isfinite(parts), parts, MIDDLE) - MIDDLE) / MIDDLE
    x = np.column_stack([np.ones(len(x)), x])

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = x @ beta
        height = float((np.logaddexp(0, z) - stayed * z).sum() + ridge / 2 * (beta[1:] ** 2).sum())
        return height, x.T @ (expit(z) - stayed) + ridge * np.concatenate([[0.0], beta[1:]])

    bounds = [(None, None), *[(0.0, None)] * len(COMPONENTS)]
    with single_threaded():
        found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x[1:]
    whole = float(found.sum())
    if whole <= 0:
        return dict(WEIGHTS)
    return {name: float(weight) / whole for name, weight in zip(COMPONENTS, found, strict=True)}
