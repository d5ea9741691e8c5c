"""Draws parts from known truths, to find how often intervals hold them.

Binomial and trinomial counts are summed exactly instead of drawn; all else is drawn as unit totals with a fixed seed.
`python -m wellheard.metrics.designs FILE` writes every table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from wellheard.metrics.bricks import MOMENTS, Mean, MoneyShare, Net, Quantile, Ratio, Share, Summed
from wellheard.metrics.coverage import Cell
from wellheard.metrics.interval import effective_n, quantile_ranks
from wellheard.metrics.linear import Linear
from wellheard.metrics.moments import Floats, moments_of
from wellheard.metrics.multinomial import OneOf
from wellheard.metrics.weighted import WeightedNet

DRAWS = 20_000
SEED = 20
BATCH = 1_000_000  # unit totals drawn at once, so that memory stays small
UNITS = (10, 50, 500)
MOST = 20  # answers of one person, where people answer several times: 1 to 20, each number as likely
ICC = 0.5  # how alike the answers of one person are
LEAST_N = 30  # below so many rows every KPI says few
CENTRE, QUANTILE_MEAN = (0.94, 0.97), (0.94, 0.985)
FLOOR = {10: 0.895, 50: 0.92, 500: 0.94}
RATES = tuple(round(0.05 * step, 2) for step in range(1, 20))
PAIRS = ((0.05, 0.05), (0.05, 0.85), (0.3, 0.3), (0.5, 0.2), (0.85, 0.05), (0.35, 0.55), (0.7, 0.1))
POINTS = ((0.1, 0.1, 0.2, 0.3, 0.3), (0.02, 0.03, 0.1, 0.25, 0.6), (0.3, 0.3, 0.2, 0.1, 0.1), (0.2, 0.2, 0.2, 0.2, 0.2))
OUTCOMES = (0.4, 0.25, 0.15, 0.12, 0.08)

Rng = np.random.Generator
Size = tuple[int, int]
# One draw of parts, and what is true of them.
Draw = Callable[[Rng, Size, int], dict[str, Floats]]


def write(path: Path, draws: int = DRAWS) -> None:
    """Computes every design and writes the file. Takes some minutes with 20,000 draws."""
    tables = {name: [_plain(cell) for cell in cells(name, draws)] for name in DESIGNS}
    path.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


def _plain(cell: Cell) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(cell).items()}


def cells(design: str, draws: int = DRAWS) -> Iterator[Cell]:
    """The cells of one design."""
    for most in (1, MOST):
        for units in UNITS:
            found = DESIGNS[design](units, most, draws)
            if found is not None:
                yield found


def _cell(
    units: int, most: int, bar: float, found: list[tuple[float, float]], mean_bars: tuple[float, float] = (0.0, 1.0)
) -> Cell:
    held, few = zip(*found, strict=True)
    return Cell(units, most, float(np.mean(held)), float(min(held)), bar, float(min(few)), mean_bars)


# --- exact sums -------------------------------------------------------------------------------------------------------


def _exact_share(n: int) -> Cell:
    yes, full = np.arange(n + 1.0), np.full(n + 1, float(n))
    parts = _single(yes, full, yes)
    low, high, few = _limits(Share(scale=1), parts)
    held = [(float(stats.binom.pmf(yes, n, p)[_holds(low, high, p)].sum()), float(few.mean())) for p in RATES]
    return _cell(n, 1, FLOOR[n], held, CENTRE)


def _exact_net(n: int) -> Cell:
    good, bad = (x.ravel().astype(float) for x in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    good, bad = good[good + bad <= n], bad[good + bad <= n]
    parts = _single(good - bad, np.full(good.shape, float(n)), good + bad) | {"positive": good, "negative": bad}
    low, high, few = _limits(Net(scale=1), parts)
    ways = special.gammaln(n + 1) - sum(special.gammaln(k + 1) for k in (good, bad, n - good - bad))
    found = []
    for p, d in PAIRS:
        log = special.xlogy(good, p) + special.xlogy(bad, d) + special.xlogy(n - good - bad, 1 - p - d)
        found.append((float(np.exp(ways + log)[_holds(low, high, p - d)].sum()), float(few.mean())))
    return _cell(n, 1, FLOOR[n], found, CENTRE)


def _exact_quantile(p: float, n: int) -> Cell | None:
    ranks = quantile_ranks(n, p)
    lower, upper = int(ranks.lower), int(ranks.upper)
    if lower == 0 or upper == 0:
        return None  # a limit that does not exist is shown as none
    held = float(stats.binom.cdf(upper - 1, n, p) - stats.binom.cdf(lower - 1, n, p))
    return Cell(n, 1, held, held, 0.94, float(n < LEAST_N), QUANTILE_MEAN)


def _single(num: Floats, den: Floats, squares: Floats) -> dict[str, Floats]:
    """Parts of single rows with values −1, 0 and 1: third moments follow from the first."""
    return dict(zip(MOMENTS, (den, den, num, den, squares, num, den, num, squares, num, den), strict=True))


# --- draws ------------------------------------------------------------------------------------------------------------


def _tried(brick: Summed, truth: float, draw: Draw, units: int, most: int, draws: int) -> tuple[float, float]:
    """The share of draws whose limits hold the truth, and the share shown as few."""
    rng, held, few, left = np.random.default_rng(SEED), 0, 0, draws
    while left > 0:
        size = (min(left, max(1, BATCH // units)), units)
        parts = draw(rng, size, most)
        low, high, small = _limits(brick, parts)
        held += int(_holds(low, high, truth).sum())
        few += int(np.sum(small))
        left -= size[0]
    return held / draws, few / draws


def _limits(brick: Summed, parts: dict[str, Floats]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    found = brick.limits(parts, 0.95)
    return found.low, found.high, brick.few(parts) | (parts["n"] < LEAST_N)


def _holds(low: Floats, high: Floats, truth: float) -> NDArray[np.bool_]:
    return np.asarray((low <= truth + 1e-12) & (truth - 1e-12 <= high))


def _parts(num: Any, den: Any, rows: Any = None, **sides: Floats) -> dict[str, Floats]:
    m = moments_of(num, den, rows)
    return {name: np.asarray(getattr(m, name)) for name in MOMENTS} | {k: v.sum(-1) for k, v in sides.items()}


def _answers(rng: Rng, size: Size, most: int) -> NDArray[np.int64]:
    return rng.integers(1, most + 1, size)


def _kinds(rng: Rng, size: Size, most: int, shares: tuple[float, ...]) -> tuple[NDArray[np.int64], list[Floats]]:
    """Answers a person, and how many of them are of each kind; alike within a person where there are several."""
    k = _answers(rng, size, most)
    if most == 1:
        return k, list(np.moveaxis(rng.multinomial(1, shares, size), -1, 0).astype(float))
    weights = rng.gamma(np.array(shares) * (1 - ICC) / ICC, 1, (*size, len(shares))) + 1e-300
    counts, left, rest = [], k, weights.sum(-1)
    for i in range(len(shares) - 1):
        taken = rng.binomial(left, np.clip(weights[..., i] / rest, 0, 1))
        counts.append(taken.astype(float))
        left, rest = left - taken, np.maximum(rest - weights[..., i], 1e-300)
    return k, [*counts, left.astype(float)]


def _money(rng: Rng, size: Size, most: int) -> Floats:
    """Money of log-sd 1 a contract, summed over a customer's contracts, which are alike."""
    k, own, total = _answers(rng, size, most), rng.normal(0, ICC**0.5, size), np.zeros(size)
    for i in range(most):
        total += np.where(i < k, np.exp(own + rng.normal(0, (1 - ICC) ** 0.5, size)), 0)
    return total


