"""Curves of cohorts: how many who started in one month are still there, or have bought again, k months later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np

from wellheard.base.periods import Grain
from wellheard.base.settings import Settings
from wellheard.metrics.ask import FAR, Ask
from wellheard.metrics.cohort import SPANS, spans_of
from wellheard.metrics.frame import Frame
from wellheard.metrics.metric import Metric
from wellheard.metrics.purchases import ORDERS, is_order, order_key
from wellheard.metrics.question import Question
from wellheard.metrics.reader import Reader, instant_literal
from wellheard.metrics.survival import kaplan_meier
from wellheard.warehouse.engine import Lake

SHOWN = ("retention_rate",)  # the KPIs whose pages have curves
FEW = 30  # customers of a cohort, below which its curve is greyed


@dataclass(frozen=True)
class Curve:
    """One cohort by its first month: for each k, the share in percent, its limits, and how many were looked at then.

    Month k is counted from each customer's own start, and only customers whose month k is over are in it.
    """

    start: date
    customers: int
    months: tuple[int, ...]
    value: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    at_risk: tuple[int, ...]

    @property
    def few(self) -> bool:
        return self.customers < FEW


@dataclass(frozen=True)
class Curves:
    """Curves by month of start; `again` tells those of buying again from those of staying."""

    curves: tuple[Curve, ...]
    again: bool


def cohort_curves(lake: Lake, settings: Settings, metric: Metric, question: Question) -> Curves:
    """The curves that go with a question: of repurchase where that is asked, or where only orders are known."""
    with lake.reading() as snapshot:
        reader = Reader(lake, settings, snapshot, question.as_of)
        shop = reader.bounds("orders").rows > 0 and not reader.bounds("subscriptions").rows
    again = shop or any(name.startswith("repeat_purchase") for name in question.variants)
    make = repurchase_curves if again else retention_curves
    return Curves(tuple(make(lake, settings, metric, question)), again)


def retention_curves(lake: Lake, settings: Settings, metric: Metric, question: Question) -> list[Curve]:
    """The share of the customers who began in a month that had not left by their month k.

    Kaplan–Meier: whoever is still there is censored at the data's end. Who left and came back has left.
    """
    with lake.reading() as snapshot:
        ask = _ask(Reader(lake, settings, snapshot, question.as_of), metric, question, SPANS)
        curves = _curves(ask, _first_lives(ask))
        return [_curve(start, counts, question.level, gone=False) for start, counts in curves.items()]


def repurchase_curves(lake: Lake, settings: Settings, metric: Metric, question: Question) -> list[Curve]:
    """The share of the customers whose first order fell in a month that had ordered again by their month k.

    For purchases without a contract, where nobody says that they left. One less Kaplan–Meier's share still waiting.
    """
    with lake.reading() as snapshot:
        ask = _ask(Reader(lake, settings, snapshot, question.as_of), metric, question, ORDERS)
        curves = _curves(ask, _first_returns(ask))
        return [_curve(start, counts, question.level, gone=True) for start, counts in curves.items()]


def _ask(reader: Reader, metric: Metric, question: Question, spans: tuple[tuple[str, tuple[str, ...]], ...]) -> Ask:
    asked = replace(metric.asked(()), spans=spans)
    return Ask(reader, metric, asked, question, Frame(reader, asked, question).periods)


def _first_lives(ask: Ask) -> ir.Table:
    """One row a customer: `began`, and `ended`, the end of the first unbroken stretch; null while it runs."""
    spans, fact = spans_of(ask)
    t = ask.belonging(spans.mutate(instant=spans.started_at), fact)
    t = t.mutate(until=t.ended_at.coalesce(instant_literal(FAR)))
    earlier = ibis.window(group_by=t.unit, order_by=[t.started_at, t.until, t.id], rows=(None, ibis.preceding(1)))
    t = t.mutate(reach=t.until.max().over(earlier))
    so_far = ibis.window(group_by=t.unit, order_by=[t.started_at, t.until, t.id], rows=(None, 0))
    t = t.mutate(breaks=ibis.ifelse((t.started_at > t.reach).fill_null(False), 1, 0))
    t = t.mutate(turn=t.breaks.sum().over(so_far))
    first = t.filter(t.turn == 0).group_by("unit").agg(began=ibis._.started_at.min(), ended=ibis._.until.max())
    return first.mutate(ended=first.ended.nullif(instant_literal(FAR)))


def _first_returns(ask: Ask) -> ir.Table:
    """One row a buyer: `began`, the first order, and `ended`, the next one; null where there is none."""
    t = ask.facts("orders")
    t = t.filter(is_order(t) & t.customer_key.coalesce(t.account_key).notnull() & t.instant.notnull())
    orders = t.mutate(number=order_key(t)).group_by(["unit", "number"]).agg(at__=ibis._.instant.min())
    mine = ibis.window(group_by=orders.unit, order_by=[orders.at__, orders.number])
    turns = orders.mutate(turn=ibis.row_number().over(mine), following=orders.at__.lead().over(mine))
    return turns.filter(turns.turn == 0).select("unit", began=turns.at__, ended=turns.following)


Counts = Mapping[tuple[int, int | None], int]


def _curves(ask: Ask, lives: ir.Table) -> dict[date, Counts]:
    """By month of start: how many customers could be seen for so many whole months, and ended in which of them."""
    _, last = ask.reader.extent(ask.asked.spans)
    if last is None:
        return {}
    end = instant_literal(last)
    lives = ask.in_range(lives.filter(lives.began <= end).mutate(instant=lives.began))
    ended = ibis.ifelse(lives.ended <= end, lives.ended, None)
    began = ask.local(lives.began)
    lives = lives.mutate(
        start=ask.period_of(lives.began, Grain.MONTH),
        seen=_months(began, ask.local(end), up=False),
        left=_months(began, ask.local(ended), up=True),
    )
    table = ask.reader.run(lives.group_by(["start", "seen", "left"]).agg(n=lives.count()))
    found: dict[date, dict[tuple[int, int | None], int]] = {}
    for row in sorted(table.to_pylist(), key=lambda r: r["start"]):
        left = None if row["left"] is None else max(int(row["left"]), 1)
        counts = found.setdefault(row["start"], {})
        counts[int(row["seen"]), left] = counts.get((int(row["seen"]), left), 0) + int(row["n"])
    return dict(found)


def _months(first: ir.Value, last: ir.Value, *, up: bool) -> ir.Value:
    """Whole months from one local time to another; with `up`, a month begun counts as one."""
    whole = (last.year() - first.year()) * 12 + last.month() - first.month()
    a = first.delta(first.truncate("M"), unit="microsecond")
    b = last.delta(last.truncate("M"), unit="microsecond")
    return whole + ibis.ifelse(b > a, 1, 0) if up else whole - ibis.ifelse(b < a, 1, 0)


def _curve(start: date, counts: Counts, level: float, *, gone: bool) -> Curve:
    """Kaplan–Meier by whole months, from how many were seen how long; `gone` shows the share that has ended."""
    most = max(seen for seen, _ in counts)
    months = np.arange(1, most + 1)
    at_risk = [
        sum(n for (seen, left), n in counts.items() if seen >= k and (left is None or left >= k)) for k in months
    ]
    events = [sum(n for (seen, left), n in counts.items() if seen >= k and left == k) for k in months]
    known = np.array(at_risk, dtype=np.int64) > 0
    months, risk, done = months[known], np.array(at_risk)[known], np.array(events)[known]
    curve = kaplan_meier(months, done, risk, level)
    value, low, high = (np.concatenate([[1.0], x]) for x in (curve.survival, curve.low, curve.high))
    if gone:
        value, low, high = 1 - value, 1 - high, 1 - low
    customers = sum(counts.values())
    limits = [tuple(None if np.isnan(x) else float(100 * x) for x in side) for side in (low, high)]
    return Curve(
        start, customers, (0, *(int(m) for m in months)), tuple(float(100 * x) for x in value), limits[0], limits[1],
        (customers, *(int(n) for n in risk)),
    )  # fmt: skip
