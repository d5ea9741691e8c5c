"""What the handling of conversations cost: the minutes that colleagues worked on them, at the rate of the day."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.base.periods import midnight
from wellheard.base.rate_card import RateCard, in_force_first

UTC = "timestamp('UTC', 6)"


def handling_cost(t: ir.Table, card: RateCard, zone: str) -> ir.FloatingValue:
    """Money by conversation, in the reporting currency; null where its minutes, or a rate for its day, are not known.

    A conversation costs the rate of the day on which it was opened, a day beginning at midnight in `zone`.
    """
    cases = []
    for rate in in_force_first(card):
        begun = ibis.literal(midnight(rate.since, zone).replace(tzinfo=None), type="timestamp(6)").cast(UTC)
        fits = t.opened_at >= begun
        if rate.channel is not None:
            fits &= (t.channel == rate.channel).fill_null(False)
        cases.append((fits, rate.an_hour))
    if not cases:
        return ibis.null("float64")
    return t.handling_seconds.cast("float64") / 3600 * ibis.cases(*cases, else_=None)
