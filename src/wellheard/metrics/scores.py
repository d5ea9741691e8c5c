"""Scores of customers as of an instant, and which of them is the newest at a period's end."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import FAR, Ask
from wellheard.metrics.reader import instant_literal


def newest_scores(ask: Ask, kind: str) -> ir.Table:
    """One row a period and scored customer: the last score of a kind before the period's end."""
    t = ask.reader.table("customer_scores")
    t = t.filter(t.kind == kind)
    line = ibis.window(group_by=[t.source, t.customer_id, t.account_id], order_by=[t.as_of, t.id])
    t = t.mutate(until=t.as_of.lead().over(line).coalesce(instant_literal(FAR)))
    w = ask.windows()
    w = w.filter(w.begin < w.finish).select("period", instant=w.finish)
    t = ask.belonging(t.join(w, [t.as_of < w.instant, t.until >= w.instant]), "customer_scores")
    t = t.mutate(key=t.customer_key.coalesce(t.account_key, t.id))
    newest = ibis.window(group_by=[t.period, t.key], order_by=[ibis.desc(t.as_of), ibis.desc(t.id)])
    t = t.mutate(turn=ibis.row_number().over(newest))
    return t.filter(t.turn == 0)
