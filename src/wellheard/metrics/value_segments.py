"""Value segments: in which fifth of the customers somebody stands by recency, frequency and money of their orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from wellheard.base.periods import midnight
from wellheard.metrics.reader import instant_literal

if TYPE_CHECKING:
    from wellheard.metrics.ask import Ask

FIFTHS = 5


def value_segments(ask: Ask) -> ir.Table:
    """One row a customer who ever ordered: `v:customer`, and `rfm_recency, rfm_frequency, rfm_money` from 1 to 5.

    5 are the most recent, the most frequent and those who paid most. As of the question's end, else the data's, so a
    customer stands in one fifth in all of an answer's periods. Equal customers stand in the same fifth.
    Source: P. S. Fader, B. G. S. Hardie and K. L. Lee, Journal of Marketing Research 42 (2005) 415–430.
    """
    from wellheard.metrics.revenue import ordered, unfiltered  # these are written in terms of what asks for us

    ask.look_across()
    everyone = unfiltered(ask, whole=True)
    t, _ = ordered(everyone)
    t = t.filter(t.stands & ~t.no_rate & t.customer_key.notnull() & t.instant.notnull())
    if ask.question.end is not None:
        t = t.filter(t.instant < instant_literal(midnight(ask.question.end, ask.reader.zone)))
    each = t.group_by("customer_key").agg(
        last=t.instant.max(), orders=t.order_id.coalesce(t.source_id).nunique(), money=t.net.cast("float64").sum()
    )
    each = each.mutate(size=each.count().over(ibis.window()))
    return each.select(
        **{
            "v:customer": each.customer_key,
            "v:rfm_recency": _fifth(each, "last"),
            "v:rfm_frequency": _fifth(each, "orders"),
            "v:rfm_money": _fifth(each, "money"),
        }
    )


def _fifth(each: ir.Table, column: str) -> ir.Value:
    """The fifth that a customer's rank lies in, the lowest 1: rank counts those below, so equals share theirs."""
    below = ibis.rank().over(ibis.window(order_by=column))
    fifths = [(below * FIFTHS < each.size * n, str(n)) for n in range(1, FIFTHS)]
    return ibis.cases(*fifths, else_=str(FIFTHS))
