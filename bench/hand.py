"""The scorecard by hand: a statement a KPI, written for speed, that gives value, low, high, n, units and pending.

The engine adds up a unit's totals and their squares and products, as the product's does; what is left, the division and
the interval of some seventy rows, is the product's own arithmetic, which takes no time that could be seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import END, START
from bench.figures import Figures, Key
from wellheard.metrics.bricks import Quantile, Summed
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.interval import NO_RANK, effective_n, quantile_position, quantile_ranks
from wellheard.metrics.metric import Metric
from wellheard.metrics.moments import Moments

FOLDER = Path(__file__).parent / "statements"
SEGMENT = """
    left join people c on c.key = {t}.customer_id and c.begin <= {at} and {at} < c.finish
    left join companies a on a.key = coalesce({t}.account_id, c.account_id) and a.begin <= {at} and {at} < a.finish"""
SUMS = ("num", "den", "nn", "nd", "dd")
THIRD = ("nnn", "nnd", "ndd", "ddd")  # needed to say that an interval is not to be relied on, not for the interval
Arrays = Mapping[str, Any]


def statement(name: str) -> str:
    """The SQL of a KPI, or of `_prelude`, for the bench's two years."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8")
    text = re.sub(
        r"@segment\((\w+), (.*)\)(?= |$)", lambda m: SEGMENT.format(t=m[1], at=m[2]), text, flags=re.MULTILINE
    )
    return text.replace("{start}", f"timestamptz '{START}'").replace("{end}", f"timestamptz '{END}'")


