"""Adds up the parts of a figure in the engine: first a unit's totals, then their sums, squares and products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Brick, Estimate, Quantile, Summed
from wellheard.metrics.interval import NO_RANK, effective_n, quantile_position, quantile_ranks
from wellheard.metrics.moments import Floats, Moments
from wellheard.metrics.waiting import Waiting, quantiles, steps
from wellheard.warehouse.sums import total

Key = tuple[Any, ...]
PERIOD = "period"
DIGITS = 13  # of a sum that are kept


@dataclass(frozen=True)
class Table:
    """Parts by key: `keys` are (period start, dimension values…), each part one float a key.

    A key is there if any row is, even where none counts; the part `listed` says how many rows.
    """

    keys: tuple[Key, ...]
    parts: Mapping[str, Floats]
    quantile: Mapping[str, Floats] | None = None

    def moved(self, before: Table, after: Table) -> Table:
        """These parts with what `after` has more than `before`; keys that lose their last row go."""
        keys = list(dict.fromkeys((*self.keys, *after.keys)))
        here, old, new = (side.at(keys).parts for side in (self, before, after))
        sums = {name: settled(here[name] + new[name] - old[name]) for name in here}
        left = sums["listed"] > 0
        names = tuple(key for key, stays in zip(keys, left, strict=True) if stays)
        return Table(names, {name: values[left] for name, values in sums.items()})

    def spliced(self, other: Table, inside: Callable[[Key], bool]) -> Table:
        """These parts outside, and those of the other table inside."""
        ours, theirs = [k for k in self.keys if not inside(k)], [k for k in other.keys if inside(k)]
        a, b = self.at(ours), other.at(theirs)

        def joined(first: Mapping[str, Floats], second: Mapping[str, Floats]) -> Mapping[str, Floats]:
            return {name: np.concatenate([values, second[name]]) for name, values in first.items()}

        ranks = None if a.quantile is None or b.quantile is None else joined(a.quantile, b.quantile)
        return Table((*ours, *theirs), joined(a.parts, b.parts), ranks)

    def at(self, keys: Sequence[Key]) -> Table:
        """The parts of the given keys, in their order: zeros, and no quantile, where a key has none."""
        place = {key: index for index, key in enumerate(self.keys)}
        order = np.array([place.get(key, len(place)) for key in keys], dtype=np.int64)
        parts = {name: np.append(values, 0.0)[order] for name, values in self.parts.items()}
        found = self.quantile and {name: np.append(values, np.nan)[order] for name, values in self.quantile.items()}
        return Table(tuple(keys), parts, found)


def collected(ask: Ask, rows: ir.Table, level: float) -> Table:
    """The parts of every group, and for a quantile its value and limits."""
    if isinstance(ask.asked.brick, Quantile):
        return ranked(ask, rows, level)
    if isinstance(ask.asked.brick, Waiting):
        return waited(ask, rows, level)
    return added(ask, unit_totals(ask, rows))


def estimated(ask: Ask, found: Table, level: float) -> Estimate:
    """Value and interval of every key."""
    if found.quantile is not None:
        value, low, high = (found.quantile[name] for name in ("value", "low", "high"))
        assert isinstance(ask.asked.brick, Waiting | Quantile)
        return Estimate(value, low, high, ask.asked.brick.few(found.parts))
    assert isinstance(ask.asked.brick, Summed)
    return ask.asked.brick.estimate(found.parts, level)


def group_names(ask: Ask, rows: ir.Table) -> list[str]:
    """The columns by which the answer is grouped."""
    return [*([PERIOD] if PERIOD in rows.columns else []), *(DIM + name for name in ask.question.by)]


def unit_totals(ask: Ask, rows: ir.Table) -> ir.Table:
    """One row a group and unit: num, den, their rows, and how many are pending."""
    brick = ask.asked.brick
    measured = rows.mutate(**{f"m:{k}": v for k, v in brick.row(rows).items()}, counted__=rows.why.isnull())
    names = [*group_names(ask, rows), "unit"]
    if ask.single and not ask.gathered:
        return measured.select(*names, **_alone(brick, measured))
    counted = measured.counted__
    den = measured["m:den"]
    totals = {
        "num": _float(brick.unit_num(measured["m:num"], counted)),
        "den": _float(brick.unit_den(den, counted)),
        "n": ibis.ifelse(counted, brick.in_n(measured), 0).sum().fill_null(0),
        "pending": measured.waiting.sum().fill_null(0),
        "listed": measured.count(),
    }
    for side in _sides(measured):
        each = measured[f"m:{side}"]
        mean = brick.once == "mean"
        totals[side] = (brick.unit_num(each, counted) if mean else each.sum(where=counted)).fill_null(0)
    return measured.group_by(names).agg(**totals)


def _alone(brick: Brick, measured: ir.Table) -> dict[str, ir.Value]:
    """The totals of units with one row each: what the row bears if it counts."""
    counted, none = measured.counted__, ibis.literal(0)
    sums = {
        "num": _float(ibis.ifelse(counted, measured["m:num"], None)),
        "den": _float(ibis.ifelse(counted, measured["m:den"], None)),
        "n": ibis.ifelse(counted, brick.in_n(measured), none),
        "pending": ibis.ifelse(measured.waiting, 1, 0),
        "listed": ibis.literal(1),
    }
    return sums | {side: ibis.ifelse(counted, measured[f"m:{side}"], none) for side in _sides(measured)}


def _sides(measured: ir.Table) -> list[str]:
    return [side for side in ("positive", "negative") if f"m:{side}" in measured.columns]


def _float(total: ir.Value) -> ir.Value:
    return total.cast("float64").fill_null(0.0)


def added(ask: Ask, units: ir.Table) -> Table:
    """The parts of every group, from the totals of its units."""
    num, den = units.num, units.den
    sums: dict[str, ir.Value] = {
        "n": _counted(ask.asked.brick.once, units),
        "units": (den != 0).sum(),
        "pending": units.pending.sum(),
        "listed": units.listed.sum(),
        "num": total(num),
        "den": total(den),
    }
    for name, (i, j) in {
        "nn": (2, 0),
        "nd": (1, 1),
        "dd": (0, 2),
        "nnn": (3, 0),
        "nnd": (2, 1),
        "ndd": (1, 2),
        "ddd": (0, 3),
    }.items():
        sums[name] = total(_power(num, den, i, j))
    for side in ("positive", "negative"):
        if side in units.columns:
            sums[side] = units[side].sum()
    names = group_names(ask, units)
    grouped = units.group_by(names).agg(**sums) if names else units.aggregate(**sums)
    return table_of(ask.reader.run(grouped), names)


def _counted(once: str, units: ir.Table) -> ir.Value:
    """How many count: rows, or units where each counts once."""
    if once == "mean":
        return (units.den != 0).sum()
    return units.den.sum() if once else units.n.sum()


def _power(num: ir.Value, den: ir.Value, i: int, j: int) -> ir.Value:
    factors = [num] * i + [den] * j
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def table_of(rows: pa.Table, names: Sequence[str]) -> Table:
    """The parts in a statement's rows; the columns `names` are the keys, all others parts."""
    return Table(
        _keys(rows, names),
        {
            part: settled(float(v or 0) for v in rows[part].to_pylist())
            for part in rows.column_names
            if part not in names
        },
    )


