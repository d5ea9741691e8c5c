"""Fits positive parameters by maximum likelihood, with their standard errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from wellheard.base.errors import BadInput

Floats = NDArray[np.float64]
# The log-likelihood at positive parameters, and its gradient by them.
Likelihood = Callable[[Floats], tuple[float, Floats]]

Loss = Callable[[Floats], tuple[float, Floats]]

STEPS, FLAT = 4, 1e-10  # of Newton's method at the end, and a slope that is none
CLIMBS, SAME = 12, 1e-12  # steps from the fit to a sample, and a rise in surprise that is rounding
STEP = 1e-4  # of a log-parameter, for the curvature at the maximum
WIDEST = 12.0  # a log-parameter beyond which the data say nothing of it


@dataclass(frozen=True)
class Fit:
    """The maximum: parameters, their standard errors, the covariance of their logarithms, and the log-likelihood.

    A parameter that the data do not bound has an infinite standard error.
    """

    values: Floats
    errors: Floats
    log_covariance: Floats
    log_likelihood: float
    n: int


@contextmanager
def single_threaded() -> Iterator[None]:
    """One thread for linear algebra: several wait for each other by spinning, which makes small sums slow.

    On a machine that has other work a fit took thirty times as long with them.
    """
    with threadpool_limits(1):
        yield


def maximise(likelihood: Likelihood, start: Floats, n: int, what: str, near: Fit | None = None) -> Fit:
    """The parameters at which `likelihood` of `n` observations is greatest, searched on the scale of logarithms.

    `near` is the fit to a sample of them: its maximum lies close, and its curvature is theirs but for chance, so that
    a few steps lead from there to the top. Raises BadInput where there is no maximum. Curvature by central differences
    of the gradient.
    """

    def loss(logs: Floats) -> tuple[float, Floats]:
        values = np.exp(logs)
        height, slope = likelihood(values)
        return -height / n, -slope * values / n

    with single_threaded():
        if near is not None and np.all(np.isfinite(near.log_covariance)):
            reached = _climbed(loss, np.log(near.values), near.n * near.log_covariance)
            if reached is not None:
                return _fit(loss, reached, n)
        return _maximised(loss, start, n, what)


def _climbed(loss: Loss, logs: Floats, inverse: Floats) -> Floats | None:
    """The minimum from near it by steps of Newton's method with a curvature that is about right; None if not found."""
    height, slope = loss(logs)
    for _ in range(CLIMBS):
        if np.abs(slope).max() < FLAT:
            return logs
        logs = logs - inverse @ slope
        before, (height, slope) = height, loss(logs)
        if not height <= before + SAME:
            return None
    return None


def _maximised(loss: Loss, start: Floats, n: int, what: str) -> Fit:
    bounds = [(-WIDEST, WIDEST)] * len(start)
    options = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6, "maxcor": 20}
    found = minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    if not np.all(np.isfinite(found.x)) or not np.isfinite(found.fun):
        raise BadInput(f"{what} cannot be fitted to these data", hint="there may be too few customers who came back")
    return _fit(loss, _polished(loss, np.asarray(found.x, dtype=np.float64)), n)


def _fit(loss: Loss, logs: Floats, n: int) -> Fit:
    covariance = _covariance(loss, logs, n)
    values = np.exp(logs)
    errors = values * np.sqrt(np.clip(np.diag(covariance), 0, None))
    return Fit(values, errors, covariance, -float(loss(logs)[0]) * n, n)


def _polished(loss: Loss, logs: Floats) -> Floats:
    """The minimum from near it, by a few of Newton's steps; as many as lead down."""
    height, slope = loss(logs)
    for _ in range(STEPS):
        if np.abs(slope).max() < FLAT:
            break
        curve = _curvature(loss, logs)
        if not np.all(np.isfinite(curve)) or np.linalg.eigvalsh(curve)[0] <= 0:
            break
        tried = logs - np.clip(np.linalg.solve(curve, slope), -1, 1)
        lower, flatter = loss(tried)
        if not lower <= height:
            break
        logs, height, slope = tried, lower, flatter
    return logs


def _curvature(loss: Loss, logs: Floats) -> Floats:
    size = len(logs)
    curve = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = STEP
        curve[place] = (loss(logs + step)[1] - loss(logs - step)[1]) / (2 * STEP)
    return np.asarray((curve + curve.T) / 2)


def _covariance(loss: Loss, logs: Floats, n: int) -> Floats:
    """The inverse of the curvature; infinite variances where it is flat."""
    curve = n * _curvature(loss, logs)
    least = np.linalg.eigvalsh(curve)[0] if np.all(np.isfinite(curve)) else 0.0
    if least <= 0:
        return np.full(curve.shape, np.inf)
    return np.asarray(np.linalg.inv(curve), dtype=np.float64)
