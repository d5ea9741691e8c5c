"""Brings money to one currency by dated rates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

CONVERTED = "decimal(38, 12)"
NAIVE = "timestamp(6)"
EPOCH = date(1970, 1, 1)


def converted(table: ir.Table, fx: ir.Table, currency: str | None, amounts: Sequence[str], on: str) -> ir.Table:
    """The rows with `amounts` in `currency` at the rate of the day of the instant `on`, and `no_rate` where none is.

    `fx` are the rows of `fx_rates`. Amounts are decimals again afterwards, so that sums do not hang on the order of
    the rows.
    """
    rates = rates_into(fx, currency)
    last = rates["r:day"].max().as_scalar()  # the last rate holds for all days after it
    table = table.mutate(day__=ibis.least(_number(table[on].cast(NAIVE).date()), last))
    joined = table.left_join(rates, [table.currency == rates["r:from"], table.day__ == rates["r:day"]])
    same = joined.currency.isnull() | (joined.currency == currency)
    rate = ibis.ifelse(same, 1.0, joined["r:rate"])
    amounts_in = {name: (joined[name].cast("float64") * rate).cast(CONVERTED) for name in amounts}
    return joined.mutate(no_rate=rate.isnull(), **amounts_in)


def rates_into(fx: ir.Table, currency: str | None) -> ir.Table:
    """The rate of every day into a currency, up to the last day on which any has one: `r:from, r:day, r:rate`.

    A rate holds until the next one; days are numbers, since a join on equal days costs a tenth of looking through all
    rates of a currency for each row. The other direction is inverted where a day has no rate of its own.
    """
    fx = fx.filter(fx.rate > 0)
    there = fx.filter(fx.to_currency == currency).select(
        **{"r:from": fx.from_currency, "begin": fx.on_date, "given": fx.rate, "turned": ibis.null("float64")}
    )
    back = fx.filter(fx.from_currency == currency).select(
        **{"r:from": fx.to_currency, "begin": fx.on_date, "given": ibis.null("float64"), "turned": 1.0 / fx.rate}
    )
    both = there.union(back).group_by(["r:from", "begin"])
    both = both.agg(**{"r:rate": ibis._.given.max().coalesce(ibis._.turned.max())})
    both = both.mutate(begin=_number(both.begin))
    order = ibis.window(group_by="r:from", order_by="begin")
    following = both.begin.lead().over(order)
    both = both.mutate(end=following.coalesce(both.begin.max().over(ibis.window()) + 1))
    return both.select("r:from", "r:rate", **{"r:day": ibis.range(both.begin, both.end).unnest()})


def _number(day: ir.DateValue) -> ir.IntegerValue:
    return day.delta(EPOCH, unit="day").cast("int64")
