"""BG/NBD on a base of customers: our own fit beside that of `lifetimes`, on the same histories."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from bench.data import Place
from bench.record import Bar, Figure, Record, Table, compared
from wellheard.enrich.buying import fit_buying, histories, log_likelihood

CUSTOMERS = 1_000_000
TRUTH = (0.6, 30.0, 0.9, 3.0)


def made_up(customers: int, seed: int = 1) -> tuple[Any, Any, Any]:
    """Repeats, recency and age in whole days of customers who buy by TRUTH."""
    r, alpha, a, b = TRUTH
    rng = np.random.default_rng(seed)
    rate, stop = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    age = np.floor(rng.uniform(100, 700, customers))
    at, last, repeats = (np.zeros(customers) for _ in range(3))
    there = np.arange(customers)
    while there.size:
        at[there] += rng.exponential(1 / rate[there])
        there = there[at[there] < age[there]]
        repeats[there] += 1
        last[there] = at[there]
        there = there[rng.random(there.size) > stop[there]]
    return repeats, np.where(repeats > 0, np.clip(np.ceil(last), 1, age), 0), age


def measure(place: Place) -> Record:
    """Both fits in one process, one after the other, each on all customers."""
    repeats, recency, age = made_up(int(CUSTOMERS * place.size))
    started = time.perf_counter()
    ours = fit_buying(histories(repeats, recency, age))
    own = time.perf_counter() - started
    figures = [_figure("wellheard", own, ours.parameters, ours.fit.log_likelihood)]
    theirs = _lifetimes(repeats, recency, age, grouped=False)
    bars: tuple[Bar, ...] = ()
    notes = ["Histories are in whole days. lifetimes is called as its pages show; beside it, given grouped by hand."]
    if isinstance(theirs, str):
        notes.append(f"lifetimes could not be run: {theirs}")
    else:
        seconds, parameters, height = theirs
        figures.append(_figure("lifetimes", seconds, parameters, height))
        bars = (
            Bar("times as long as ours that lifetimes takes", seconds / own, 10.0, at_least=True),
            Bar("log-likelihood of ours less that of lifetimes", ours.fit.log_likelihood - height, -0.5, at_least=True),
        )
        by_hand = _lifetimes(repeats, recency, age, grouped=True)
        if not isinstance(by_hand, str):
            figures.append(_figure("lifetimes, histories grouped for it", *by_hand))
    title = f"BG/NBD fitted to {len(age):,} customers"
    return Record("lifetimes", place.size, (Table(title, compared(figures)),), bars, tuple(notes))


def _figure(what: str, seconds: float, parameters: tuple[float, ...], height: float) -> Figure:
    named = dict(zip(("r", "alpha", "a", "b"), map(float, parameters), strict=True))
    return Figure(what, seconds, more=named | {"log_likelihood": float(height)})


def _lifetimes(repeats: Any, recency: Any, age: Any, *, grouped: bool) -> tuple[float, tuple[float, ...], float] | str:
    """Seconds, parameters and log-likelihood of lifetimes; why, where it cannot be run."""
    try:
        from lifetimes import BetaGeoFitter
    except ImportError as error:
        return str(error)
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if grouped:
                each, counts = np.unique(np.stack([repeats, recency, age]), axis=1, return_counts=True)
                fitted = BetaGeoFitter().fit(*each, weights=counts)
            else:
                fitted = BetaGeoFitter().fit(repeats, recency, age)
    except Exception as error:  # noqa: BLE001 - whatever another library says is what the table says
        return f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    parameters = tuple(float(fitted.params_[name]) for name in ("r", "alpha", "a", "b"))
    return seconds, parameters, log_likelihood(histories(repeats, recency, age), parameters)
