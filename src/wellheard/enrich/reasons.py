"""Says in plain words what in a customer's behaviour speaks for or against their staying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wellheard.enrich.fitting import Floats

MOST = 3  # reasons that are given
LEAST = 0.1  # of a logit: what moves the risk by less is no reason


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}".rstrip("0").rstrip(".")


def _days(words: str) -> Callable[[float], str]:
    return lambda v: f"{words} {_number(v)} days ago"


def _count(one: str, many: str) -> Callable[[float], str]:
    return lambda v: f"no {many}" if v == 0 else f"{_number(v)} {one if v == 1 else many}"


def _change(what: str) -> Callable[[float], str]:
    return lambda v: f"{what} {abs(v):.0%} {'less' if v < 0 else 'more'} than before"


WORDS: dict[str, Callable[[float], str]] = {
    "tenure_days": lambda v: f"a customer for {_number(v / 30.44)} months",
    "usage_30d": _count("use of the product in 30 days", "uses of the product in 30 days"),
    "usage_before": lambda v: f"{_number(v)} uses a month in the three months before",
    "usage_change": _change("uses the product"),
    "usage_features_90d": _count("feature used in 90 days", "features used in 90 days"),
    "usage_features_before": lambda v: f"{_number(v)} features used in the three months before",
    "usage_days_30d": _count("day with use in 30 days", "days with use in 30 days"),
    "usage_days_since": _days("last used the product"),
    "contacts_30d": _count("request for help in 30 days", "requests for help in 30 days"),
    "contacts_90d": _count("request for help in 90 days", "requests for help in 90 days"),
    "contacts_365d": _count("request for help in a year", "requests for help in a year"),
    "contacts_change": lambda v: (
        f"{_number(abs(v))} {'more' if v > 0 else 'fewer'} requests for help than in a usual quarter"
    ),
    "contact_days_since": _days("last asked for help"),
    "escalations_180d": _count("escalation in 180 days", "escalations in 180 days"),
    "reopens_180d": _count("reopened request in 180 days", "reopened requests in 180 days"),
    "unresolved": _count("request that is not resolved", "requests that are not resolved"),
    "resolution_hours": lambda v: f"requests took {_number(v)} hours to resolve",
    "nps_score": lambda v: f"recommends us with {_number(v)} of 10",
    "satisfaction": lambda v: f"satisfaction at {v:.0%} of the scale",
    "answers_365d": _count("survey answer in a year", "survey answers in a year"),
    "answer_days_since": _days("last answered a survey"),
    "invited_365d": _count("invitation in a year", "invitations in a year"),
    "unsubscribed": _count("unsubscription", "unsubscriptions"),
    "orders_90d": _count("order in 90 days", "orders in 90 days"),
    "orders_365d": _count("order in a year", "orders in a year"),
    "revenue_365d": lambda v: f"{v:,.0f} of revenue in a year",
    "order_days_since": _days("last ordered"),
    "order_lateness": lambda v: f"{_number(v)} times their usual time since the last order",
    "overdue_invoices": _count("overdue invoice", "overdue invoices"),
    "late_payments_365d": _count("late payment in a year", "late payments in a year"),
    "payment_delay_days": lambda v: f"pays {_number(abs(v))} days {'late' if v > 0 else 'early'}",
    "invoices_365d": _count("invoice in a year", "invoices in a year"),
    "valence_60d": lambda v: f"{'pleasant' if v > 0 else 'unpleasant'} tone of late ({v:+.1f})",
    "valence_before": lambda v: f"{'pleasant' if v > 0 else 'unpleasant'} tone before ({v:+.1f})",
    "valence_turn": lambda v: f"tone turned {'better' if v > 0 else 'worse'} ({v:+.1f})",
    "mrr": lambda v: f"pays {v:,.0f} a month",
    "contracts": _count("running contract", "running contracts"),
    "yearly": lambda v: "yearly contract" if v > 0 else "monthly contract",
    "ended_contracts_180d": _count("contract ended or changed in 180 days", "contracts ended or changed in 180 days"),
    "contract_days": lambda v: f"present contract is {_number(v)} days old",
    "renewal_days": lambda v: f"renews in {_number(v)} days",
    "mrr_growth_180d": _change("pays"),
    "referrals": _count("referral", "referrals"),
    "people": _count("person known", "people known"),
}


def phrase(feature: str, value: object) -> str:
    """A feature and its value in plain words."""
    name = feature.replace("_", " ")
    if isinstance(value, str):
        return f"{name} is {value or 'not known'}"
    if value is None or not isinstance(value, float | int) or not isfinite(value):
        return f"{name} is not known"
    said = WORDS.get(feature)
    return said(float(value)) if said else f"{name} is {_number(float(value))}"


def reasons(frame: pd.DataFrame, names: Sequence[str], pushes: Floats) -> list[str]:
    """For each customer up to MOST reasons for the risk, the strongest first, with semicolons between.

    `pushes` says how far each named feature moves the customer's logit from that of the average customer. Where
    nothing raises the risk, what lowers it is said.
    """
    if not len(names):
        return [""] * len(frame)
    chosen, push = _strongest(pushes)
    raised = push[:, 0] >= LEAST
    chosen[~raised], push[~raised] = _strongest(-pushes[~raised])
    cells = _phrases(frame, names, np.where(push >= LEAST, chosen, -1))
    said = []
    for rising, *words in zip(raised.tolist(), *cells.T.tolist(), strict=True):
        told = "; ".join(filter(None, words))
        said.append(told if rising or not told else f"speaks for staying: {told}")
    return said


def _phrases(frame: pd.DataFrame, names: Sequence[str], chosen: NDArray[np.int64]) -> NDArray[np.object_]:
    """The phrase of each customer's chosen features, empty where the place is -1: one phrase is made for all alike."""
    said = np.full(chosen.shape, "", dtype=object)
    for place, name in enumerate(names):
        rows, slots = np.nonzero(chosen == place)
        if not rows.size:
            continue
        column = frame[name].iloc[rows] if name in frame else pd.Series(np.nan, index=range(rows.size))
        # Two decimals are more than any phrase shows.
        values = column.round(2) if pd.api.types.is_float_dtype(column.dtype) else column
        codes, alike = pd.factorize(values.to_numpy(), use_na_sentinel=False)
        words = np.array([phrase(name, value) for value in alike], dtype=object)
        said[rows, slots] = words[codes]
    return said


def _strongest(pushes: Floats) -> tuple[NDArray[np.int64], Floats]:
    """By customer the places of the MOST greatest pushes, the greatest first, and the pushes themselves."""
    most = min(MOST, pushes.shape[1])
    part = np.argpartition(-pushes, most - 1, axis=1)[:, :most]
    values = np.take_along_axis(pushes, part, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(part, order, axis=1), np.take_along_axis(values, order, axis=1)
