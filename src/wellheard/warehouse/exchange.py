"""Brings money to one currency by dated rates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

CONVERTED = "decimal(38, 12)"
NAIVE = "timestamp(6)"
FAR = date(9999, 1, 1)


def converted(table: ir.Table, fx: ir.Table, currency: str | None, amounts: Sequence[str], on: str) -> ir.Table:
    """The rows with `amounts` in `currency` at the rate of the day of the instant `on`, and `no_rate` where none is.

    `fx` are the rows of `fx_rates`. Amounts are decimals again afterwards, so that sums do not hang on the order of
    the rows.
    """
    rates = rates_into(fx, currency)
    table = table.mutate(day__=table[on].cast(NAIVE).date())
    joined = table.left_join(
        rates,
        [table.currency == rates["r:from"], rates["r:begin"] <= table.day__, table.day__ < rates["r:end"]],
    )
    same = joined.currency.isnull() | (joined.currency == currency)
    rate = ibis.ifelse(same, 1.0, joined["r:rate"])
    amounts_in = {name: (joined[name].cast("float64") * rate).cast(CONVERTED) for name in amounts}
    return joined.mutate(no_rate=rate.isnull(), **amounts_in)


def rates_into(fx: ir.Table, currency: str | None) -> ir.Table:
    """Dated rates into a currency, each until the next one: `r:from, r:begin, r:end, r:rate`.

    The other direction is inverted where a day has no rate of its own.
    """
    fx = fx.filter(fx.rate > 0)
    there = fx.filter(fx.to_currency == currency).select(
        **{"r:from": fx.from_currency, "r:begin": fx.on_date, "given": fx.rate, "turned": ibis.null("float64")}
    )
    back = fx.filter(fx.from_currency == currency).select(
        **{"r:from": fx.to_currency, "r:begin": fx.on_date, "given": ibis.null("float64"), "turned": 1.0 / fx.rate}
    )
    both = there.union(back).group_by(["r:from", "r:begin"])
    both = both.agg(**{"r:rate": ibis._.given.max().coalesce(ibis._.turned.max())})
    order = ibis.window(group_by="r:from", order_by="r:begin")
    following = both["r:begin"].lead().over(order)
    return both.mutate(**{"r:end": following.coalesce(ibis.literal(FAR))})
