"""Scores what customers have brought and what they can be expected to bring: margin to date and of 24 months ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.base.errors import BadInput
from wellheard.enrich import buying, renewing, spending
from wellheard.enrich.ahead import Ahead, from_contracts, from_purchases
from wellheard.enrich.fitting import Fit, Floats
from wellheard.enrich.past import Past
from wellheard.enrich.purchase_histories import Contracts, Purchases, contracts, ended, purchases, staying
from wellheard.enrich.score import Scores
from wellheard.enrich.worth import Worth

VALUE, REVENUE, NET = "lifetime_value", "lifetime_revenue", "lifetime_value_net"
NO_MARGIN = "no goods cost is recorded, and no margin is set: set margin_percent, or import goods_cost with the orders"
TERMS = {"monthly": 1, "yearly": 12}
TOLERANCE = 0.1  # of a month: how far a renewal may lie from the day on which the month is full


@dataclass(frozen=True)
class Forecast:
    """Revenue ahead by customer, discounted, and by what it was found: `model` and `details` of what was fitted."""

    who: pa.Array
    ahead: Ahead
    model: str
    alive: Floats
    details: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""


def parameters(fit: Fit, names: Sequence[str]) -> dict[str, Any]:
    """Parameters of a fit with their standard errors, as they are kept beside a model."""
    pairs = zip(names, fit.values, fit.errors, strict=True)
    named = {name: {"value": float(v), "error": float(e) if np.isfinite(e) else None} for name, v, e in pairs}
    return {"parameters": named, "log_likelihood": fit.log_likelihood, "n": fit.n}


def forecasts(past: Past) -> list[Forecast]:
    """What is ahead of everybody who ever bought: contracts for those who have had one, free purchases for the others.

    A forecast that cannot be made says why, and its customers have no money ahead.
    """
    found, under_contract = [], pa.array([], pa.string())
    if past.has("subscriptions"):
        held = contracts(past)
        under_contract = pc.unique(held.who)
        found += [_renewals(past, held, kind) for kind in TERMS if np.any((held.yearly > 0) == (kind == "yearly"))]
    if past.has("orders"):
        found.append(_free(_without(purchases(past), under_contract), ended(past)))
    return found


def _without(bought: Purchases, others: pa.Array) -> Purchases:
    kept = pc.invert(pc.is_in(bought.who, value_set=others)).to_numpy(zero_copy_only=False)
    return Purchases(*(_picked(column, kept) for column in vars(bought).values()))


def _picked(column: Any, kept: Any) -> Any:
    return column.filter(pa.array(kept)) if isinstance(column, pa.Array) else column[kept]


def _free(bought: Purchases, gone: pa.Table) -> Forecast:
    """Free purchases. Who is known to have left has none ahead, whatever their rhythm was."""
    model = f"{buying.VERSION}+{spending.VERSION}"
    try:
        seen = buying.histories(bought.repeats, bought.recency, bought.age)
        buys = buying.fit_buying(seen)
        spends = spending.fit_spending(bought.valued, bought.mean)
    except BadInput as error:
        return Forecast(bought.who, _nothing(len(bought.who)), model, np.full(len(bought.who), np.nan), {}, str(error))
    money = from_purchases(buys, spends, seen, bought.valued, bought.mean)
    details = {
        "buying": parameters(buys.fit, ("r", "alpha", "a", "b")) | {"unit": "day"},
        "spending": parameters(spends.fit, ("p", "q", "gamma")),
    }
    here = staying(bought, gone)
    money = Ahead(money.mean * here, money.low * here, money.high * here)
    return Forecast(bought.who, money, model, buys.alive(seen)[seen.place] * here, details)


def _renewals(past: Past, held: Contracts, kind: str) -> Forecast:
    """Contracts of one term. Those that run have money ahead; who has ended has none."""
    term = TERMS[kind]
    mine = (held.yearly > 0) == (kind == "yearly")
    terms = held.months[mine] / term
    gone = held.ended[mine] > 0
    renewed = np.where(gone, np.maximum(np.ceil(terms - TOLERANCE) - 1, 0), np.floor(terms + TOLERANCE / term))
    newest = held.last[mine] > 0
    who = held.who.filter(pa.array(mine)).filter(pa.array(newest))
    model = f"{renewing.VERSION} {kind}"
    try:
        fitted = renewing.fit_renewing(renewed, gone)
    except BadInput as error:
        return Forecast(who, _nothing(int(newest.sum())), model, np.where(gone[newest], 0.0, 1.0), {}, str(error))
    # A bill that came with an order counts as brought; what follows from the next bill on is ahead.
    months = held.months[mine]
    left = (renewed + 1) * term - months if past.has("orders") else np.zeros(len(months))
    pay = np.where(gone, 0.0, held.mrr[mine])
    money = from_contracts(fitted, renewed[newest], np.clip(left, 0, term)[newest], term, pay[newest])
    details = {f"renewing {kind}": parameters(fitted.fit, ("alpha", "beta"))}
    return Forecast(who, money, model, np.where(gone[newest], 0.0, 1.0), details)


def _nothing(size: int) -> Ahead:
    none = np.full(size, np.nan)
    return Ahead(none, none, none)


def score_lifetimes(past: Past, worths: Worth, data: str) -> tuple[list[Scores], dict[str, Any]]:
    """Lifetime value, the same of revenue, and net of what was spent on the customer; and what was fitted.

    `data` names the state of the data, which stands in each score's model.
    """
    rows = past.run(worths.table.order_by("who"))
    who = rows["who"].combine_chunks()
    found = forecasts(past)
    ahead = _spread(who, found)
    names = ("net", "goods", "bare", "acquisition", "service")
    net, goods, bare, won, served = (np.asarray(rows[name].to_numpy(), dtype=np.float64) for name in names)
    margin = worths.margin if worths.margin is not None else past.settings.margin_percent / 100 or None
    to_date = np.where(bare > 0, np.nan, net - goods)
    share = np.nan if margin is None else margin
    value = to_date + ahead["mean"] * share
    low, high = to_date + ahead["low"] * share, to_date + ahead["high"] * share
    model = [f"{name}@{data}" for name in ahead["models"]]
    why = [reason or (None if np.isfinite(v) else NO_MARGIN) for reason, v in zip(ahead["why_not"], value, strict=True)]
    base = {"who": who, "is_person": rows["is_person"].combine_chunks(), "currency": past.currency}
    said = {"to_date": _written(to_date), "ahead": _written(ahead["mean"] * share), "why_not": why}
    said_of_revenue = {"to_date": _written(net), "ahead": _written(ahead["mean"])}
    scores = [
        Scores(VALUE, value=value, low=low, high=high, model=model, attributes=said, **base),
        Scores(
            REVENUE, value=net + ahead["mean"], low=net + ahead["low"], high=net + ahead["high"], model=model,
            attributes=said_of_revenue, **base,
        ),
        Scores(NET, value=value - won - served, low=low - won - served, high=high - won - served, model=model, **base),
    ]  # fmt: skip
    card = {"margin": margin, "currency": past.currency, "models": {f.model: _card(f) for f in found}}
    return scores, card


def _card(found: Forecast) -> dict[str, Any]:
    return {"customers": len(found.who), "why_not": found.why_not, **found.details}


def _spread(who: pa.Array, found: list[Forecast]) -> dict[str, Any]:
    """What the forecasts say, in the order of `who`; who is in none of them has no money ahead to speak of."""
    size = len(who)
    mean, low, high = (np.full(size, np.nan) for _ in range(3))
    models = np.full(size, "none", dtype=object)
    why = np.full(size, "no purchase that stands", dtype=object)
    for each in found:
        place = pc.index_in(each.who, value_set=who)
        known = place.is_valid().to_numpy(zero_copy_only=False)
        at = place.fill_null(0).to_numpy()[known]
        mean[at], low[at], high[at] = each.ahead.mean[known], each.ahead.low[known], each.ahead.high[known]
        models[at], why[at] = each.model, each.why_not or None
    return {"mean": mean, "low": low, "high": high, "models": models.tolist(), "why_not": why.tolist()}


def _written(values: Floats) -> list[str | None]:
    return [f"{v:.2f}" if known else None for v, known in zip(values, np.isfinite(values), strict=True)]