def _share(units: int, most: int, draws: int) -> Cell:
    if most == 1:
        return _exact_share(units)

    def draw(p: float) -> Draw:
        def one(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
            k = _answers(rng, size, most)
            own = rng.beta(p * (1 - ICC) / ICC, (1 - p) * (1 - ICC) / ICC, size)
            return _parts(rng.binomial(k, own).astype(float), k.astype(float))

        return one

    rates = RATES if draws >= DRAWS else RATES[::3]
    return _cell(
        units, most, FLOOR[units], [_tried(Share(scale=1), p, draw(p), units, most, draws) for p in rates], CENTRE
    )


def _net(units: int, most: int, draws: int) -> Cell:
    if most == 1:
        return _exact_net(units)

    def draw(p: float, d: float) -> Draw:
        def one(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
            k, (good, bad, _) = _kinds(rng, size, most, (p, d, 1 - p - d))
            return _parts(good - bad, k.astype(float), positive=good, negative=bad)

        return one

    found = [_tried(Net(scale=1), p - d, draw(p, d), units, most, draws) for p, d in PAIRS]
    return _cell(units, most, FLOOR[units], found, CENTRE)


def _weighted_net(units: int, most: int, draws: int) -> Cell:
    """Companies whose money has log-sd 1, with 1 to `most` contacts each."""

    def draw(p: float, d: float) -> Draw:
        def one(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
            weight = _money(rng, size, 1)
            k, (good, bad, _) = _kinds(rng, size, most, (p, d, 1 - p - d))
            good, bad = weight * good / k, weight * bad / k
            return _parts(good - bad, weight, np.ones(size), positive=good, negative=bad)

        return one

    found = [_tried(WeightedNet(scale=1), p - d, draw(p, d), units, most, draws) for p, d in PAIRS]
    return _cell(units, most, FLOOR[units], found)


def _one_of(units: int, most: int, draws: int) -> Cell:
    """All outcomes at once: how often every one of the intervals holds."""
    brick, rng, held, few, left = OneOf(scale=1, outcomes=len(OUTCOMES)), np.random.default_rng(SEED), 0, 0, draws
    while left > 0:
        size = (min(left, max(1, BATCH // units)), units)
        k, counts = _kinds(rng, size, most, OUTCOMES)
        all_hold = np.ones(size[0], dtype=bool)
        for share, count in zip(OUTCOMES, counts, strict=True):
            low, high, small = _limits(brick, _parts(count, k.astype(float)))
            all_hold &= _holds(low, high, share)
        held, few, left = held + int(all_hold.sum()), few + int(small.sum()), left - size[0]
    return _cell(units, most, FLOOR[units], [(held / draws, few / draws)])


def _scale(units: int, most: int, draws: int) -> Cell:
    """The mean of answers on 1 to 5."""
    values = np.arange(1.0, 6.0)

    def draw(shares: tuple[float, ...]) -> Draw:
        def one(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
            k, counts = _kinds(rng, size, most, shares)
            return _parts(sum(v * c for v, c in zip(values, counts, strict=True)), k.astype(float))

        return one

    brick = Mean(least=1, most=5)
    found = [_tried(brick, float(values @ np.array(s)), draw(s), units, most, draws) for s in POINTS]
    return _cell(units, most, FLOOR[units], found)


def _contrast(units: int, most: int, draws: int) -> Cell:
    """A difference of two means that the same people gave, as `linear.contrast` writes it."""

    def draw(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
        k, own = _answers(rng, size, most), rng.normal(0, ICC**0.5, size)

        def side(centre: float, sign: int) -> tuple[Floats, Floats]:
            noise = rng.normal(0, 1, size) * np.sqrt((1 - ICC) / k)
            total = k * (centre + sign * own + noise)
            n = k.sum(-1, keepdims=True)
            return total, total.sum(-1, keepdims=True) / n

        (a, mean_a), (b, mean_b) = side(3.4, 1), side(2.0, -1)
        gap = mean_a - mean_b
        x = 2 * (a - k * mean_a) - 2 * (b - k * mean_b) + 2 * k * gap
        return _parts(x, 2.0 * k)

    return _cell(units, most, FLOOR[units], [_tried(Linear(), 1.4, draw, units, most, draws)])


def _money_share(units: int, most: int, draws: int) -> Cell:
    def draw(kept: float) -> Draw:
        def one(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
            start = _money(rng, size, most)
            return _parts(start * (rng.random(size) < kept), start, np.ones(size))

        return one

    found = [_tried(MoneyShare(scale=1), p, draw(p), units, most, draws) for p in (0.5, 0.7, 0.9, 0.95)]
    return _cell(units, most, 0.93, found, (0.93, 0.99))


def _money_ratio(units: int, most: int, draws: int) -> Cell:
    """Of what a customer holds a tenth is lost, the rest grows or shrinks."""

    def draw(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
        start, end = np.zeros(size), np.zeros(size)
        k, own = _answers(rng, size, most), rng.normal(0, ICC**0.5, size)
        leaves = rng.beta(0.1 * (1 - ICC) / ICC, 0.9 * (1 - ICC) / ICC, size)
        for i in range(most):
            one = np.where(i < k, np.exp(own + rng.normal(0, (1 - ICC) ** 0.5, size)), 0)
            start += one
            end += np.where(rng.random(size) < leaves, 0, one * np.exp(rng.normal(0, 0.3, size)))
        return _parts(end, start, k.astype(float))

    truth = 0.9 * float(np.exp(0.3**2 / 2))
    bar = {10: 0.895, 50: 0.92, 500: 0.935}[units]
    return _cell(units, most, bar, [_tried(Ratio(), truth, draw, units, most, draws)])


def _money_mean(units: int, most: int, draws: int) -> Cell:
    def draw(rng: Rng, size: Size, most: int) -> dict[str, Floats]:
        k, own, total = _answers(rng, size, most), rng.normal(0, ICC**0.5, size), np.zeros(size)
        for i in range(most):
            total += np.where(i < k, np.exp(own + rng.normal(0, (1 - ICC) ** 0.5, size)), 0)
        return _parts(total, k.astype(float))

    bar = {10: 0.895, 50: 0.92, 500: 0.93}[units]
    return _cell(units, most, bar, [_tried(Mean(), float(np.exp(0.5)), draw, units, most, draws)])


def _quantile(p: float) -> Callable[[int, int, int], Cell | None]:
    def cell(units: int, most: int, draws: int) -> Cell | None:
        return _exact_quantile(p, units) if most == 1 else _clustered_quantile(p, units, most, draws // 5)

    return cell


def _clustered_quantile(p: float, units: int, most: int, draws: int) -> Cell:
    """The quantile is held when as many rows as the ranks say lie on either side of it."""
    truth, rng, held, few, left = stats.norm.ppf(p), np.random.default_rng(SEED), 0, 0, draws
    while left > 0:
        size = (min(left, max(1, BATCH // units // most)), units)
        k = _answers(rng, size, most)
        x = rng.normal(0, ICC**0.5, (*size, 1)) + rng.normal(0, (1 - ICC) ** 0.5, (*size, most))
        x = np.where(np.arange(most) < k[..., None], x, np.inf)
        n = k.sum(-1)
        flat = np.sort(x.reshape(size[0], -1), -1)
        found = flat[np.arange(size[0]), np.round((n - 1) * p).astype(int)]
        at = moments_of((x <= found[:, None, None]).sum(-1), k)
        ranks = quantile_ranks(n, p, n_eff=effective_n(at))
        below = (x <= truth).sum((-1, -2))
        held += int(((below >= ranks.lower) & ((ranks.upper == 0) | (below < ranks.upper))).sum())
        few += int(np.sum(Quantile(p=p).few(_parts(k, k))))
        left -= size[0]
    return Cell(units, most, held / draws, held / draws, 0.94, few / draws, QUANTILE_MEAN)


DESIGNS: dict[str, Callable[[int, int, int], Cell | None]] = {
    "share": _share,
    "net": _net,
    "one_of": _one_of,
    "scale": _scale,
    "weighted_net": _weighted_net,
    "contrast": _contrast,
    "money_share": _money_share,
    "money_ratio": _money_ratio,
    "money_mean": _money_mean,
    "quantile_50": _quantile(0.5),
    "quantile_90": _quantile(0.9),
}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
