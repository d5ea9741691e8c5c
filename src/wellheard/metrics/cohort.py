"""Who was a customer at the start of a window, who at its end, and what each paid: one row a window and customer."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.base.statuses import PAUSED
from wellheard.metrics.ask import DIM, FAR, PAST, Ask
from wellheard.metrics.reader import Reader, instant_literal

SPANS = (("subscriptions", ("started_at", "ended_at")), ("customers", ("created_at", "ended_at")))
LEVELS = ("by_customer", "by_account", "by_subscription")


def cohort(
    ask: Ask,
    months_back: int = 0,
    days_back: int = 0,
    spans: tuple[ir.Table, str] | None = None,
    *,
    rates_apart: bool = False,
) -> ir.Table:
    """One row a window and customer: `period, id, unit, started, stays, came, mrr_start, mrr_end, reactivated`.

    A customer is active at an instant where a paid, non-trial subscription `[started_at, ended_at)` covers it that is
    not paused; without subscriptions, where their own `[created_at, ended_at)` does. The reactivated had none in
    between. Money is at the rates of the window's start; with `rates_apart`, `mrr_now` is that of the end at the rates
    of the end. Dimensions are as of the window's start; where a customer has several subscriptions, those of the one
    that pays most. With `spans` and their table's name these make a customer.
    """
    over, fact = covering(ask, *(spans or spans_of(ask)), ask.windows(months_back, days_back))
    if rates_apart:
        over = over.mutate(mrr_now=over.mrr)
    return _by_key(_priced(ask, over, fact))


def single(ask: Ask) -> bool:
    """Whether a unit has one row a window in a cohort: not where companies or subscriptions stand for themselves."""
    return not any(ask.has(level) for level in LEVELS)


def standing(ask: Ask) -> ir.Table:
    """One row a period and customer who is active at its end: `period, id, unit, mrr, no_rate`, all as of that end."""
    windows = ask.windows()
    over, fact = covering(ask, *spans_of(ask), windows.mutate(begin=windows.finish))
    t = _by_key(_priced(ask, over, fact))
    return t.filter(t.stays).mutate(mrr=t.mrr_end)


def movements(ask: Ask) -> ir.Table:
    """One row a period and customer who was there at its start or its end, with what became of their MRR.

    Bears `period, id, unit, mrr_start` and the parts of the change to the MRR at the end and its rates: `new,
    expansion, contraction, churn, reactivation` at the rates of the start, and `exchange_rates`, what the rates did
    to the MRR at the end. Who left and returned within the period counts as churned and reactivated, as in net revenue
    retention.
    """
    over, fact = covering(ask, *spans_of(ask), ask.windows(), former=True)
    over = over.mutate(mrr_now=over.mrr)
    t = _by_key(_priced(ask, over, fact))
    t = t.filter(t.started | t.stays)
    back = t.reactivated & t.started & t.stays
    kept = t.started & t.stays & ~back
    grown = t.mrr_end - t.mrr_start
    none = ibis.literal(0)
    return t.mutate(
        change=t.mrr_now - t.mrr_start,
        new=ibis.ifelse(t.came & ~t.former, t.mrr_end, none),
        expansion=ibis.ifelse(kept & (grown > 0), grown, none),
        contraction=ibis.ifelse(kept & (grown < 0), grown, none),
        churn=ibis.ifelse(t.started & (~t.stays | back), none - t.mrr_start, none),
        reactivation=ibis.ifelse((t.came & t.former) | back, t.mrr_end, none),
        exchange_rates=t.mrr_now - t.mrr_end,
    )


def spans_of(ask: Ask) -> tuple[ir.Table, str]:
    """Paid subscription periods and their table's name; without any subscriptions, the lives of the customers."""
    if ask.reader.has_rows("subscriptions"):
        s = ask.reader.table("subscriptions")
        paid = ~s.trial.fill_null(False) & (s.mrr.isnull() | (s.mrr > 0))
        empty = s.ended_at.notnull() & (s.ended_at <= s.started_at)
        return _without_pauses(ask, s.filter(paid & ~empty)), "subscriptions"
    c = ask.reader.table("customers")
    lives = c.filter(c.created_at.notnull())
    return (
        lives.mutate(
            customer_id=lives.source_id,
            started_at=lives.created_at,
            mrr=ibis.literal(0.0),
            currency=ibis.null("string"),
        ),
        "customers",
    )


