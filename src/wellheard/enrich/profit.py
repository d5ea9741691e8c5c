"""Scores what is left of each customer's revenue once goods, service and the winning of the customer are paid."""

from __future__ import annotations

from typing import Any

import numpy as np

from wellheard.enrich.fitting import Floats
from wellheard.enrich.past import Past
from wellheard.enrich.score import Scores
from wellheard.enrich.worth import Worth

VERSION = "profit-1"
KIND = "profit"
PARTS = ("net", "goods", "service", "acquisition", "other")


def score_profit(past: Past, worths: Worth, data: str) -> tuple[list[Scores], dict[str, Any]]:
    """Profit to date by customer, beside it its parts and what it would be if the costs of nobody were shared out.

    Its low and high are the least and the greatest of the ways to share those costs out: to nobody, to all alike, by
    revenue. Goods whose cost is not known count as nothing, and coverage says how much of the revenue that is.
    """
    rows = past.run(worths.table.order_by("who"))
    part = {name: np.asarray(rows[name].to_numpy(), dtype=np.float64) for name in (*PARTS, "bare")}
    profit = part["net"] - part["goods"] - part["service"] - part["acquisition"] - part["other"]
    shared = allocations(part["net"], worths.spare)
    ways = np.stack([profit, *(profit - each for each in shared.values())]) if len(profit) else profit[None]
    bought = np.maximum(part["net"], 0.0)
    known = np.where(bought > 0, 100 * (1 - np.clip(part["bare"] / np.where(bought > 0, bought, 1), 0, 1)), 100.0)
    said = {name: [f"{value:.2f}" for value in part[name]] for name in PARTS}
    said |= {name: [f"{value:.2f}" for value in profit - each] for name, each in shared.items()}
    who, is_person = (rows[name].combine_chunks() for name in ("who", "is_person"))
    scores = Scores(
        KIND, who, is_person, profit, f"{VERSION}@{data}", low=ways.min(axis=0), high=ways.max(axis=0), coverage=known,
        currency=past.currency, attributes=said,
    )  # fmt: skip
    loss = {"to_nobody": profit} | {name: profit - each for name, each in shared.items()}
    card = {
        "customers": len(profit),
        "currency": past.currency,
        "costs_of_nobody": worths.spare,
        "at_loss": {name: int((values < 0).sum()) for name, values in loss.items()},
        "total": {name: float(values.sum()) for name, values in loss.items()},
    }
    return [scores], card


def allocations(net: Floats, spare: float) -> dict[str, Floats]:
    """What each customer bears of costs that name nobody, by the key of sharing them out."""
    if not len(net):
        return {}
    bought = np.maximum(net, 0.0)
    whole = bought.sum()
    by_revenue = spare * bought / whole if whole > 0 else np.zeros(len(net))
    return {"shared_alike": np.full(len(net), spare / len(net)), "shared_by_revenue": by_revenue}
