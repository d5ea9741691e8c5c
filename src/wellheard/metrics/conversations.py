"""Conversations as every service KPI takes them: spam, merged ones and, where it matters, our own left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.reader import instant_literal

OURS = ("human", "automation")
RETURN_DAYS = 7  # days within which a customer who asks again was not helped the first time
HISTORY = (
    ("conversations", "opened_at"),
    ("conversations", "resolved_at"),
    ("conversations", "closed_at"),
    ("messages", "sent_at"),
    ("status_events", "changed_at"),
)


def conversations(ask: Ask, *, ours_out: bool) -> tuple[ir.Table, list[Reason]]:
    """The conversations of the question, and why some of them do not count."""
    t = ask.facts("conversations")
    out: list[Reason] = [(t.spam, "spam"), (t.merged_into.notnull(), "merged into another conversation")]
    if ours_out:
        out.append((t.opened_by.isin(OURS), "opened by us"))
    return t, out


def named_apart(t: ir.Table, kind: str) -> ir.Table:
    """Gives rows that nobody is named for a unit that no row of another table has: ids are unique in a table alone."""
    nobody = t.customer_key.isnull() & t.account_key.isnull()
    return t.mutate(unit=ibis.ifelse(nobody, kind + ":" + t.id, t.unit))


def history_end(ask: Ask) -> datetime | None:
    """The last instant at which anything happened in any conversation, up to now."""
    end, now = ask.data_end(*HISTORY), datetime.now(UTC)
    if end is None or end <= now:
        return end
    ask.reader.peeked = True  # the statement says another moment each time
    return now


def not_over(ask: Ask, since: ir.TimestampValue) -> ir.BooleanValue:
    """Whether the days within which a customer may come back had not passed when the data ended."""
    end = history_end(ask)
    if end is None:
        return ibis.literal(False)
    return since + ibis.interval(days=RETURN_DAYS) > instant_literal(end)


def reopened_soon(t: ir.Table) -> ir.BooleanValue:
    """Whether it came back within the days after its first resolution; a return of unknown time is taken as soon."""
    soon = t.first_reopened_at <= t.first_resolved_at + ibis.interval(days=RETURN_DAYS)
    return soon.fill_null((t.reopen_count > 0).fill_null(False))


def with_returns(ask: Ask, t: ir.Table, since: ir.TimestampValue) -> ir.Table:
    """Adds `returned`: whether the same customer opened another conversation on the topic in the days after `since`.

    A topic that is not known counts as the same. Conversations that the question's filter leaves out are looked at
    too: who asked by chat may come back by mail.
    """
    question = replace(ask.question, where=None, by=())
    whole = Ask(ask.reader, ask.metric, ask.asked, question, ask.periods)
    every, out = conversations(whole, ours_out=True)
    every = whole.rows(every, out=out, r_who=every.customer_key, r_at=every.opened_at, r_topic=every.topic)
    later = every.filter(every.why.isnull()).select("r_who", "r_at", "r_topic", r_id="id")
    asked = t.select(a_id=t.id, a_who=t.customer_key, a_topic=t.topic, a_since=since)
    pairs = asked.join(later, [asked.a_who == later.r_who, asked.a_since < later.r_at])
    pairs = pairs.filter(
        pairs.r_at <= pairs.a_since + ibis.interval(days=RETURN_DAYS),
        pairs.a_id != pairs.r_id,
        (pairs.a_topic == pairs.r_topic).fill_null(True),
    )
    found = pairs.select("a_id").distinct()
    joined = t.left_join(found, t.id == found.a_id)
    return joined.mutate(returned=joined.a_id.notnull())