def covering(ask: Ask, spans: ir.Table, fact: str, windows: ir.Table, *, former: bool = False) -> tuple[ir.Table, str]:
    """The spans that overlap a window, one row each: with whom they belong to as `key`, and what they cover.

    With `former`, also those that had ended before the window began.
    """
    spans = spans.mutate(until=spans.ended_at.coalesce(instant_literal(FAR)))
    overlap = [spans.started_at <= windows.finish]
    if not former:
        overlap.append(spans.until > windows.begin)
    over = spans.join(windows, overlap)
    over = ask.belonging(over.mutate(instant=over.begin), fact)
    over = over.mutate(key=_key(ask, over))
    return over.mutate(at_start=_covers(over, over.begin), at_end=_covers(over, over.finish)), fact


def _priced(ask: Ask, over: ir.Table, fact: str) -> ir.Table:
    """MRR at the rates of the window's start, and `mrr_now`, where there is one, at those of its end."""
    if fact != "subscriptions":
        return over.mutate(no_rate=ibis.literal(False), mrr=over.mrr.fill_null(0))
    over = ask.money(over, fact, ["mrr"])
    if "mrr_now" in over.columns:
        over = over.drop(*[c for c in over.columns if c.startswith("r:")])
        over = ask.money(over.rename(no_first_rate="no_rate"), fact, ["mrr_now"], on="finish")
        over = over.mutate(no_rate=over.no_rate | over.no_first_rate, mrr_now=over.mrr_now.fill_null(0))
    return over.mutate(mrr=over.mrr.fill_null(0))


def _paused(versions: ir.Table) -> ir.BooleanValue:
    return versions.status.lower().isin(PAUSED).fill_null(False)


def _any_pause(reader: Reader) -> bool:
    versions = reader.table("subscriptions", history=True)
    return bool(reader.run(versions.filter(_paused(versions)).count()).as_py())


def _without_pauses(ask: Ask, spans: ir.Table) -> ir.Table:
    """The subscription periods without the stretches in which their history says that they were paused."""
    versions = ask.reader.table("subscriptions", history=True)
    paused = _paused(versions)
    if not ask.reader.kept("pauses", _any_pause, ("subscriptions",)):
        return spans
    running = versions.filter(~paused).select(
        version=versions.id,
        since=versions.valid_from.coalesce(instant_literal(PAST)),
        till=versions.valid_to.coalesce(instant_literal(FAR)),
    )
    cut = spans.join(running, spans.id == running.version)
    ends = ibis.least(cut.ended_at.coalesce(instant_literal(FAR)), cut.till)
    cut = cut.mutate(started_at=ibis.greatest(cut.started_at, cut.since), ended_at=ends)
    return cut.filter(cut.started_at < cut.ended_at)


def _covers(over: ir.Table, at: ir.Value) -> ir.BooleanValue:
    return (over.started_at <= at) & (over.until > at)


def _key(ask: Ask, over: ir.Table) -> ir.StringValue:
    asked = [level for level in LEVELS if ask.has(level)]
    if len(asked) > 1:
        raise BadCall(f"{asked[0]} and {asked[1]} cannot be had together", hint="name one level", field="variant")
    if ask.has("by_subscription"):
        return over.id
    if ask.has("by_account"):
        return over.account_key.coalesce(over.unit)
    if ask.has("by_customer"):
        return over.customer_key.coalesce(over.unit)
    return over.unit


def _gap(over: ir.Table) -> ir.BooleanValue:
    """Whether a span begins within the window, after everything before it had ended."""
    earlier = ibis.window(
        group_by=[over.period, over.key],
        order_by=[over.started_at, over.until],
        rows=(None, ibis.preceding(1)),
    )
    return (over.started_at > over.until.max().over(earlier)).fill_null(False) & (over.started_at > over.begin)


def _by_key(over: ir.Table) -> ir.Table:
    """One row a window and key; `former` are those with a span that had ended before the window began."""
    over = over.mutate(gap=_gap(over))
    dims = {name: of_largest(over, name) for name in over.columns if name.startswith(DIM)}
    more = {"mrr_now": over.mrr_now.sum(where=over.at_end).fill_null(0)} if "mrr_now" in over.columns else {}
    grouped = over.group_by(["period", "key"]).agg(
        unit=over.unit.max(),
        started=over.at_start.any(),
        stays=over.at_end.any(),
        mrr_start=over.mrr.sum(where=over.at_start).fill_null(0),
        mrr_end=over.mrr.sum(where=over.at_end).fill_null(0),
        reactivated=over.gap.any(),
        former=(over.until <= over.begin).any(),
        no_rate=over.no_rate.any(),
        **more,
        **dims,
    )
    return grouped.rename(id="key").mutate(came=~grouped.started)


def of_largest(over: ir.Table, name: str) -> Any:
    """A dimension's value of the subscription that pays most at the window's start.

    Of those that pay alike the first by name. One sorted key spares a sort of all spans for each dimension.
    """
    size = ibis.struct({"later": ~over.at_start, "smaller": -over.mrr, "name": over[name]})
    return over[name].argmin(size, where=over[name].notnull())