def crossed_of(rows: pa.Table, names: Sequence[str]) -> dict[Key, tuple[float, ...]]:
    """The four sums over who is on both sides in a statement's rows, by key."""
    sums = [settled(float(v or 0) for v in rows[name].to_pylist()) for name in ("nn", "nd", "dn", "dd")]
    return dict(zip(_keys(rows, names), zip(*sums, strict=True), strict=True))


def _keys(rows: pa.Table, names: Sequence[str]) -> tuple[Key, ...]:
    columns = [rows[name].to_pylist() for name in names]
    return tuple(zip(*columns, strict=True)) if names else ((),) * len(rows)


def settled(sums: Iterable[float]) -> Floats:
    """Sums without the digits that hang on the order of the rows, so that equal data give equal figures to the last.

    Two digits more are settled first: a square of cents often ends midway between two sums of that many digits, where
    the last bit of a float would decide.
    """
    nearly = (Decimal(f"{number:.{DIGITS + 1}e}") for number in sums)
    return np.array([float(f"{number:.{DIGITS - 1}e}") for number in nearly], dtype=np.float64)


def ranked(ask: Ask, rows: ir.Table, level: float) -> Table:
    """Parts of a quantile: order statistics at the value and at the limits, found by rank."""
    brick = ask.asked.brick
    assert isinstance(brick, Quantile)
    names = group_names(ask, rows)
    rows = ask.reader.held(rows.select(*names, "unit", "id", "x", "why", "waiting"))  # three statements read them
    base = added(ask, unit_totals(ask, rows))
    counted = rows.filter(rows.why.isnull())
    groups = ibis.window(group_by=names) if names else ibis.window()
    order = ibis.window(group_by=names, order_by=["x", "id"]) if names else ibis.window(order_by=["x", "id"])
    numbered = counted.mutate(rank__=ibis.row_number().over(order), size__=counted.count().over(groups))
    n = base.parts["n"]
    at = quantile_position(n, brick.p)
    below = _below(ask, numbered, names, base, brick.p)
    ranks = quantile_ranks(n, brick.p, level, effective_n(below))
    wanted = {"lo": at.lo, "hi": at.hi, "lower": ranks.lower - 1, "upper": ranks.upper - 1}
    found = _order_statistics(ask, numbered, names, base, wanted)
    value = found["lo"] + (found["hi"] - found["lo"]) * at.fraction
    low = np.where(ranks.lower == NO_RANK, np.nan, found["lower"])
    high = np.where(ranks.upper == NO_RANK, np.nan, found["upper"])
    return Table(base.keys, base.parts, {"value": value, "low": low, "high": high})


