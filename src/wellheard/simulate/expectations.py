"""What the parameters alone say, before any chance is drawn: drivers, anomalies, topics, lifetimes and silence."""

from __future__ import annotations

from typing import Any

import numpy as np

from wellheard.simulate import company as world
from wellheard.simulate import shop, support, surveys
from wellheard.simulate.company import REGIONS, SEGMENTS, SHOCKS, Array, Company, column
from wellheard.simulate.flaws import STREAMS, Flaws

_EXPOSURE = column(REGIONS, "exposure")


def expectations(company: Company, flaws: Flaws) -> dict[str, Any]:
    """The sections of `truth.json` that follow from the parameters."""
    return {
        "churn_drivers": _churn_drivers(),
        "anomalies": [found for name in SHOCKS if (found := _anomaly(company, name))],
        "topics": _topics(company),
        "lifetimes": _lifetimes(),
        "nonresponse": _nonresponse(),
        "imperfections": _imperfections(flaws),
    }


def _churn_drivers() -> dict[str, Any]:
    """How many times likelier an account leaves in a month, against the first of each kind."""
    segments, regions = column(SEGMENTS, "churn"), column(REGIONS, "churn")
    return {
        "segment": _named(SEGMENTS, segments / segments[0]),
        "region": _named(REGIONS, regions / regions[0]),
        "first_90_days": world.EARLY_CHURN,
        "mood_by_standard_deviation": float(np.exp(world.MOOD_ON_CHURN)),
        "hazard_a_month": {s.name: _named(REGIONS, s.churn * regions) for s in SEGMENTS},
    }


def _anomaly(company: Company, name: str) -> dict[str, Any] | None:
    """In which months the bad release moves a rate, and how far in each region: a ratio, or a shift in log-odds."""
    shock = SHOCKS[name]
    first = company.incident + shock.lag
    sizes = shock.incident[: max(company.months - first, 0)]
    if not sizes:
        return None
    by_region = {r.name: [r.exposure * s if not shock.ratio else s**r.exposure for s in sizes] for r in REGIONS}
    months = [company.day(first + place).isoformat() for place in range(len(sizes))]
    scale = "ratio" if shock.ratio else "log-odds"
    return {"rate": name, "scale": scale, "months": months, "size_by_region": by_region}


def _topics(company: Company) -> dict[str, Any]:
    """The share of each topic among the conversations of a month and region."""
    slow = support.TOPICS.index("performance")
    weights = np.repeat(support.TOPIC_WEIGHTS[None, None, :], company.months, axis=0)
    weights = np.repeat(weights, len(REGIONS), axis=1)
    for month in range(company.months):
        weights[month, :, slow] *= company.effect("volume", month, 4 * _EXPOSURE)
    shares = weights / weights.sum(axis=2, keepdims=True)
    return {
        "names": list(support.TOPICS),
        "order": ["month", "region", "topic"],
        "shares": np.round(shares, 6).tolist(),
    }


def _lifetimes() -> dict[str, Any]:
    """What a lifetime value is made of. Orders: of a contact of average mood in month 0 of a history, by segment."""
    buys = column(SEGMENTS, "buys")
    elsewhere = 1 / (1 + np.exp(-(np.log(buys / (1 - buys)) + shop.MOBILE_BUYS)))
    bought = shop.DEVICE_SHARES[0] * buys + (1 - shop.DEVICE_SHARES[0]) * elsewhere
    return {
        "orders_a_month": _named(SEGMENTS, shop.KNOWN_VISITS * shop.KNOWN_CARTS * bought),
        "orders_grow_a_month": shop.GROWTH,
        "orders_by_mood": shop.MOOD_ON_VISITS,
        "dropout_a_month": _named(SEGMENTS, column(SEGMENTS, "churn")),
        "returned": shop.RETURNED,
    }


def _nonresponse() -> dict[str, Any]:
    """The chance that a delivered and seen invitation to recommend us is answered: by segment, and by mood."""
    return {
        "answers": _named(SEGMENTS, column(SEGMENTS, "answers")),
        "log_odds_by_mood": world.MOOD_ON_ANSWERING,
        "bounced": surveys.BOUNCED,
        "seen": surveys.SEEN,
        "complete": surveys.COMPLETE,
        "meaning": "sums nps_* are of those who answered, nps_invited_* of all who were asked, "
        "answering_SURVEY of the chances that those asked answer",
    }


def _imperfections(flaws: Flaws) -> dict[str, Any]:
    """What is in the rows that models seldom assume."""
    return {
        "heavy_tails": {"order_quantity_pareto": shop.QUANTITY_TAIL, "reply_log_sd": support.REPLY_SPREAD},
        "season_by_calendar_month": world.SEASON.tolist(),
        "duplicates": flaws.duplicates,
        "gaps": {"tables": list(STREAMS), "days": [day.isoformat() for day in flaws.silent_days]},
    }


def _named(things: tuple[Any, ...], values: Array) -> dict[str, float]:
    return {thing.name: round(float(value), 6) for thing, value in zip(things, values, strict=True)}