def names() -> list[str]:
    """The KPIs that are written by hand."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.sql"))


def prepare(con: Any) -> None:
    """Makes what the statements share."""
    con.execute("set TimeZone = 'UTC'")
    con.execute(statement("_prelude"))


def figures(con: Any, name: str) -> Figures:
    """The figures of a KPI; of one that is split into outcomes, those of the first."""
    metric = metrics()[name]
    brick = metric.asked(()).brick
    if metric.split is not None:
        return outcomes(con, metric)[metric.split.variants[0]]
    if isinstance(brick, Quantile):
        return _quantiles(con, statement(name), brick.p)
    assert isinstance(brick, Summed)
    return _estimated(_collected(con, statement(name)), brick)


def outcomes(con: Any, metric: Metric) -> dict[str, Figures]:
    """The figures of each outcome of a KPI that is a choice of several."""
    assert metric.split is not None
    con.execute(f"create or replace temp table answered as {statement(metric.name)}")
    found = {}
    for outcome in metric.split.variants:
        brick = metric.asked((outcome,)).brick
        assert isinstance(brick, Summed)
        units = f"""
            select period, segment, unit, coalesce(sum(rows) filter (outcome = '{outcome}'), 0) as num,
                sum(rows) as den, den as n, 0 as pending
            from answered group by 1, 2, 3"""
        found[outcome] = _estimated(_collected(con, units), brick)
    return found


def _collected(con: Any, units: str) -> Arrays:
    """The parts of every group, from a statement that gives the totals of its units."""
    columns = {row[0] for row in con.execute(f"describe {units}").fetchall()}
    sides = [f"sum({side}) as {side}" for side in ("positive", "negative") if side in columns]
    return dict(
        con.execute(f"""
            with units as ({units})
            select period, segment, {", ".join([*sides, ""])}
                sum(n) as n, count(*) filter (den <> 0) as units, sum(pending) as pending,
                fsum(num::double) as num, fsum(den::double) as den, fsum(num::double * num) as nn,
                fsum(num::double * den) as nd, fsum(den::double * den) as dd
            from units group by 1, 2""").fetchnumpy()
    )


def _estimated(found: Arrays, brick: Summed) -> Figures:
    parts = {name: _floats(found[name]) for name in found if name not in ("period", "segment")}
    parts |= {name: np.zeros(len(found["period"])) for name in THIRD}
    estimate = brick.estimate(parts)
    return _by_key(found, estimate.value, estimate.low, estimate.high, parts)


def _quantiles(con: Any, rows: str, p: float) -> Figures:
    """Order statistics by rank, at the value and at limits that allow for customers who are there several times."""
    con.execute(f"create or replace temp table given as {rows}")
    con.execute("""
        create or replace temp table numbered as
        select period, segment, unit, x, row_number() over (partition by period, segment order by x, id) - 1 as rank
        from given where not waiting""")
    found = dict(
        con.execute(f"""
            with sizes as (
                select period, segment, count(*) filter (not waiting) as n, count(*) filter (waiting) as pending
                from given group by 1, 2),
            units as (
                select g.period, g.segment, g.unit, count(*) as den, count(*) filter (g.rank <= (s.n - 1) * {p}) as num
                from numbered g join sizes s on s.period = g.period and s.segment is not distinct from g.segment
                group by 1, 2, 3),
            sums as (
                select period, segment, count(*) as units, sum(num) as num, sum(den) as den, sum(num * num) as nn,
                    sum(num * den) as nd, sum(den * den) as dd
                from units group by 1, 2)
            select s.*, u.* exclude (period, segment)
            from sizes s left join sums u on u.period = s.period and u.segment is not distinct from s.segment
            """).fetchnumpy()
    )
    parts = {name: _floats(found[name]) for name in found if name not in ("period", "segment")}
    n = parts["n"]
    below = Moments(n, parts["units"], *(parts[name] for name in SUMS))
    if np.array_equal(parts["units"], n):
        below = Moments(n, n, p * n, n, p * n, p * n, n)
    at = quantile_position(n, p)
    ranks = quantile_ranks(n, p, 0.95, effective_n(below))
    wanted = {"lo": at.lo, "hi": at.hi, "lower": ranks.lower - 1, "upper": ranks.upper - 1}
    x = {name: _at_ranks(con, found, rank) for name, rank in wanted.items()}
    value = x["lo"] + (x["hi"] - x["lo"]) * at.fraction
    low = np.where(ranks.lower == NO_RANK, np.nan, x["lower"])
    high = np.where(ranks.upper == NO_RANK, np.nan, x["upper"])
    return _by_key(found, value, low, high, parts)


def _at_ranks(con: Any, found: Arrays, ranks: Any) -> Any:
    keys = _keys(found)
    values = [[*key, int(rank)] for key, rank in zip(keys, ranks, strict=True)]
    marks = ", ".join(["(?::date, ?::varchar, ?::bigint)"] * len(values))
    rows = con.execute(
        f"""select period, n.segment, x from numbered n join (values {marks}) w(p, s, r)
            on n.period = w.p and n.segment is not distinct from w.s and n.rank = w.r""",
        [one for value in values for one in value],
    ).fetchall()
    known = {(str(period), segment): x for period, segment, x in rows}
    return np.array([known.get(key, np.nan) for key in keys], dtype=np.float64)


def _by_key(found: Arrays, value: Any, low: Any, high: Any, parts: Arrays) -> Figures:
    figures: dict[Key, dict[str, Any]] = {}
    for at, key in enumerate(_keys(found)):
        n = int(parts["n"][at])
        if not n and not parts["pending"][at]:
            continue
        each = {"value": value[at], "low": low[at], "high": high[at]}
        figure = {name: float(x) if n and np.isfinite(x) else None for name, x in each.items()}
        figures[key] = figure | {name: int(parts[name][at]) for name in ("n", "units", "pending")}
    return figures


def _keys(found: Arrays) -> list[Key]:
    days, segments = _texts(found["period"]), _texts(found["segment"])
    return [(str(day), segment) for day, segment in zip(days, segments, strict=True)]


def _texts(column: Any) -> list[str | None]:
    """A column of days or texts; null where it is masked."""
    values = np.ma.asarray(column)
    mask = np.ma.getmaskarray(values)
    plain = values.data.astype("datetime64[D]").astype(str) if values.dtype.kind == "M" else values.data
    return [None if gone or text is None else str(text) for text, gone in zip(plain, mask, strict=True)]


def _floats(column: Any) -> Any:
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), 0.0)
