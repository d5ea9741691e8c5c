"""Conversations as every service KPI takes them: spam, merged ones and, where it matters, our own left out."""

from __future__ import annotations

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask, Reason

OURS = ("human", "automation")


def conversations(ask: Ask, *, ours_out: bool) -> tuple[ir.Table, list[Reason]]:
    """The conversations of the question, and why some of them do not count."""
    t = ask.facts("conversations")
    out: list[Reason] = [(t.spam, "spam"), (t.merged_into.notnull(), "merged into another conversation")]
    if ours_out:
        out.append((t.opened_by.isin(OURS), "opened by us"))
    return t, out
