"""Churn as the sum of daily rates: each day those who left divided by those who were there when it began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from wellheard.base.periods import Period, add_months
from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Parts, Ratio, Share
from wellheard.metrics.cohort import covering, of_largest, spans_of
from wellheard.metrics.interval import Interval
from wellheard.metrics.moments import Floats, divide

DAY = 86_400_000_000.0  # microseconds
MONTH = 30.436875  # days


@dataclass(frozen=True)
class DailyRates(Ratio):
    """Σ over days of those who left ÷ those there: the Nelson–Aalen estimate of the cumulated risk, in percent.

    Its rows are weighed by how many others stood in the same group, so groups have figures of their own.
    Source: O. O. Aalen, Annals of Statistics 6 (1978) 701–726.
    """

    scale: float = 100.0
    least: float = 0.0

    @property
    def sums_up(self) -> bool:
        return False


@dataclass(frozen=True)
class Annualised(Share):
    """The share of a year, were all its months like this period: 1 − (1 − share)^(12 ÷ months)."""

    @property
    def columns(self) -> tuple[str, ...]:
        return ("good", "months")

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {**super().row(rows), "positive": rows.months}

    def value(self, parts: Parts) -> Floats:
        return _yearly(super().value(parts), parts)

    def limits(self, parts: Parts, level: Floats | float) -> Interval:
        limits = super().limits(parts, level)
        return Interval(_yearly(limits.low, parts), _yearly(limits.high, parts))


def _yearly(share: Floats, parts: Parts) -> Floats:
    months = divide(parts["positive"], parts["n"])
    return 1 - (1 - share) ** divide(12.0, months)


def daily_churn(ask: Ask) -> ir.Table:
    """One row a period and customer there on any midnight in it: `num, den` for `DailyRates`.

    Who is there at a midnight and not at the next one has left on that day, whenever they came.
    """
    over, _ = covering(ask, *spans_of(ask), ask.windows())
    stays = _stretches(ask, over)
    dims = [c for c in stays.columns if c.startswith(DIM)]
    before = _present(stays, dims)
    same = [stays[c].identical_to(before[f"b:{c}"]) for c in ("period", *dims)]
    left = stays.left_join(before, [*same, stays.gone == before["b:day"], stays.gone <= stays.last])
    weight = ibis.ifelse(left["b:present"] > 0, 1.0 / left["b:present"].cast("float64"), 0.0).fill_null(0.0)
    each = left.mutate(weight=weight, days=_days(left.first, ibis.least(left.gone, left.last)))
    each = each.group_by(["period", "key", *dims]).agg(
        unit=each.unit.max(), weight=each.weight.sum(), days=each.days.sum(), length=each.length.max()
    )
    ask.look_across()
    group = ibis.window(group_by=["period", *dims])
    share = each.days / each.length
    return each.mutate(num=each.weight * share.sum().over(group), den=share).rename(id="key")


def _stretches(ask: Ask, over: ir.Table) -> ir.Table:
    """The runs of midnights on which a customer is there: `first`, and the midnight `gone` on which no longer."""
    begin, finish = ask.local(over.begin), ask.local(over.finish)
    over = over.mutate(
        first=_next_midnight(ask, ibis.greatest(over.started_at, over.begin)),
        gone=_next_midnight(ask, ibis.least(over.until, over.finish + ibis.interval(days=1))),
        last=finish,
        length=_days(begin, finish),
    )
    dims = {name: of_largest(over, name) for name in over.columns if name.startswith(DIM)}
    owners = over.group_by(["period", "key"]).agg(unit=over.unit.max(), **dims)
    spans = over.filter((over.first < over.gone) & (over.first < over.last))
    earlier = ibis.window(group_by=["period", "key"], order_by=["first", "gone", "id"], rows=(None, ibis.preceding(1)))
    spans = spans.mutate(reach=spans.gone.max().over(earlier))
    spans = spans.mutate(opens=ibis.ifelse(spans.reach.isnull() | (spans.first > spans.reach), 1, 0))
    so_far = ibis.window(group_by=["period", "key"], order_by=["first", "gone", "id"], rows=(None, 0))
    spans = spans.mutate(run=spans.opens.sum().over(so_far))
    runs = spans.group_by(["period", "key", "run"]).agg(
        first=spans.first.min(), gone=spans.gone.max(), last=spans.last.max(), length=spans.length.max()
    )
    owners = owners.rename(owner="key", owned="period")
    return runs.join(owners, [runs.key == owners.owner, runs.period.identical_to(owners.owned)]).drop("owner", "owned")


def _present(stays: ir.Table, dims: list[str]) -> ir.Table:
    """How many were there just before each midnight on which the number changes, by period and dimensions."""
    came = stays.select("period", *dims, day=stays["first"], change=ibis.literal(1))
    went = stays.select("period", *dims, day=stays.gone, change=ibis.literal(-1))
    events = came.union(went).group_by(["period", *dims, "day"]).agg(change=ibis._.change.sum())
    past = ibis.window(group_by=["period", *dims], order_by="day", rows=(None, ibis.preceding(1)))
    present = events.mutate(present=events.change.sum().over(past))
    return present.select(**{f"b:{c}": present[c] for c in ("period", *dims, "day", "present")})


def _next_midnight(ask: Ask, instant: ir.Value) -> ir.Value:
    """The first local midnight at or after an instant."""
    wall = ask.local(instant)
    day = wall.truncate("D")
    return ibis.ifelse(wall > day, day + ibis.interval(days=1), day)


def _days(first: ir.Value, last: ir.Value) -> ir.Value:
    return last.delta(first, unit="microsecond").cast("float64") / DAY


def months_of(ask: Ask, rows: ir.Table) -> ir.Value:
    """How many months the period of each row is long, as far as there are data: whole ones as such, else by days."""
    data_day = ask.last_day()
    cases = [(rows.period == ibis.literal(p.start), ibis.literal(_months(p, data_day))) for p in ask.periods]
    return ibis.cases(*cases, else_=None) if cases else ibis.null("float64")


def _months(period: Period, data_day: date | None) -> float:
    end = period.end
    if data_day is not None:
        end = max(min(end, data_day + timedelta(days=1)), period.start + timedelta(days=1))
    whole = (end.year - period.start.year) * 12 + end.month - period.start.month
    if whole and add_months(period.start, whole) == end:
        return float(whole)
    return (end - period.start).days / MONTH