def waited(ask: Ask, rows: ir.Table, level: float) -> Table:
    """Parts of a Kaplan–Meier quantile: its value and limits, from counts by time."""
    brick = ask.asked.brick
    assert isinstance(brick, Waiting)
    base, names = added(ask, unit_totals(ask, rows)), group_names(ask, rows)
    found = ask.reader.run(steps(rows, names))
    return Table(base.keys, base.parts, quantiles(base.keys, names, found, brick.p, level))


def _below(ask: Ask, numbered: ir.Table, names: list[str], base: Table, p: float) -> Moments:
    """Unit moments of "at or below the quantile", which tell how many independent rows the ranks are worth."""
    if np.array_equal(base.parts["units"], base.parts["n"]):
        n = base.parts["n"]
        share = np.full_like(n, p) * n
        return Moments(n, n, share, n, share, share, n)
    cut = (numbered.size__.cast("float64") - 1) * p
    inside = ibis.ifelse(numbered.rank__.cast("float64") <= cut, 1, 0)
    units = (
        numbered.mutate(inside__=inside)
        .group_by([*names, "unit"])
        .agg(num=_float(ibis._.inside__.sum()), den=_float(ibis._.count()))
    )
    num, den = units.num, units.den
    sums = {
        "units": units.count(),
        "num": num.sum(),
        "den": den.sum(),
        "nn": (num * num).sum(),
        "nd": (num * den).sum(),
        "dd": (den * den).sum(),
    }
    grouped = units.group_by(names).agg(**sums) if names else units.aggregate(**sums)
    table = table_of(ask.reader.run(grouped), names).at(base.keys).parts
    return Moments(table["den"], table["units"], *(table[k] for k in ("num", "den", "nn", "nd", "dd")))


def _order_statistics(
    ask: Ask, numbered: ir.Table, names: list[str], base: Table, wanted: Mapping[str, Any]
) -> dict[str, Floats]:
    """The values at ranks that depend on a group's size alone, or on its whole key where sizes are shared."""
    sizes: dict[int, set[int]] = {}
    for index, size in enumerate(base.parts["n"]):
        ranks = {int(r[index]) for r in wanted.values() if r[index] >= 0}
        if ranks:
            sizes.setdefault(int(size), set()).update(ranks)
    if not sizes:
        return {name: np.full(len(base.keys), np.nan) for name in wanted}
    keep: Any = None
    for size, ranks in sorted(sizes.items()):
        test = (numbered.size__ == size) & numbered.rank__.isin(sorted(ranks))
        keep = test if keep is None else keep | test
    rows = ask.reader.run(numbered.filter(keep).select(*names, "rank__", x=numbered.x.cast("float64"))).to_pylist()
    by_key = {(*(row[n] for n in names), row["rank__"]): row["x"] for row in rows}
    return {
        name: np.array([by_key.get((*key, int(r)), np.nan) for key, r in zip(base.keys, ranks, strict=True)])
        for name, ranks in wanted.items()
    }


def crossed(ask: Ask, now: ir.Table, then: ir.Table, slots: Mapping[date, date] | None) -> dict[Key, tuple[float, ...]]:
    """Σ over units on both sides of num·num, num·den, den·num, den·den, by the current group's key.

    `now` and `then` are totals of units; `slots` gives, for each earlier period, the one it is compared with.
    """
    a, b, names = now, then, group_names(ask, now)
    if slots is not None:
        moved = ibis.cases(*[(b.period == old, ibis.literal(new)) for old, new in slots.items()], else_=None)
        b = b.mutate(period=moved)
    right = b.select(**{f"r:{n}": b[n] for n in (*names, "unit", "num", "den")})
    match = [a[n].identical_to(right[f"r:{n}"]) for n in (*names, "unit")]
    both = a.join(right, match)
    sums = {
        "nn": total(both.num * both["r:num"]),
        "nd": total(both.num * both["r:den"]),
        "dn": total(both.den * both["r:num"]),
        "dd": total(both.den * both["r:den"]),
    }
    grouped = both.group_by(names).agg(**sums) if names else both.aggregate(**sums)
    return crossed_of(ask.reader.run(grouped), names)
