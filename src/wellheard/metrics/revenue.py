"""What customers bring: orders net of refunds, or where there are no orders at all, what their subscriptions bring."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import ibis
import ibis.expr.types as ir

from wellheard.base.periods import add_months, midnight
from wellheard.base.statuses import CANCELLED, NOT_COUNTED
from wellheard.metrics.ask import Ask, Reason
from wellheard.metrics.cohort import spans_of
from wellheard.metrics.purchases import is_order, order_key
from wellheard.metrics.question import OWNER
from wellheard.metrics.reader import Reader, instant_literal
from wellheard.warehouse.handling import handling_cost

EARNED = (("orders", ("ordered_at",)), ("subscriptions", ("started_at", "ended_at")))
MONTH = 30.436875 * 86_400e6  # a mean month in microseconds
NO_RATE = "no exchange rate for its currency on that day"


def from_orders(ask: Ask) -> bool:
    """Whether revenue is that of orders; else it is that of subscriptions."""
    return ask.reader.has_rows("orders") or not ask.reader.has_rows("subscriptions")


def ordered(ask: Ask, *, gross: bool = False) -> tuple[ir.Table, list[Reason]]:
    """Orders with `net`, their revenue less refunds in the reporting currency, `stands`, and why some do not count.

    A cancelled order brings nothing; with `gross` refunds are not taken off.
    """
    t = ask.money(ask.facts("orders"), "orders", ["revenue", "refunded"])
    return _netted(t, gross=gross), _left_out(t)


def _left_out(t: ir.Table) -> list[Reason]:
    return [
        (t.status.lower().isin(NOT_COUNTED), "failed, void or a test"),
        (t.no_rate, NO_RATE),
    ]


def _netted(t: ir.Table, *, gross: bool = False) -> ir.Table:
    gone = t.status.lower().isin(CANCELLED).fill_null(False)
    revenue = ibis.ifelse(gone, 0, t.revenue.fill_null(0))
    refunded = ibis.ifelse(gone | gross, 0, t.refunded.fill_null(0))
    return t.mutate(net=revenue - refunded, stands=is_order(t))


def subscribed(ask: Ask) -> tuple[ir.Table, list[Reason]]:
    """Subscriptions as `ordered` gives orders: one row a subscription and calendar month of the question's periods.

    A month that is covered in part brings that part of the MRR.
    """
    spans, fact = spans_of(ask)
    if fact != "subscriptions":
        spans = spans.filter(ibis.literal(False))
    months = _months(ask)
    over = spans.join(
        months, [spans.started_at < months.finish, spans.ended_at.isnull() | (spans.ended_at > months.begin)]
    )
    begin = ibis.greatest(over.started_at, over.begin)
    finish = ibis.least(over.ended_at.coalesce(over.finish), over.finish)
    part = finish.delta(begin, unit="microsecond").cast("float64") / over.length
    over = over.mutate(instant=begin, part=part, subscription=over.id)
    over = over.mutate(id=over.id + ":" + over.number.cast("string"))
    t = ask.money(ask.belonging(over, "subscriptions"), "subscriptions", ["mrr"])
    net = t.mrr.fill_null(0).cast("float64") * t.part
    return t.mutate(net=net, stands=ibis.literal(True)), [(t.no_rate, NO_RATE)]


def earned(ask: Ask, windows: ir.Table) -> ir.Table:
    """What known customers brought in each window: rows with `period, net, margin, deals, no_rate`.

    Dimensions are as of the window's end. A row is an order or a line of one, at the rate of its day; an order is one
    deal. Where there are no orders it is a subscription, with the MRR of the time that it ran and as many deals as
    months, at the rate of the window's end.
    `margin` is net of the goods' cost, else the workspace's margin of it, else null.
    """
    t = _orders_in(ask, windows) if from_orders(ask) else _subscriptions_in(ask, windows)
    t = t.drop(*[c for c in t.columns if c.startswith("r:")])
    t = ask.belonging(t.mutate(instant=t.finish), fact_of(ask))
    share = ask.settings.margin_percent
    assumed = t.net.cast("float64") * (share / 100) if share else ibis.null("float64")
    cost = t.goods_cost.cast("float64")
    t = t.mutate(margin=ibis.ifelse(cost.isnull(), assumed, t.net.cast("float64") - cost))
    return t.filter(t.customer_key.coalesce(t.account_key).notnull())


def fact_of(ask: Ask) -> str:
    """The table that revenue comes from."""
    return "orders" if from_orders(ask) else "subscriptions"


def _orders_in(ask: Ask, windows: ir.Table) -> ir.Table:
    t = ask.reader.table("orders")
    t = t.filter(~t.status.lower().isin(NOT_COUNTED).fill_null(False))
    t = ask.money(t, "orders", ["revenue", "refunded", "goods_cost"], on="ordered_at")
    t = _netted(t)
    deal = t.stands & _is_first_line(ask, t)
    t = t.mutate(goods_cost=ibis.ifelse(t.stands, t.goods_cost, 0), deals=ibis.ifelse(deal, 1.0, 0.0))
    return t.join(windows, [t.ordered_at >= windows.begin, t.ordered_at < windows.finish])


def _any_order_line(reader: Reader) -> bool:
    return bool(reader.run(reader.table("orders").order_id.notnull().any()).as_py())


def _is_first_line(ask: Ask, t: ir.Table) -> ir.BooleanValue:
    """Whether a row is the first line of its order that stands, so that an order of several lines is one deal."""
    if not ask.reader.kept("order lines", _any_order_line, ("orders",)):
        return ibis.literal(True)
    lines = ibis.window(group_by=[t.source, order_key(t), t.stands], order_by=[t.ordered_at, t.id])
    return ibis.row_number().over(lines) == 0


def _subscriptions_in(ask: Ask, windows: ir.Table) -> ir.Table:
    t, fact = spans_of(ask)
    t = t.filter(ibis.literal(fact == "subscriptions"))
    ran = [t.started_at < windows.finish, t.ended_at.isnull() | (t.ended_at > windows.begin)]
    t = t.join(windows, ran)
    t = ask.money(t, "subscriptions", ["mrr"], on="finish")
    last = ibis.least(t.ended_at.coalesce(t.finish), t.finish)
    months = last.delta(ibis.greatest(t.started_at, t.begin), unit="microsecond").cast("float64") / MONTH
    net = t.mrr.fill_null(0).cast("float64") * months
    return t.mutate(net=net, deals=months, goods_cost=ibis.null("float64"))


def spent(ask: Ask, windows: ir.Table, kinds: tuple[str, ...]) -> ir.Table:
    """What was spent in each window: rows with `period, amount, no_rate`, dimensions as of its end; null keys too.

    Where no service costs are recorded, those of conversations stand for them: their own cost, else the minutes that
    colleagues worked on them at the rate of the day.
    """
    t = ask.reader.table("costs")
    t = ask.money(t.filter(t.kind.isin(kinds)), "costs", ["amount"], on="incurred_at")
    columns = ["id", "source", "customer_id", "account_id", "amount", "no_rate"]
    rows = t.select(*columns, moment=t.incurred_at).mutate(amount=ibis._.amount.cast("float64"))
    if "service" in kinds and not _service_costs(ask):
        talks = _handling(ask)
        rows = rows.union(talks.select(*columns, moment=talks.opened_at))
    rows = rows.join(windows, [rows.moment >= windows.begin, rows.moment < windows.finish])
    return ask.belonging(rows.mutate(instant=rows.finish), fact_of(ask))


def _handling(ask: Ask) -> ir.Table:
    """Conversations with the `amount` that they cost; those of which it is not known are left out."""
    c, card = ask.reader.table("conversations"), ask.settings.rate_card
    c = c.mutate(amount=c.cost) if card else c.filter(c.cost.notnull()).mutate(amount=c.cost)
    c = ask.money(c, "conversations", ["amount"], on="opened_at")
    given = c.amount.cast("float64")
    if not card:
        return c.mutate(amount=given)
    worked = handling_cost(c, card, ask.reader.zone)
    c = c.mutate(amount=ibis.ifelse(c.cost.isnull(), worked, given), no_rate=c.no_rate & c.cost.notnull())
    return c.filter(c.cost.notnull() | c.amount.notnull())


def _service_costs(ask: Ask) -> bool:
    return ask.reader.kept("service costs", _any_service_cost, ("costs",))


def _any_service_cost(reader: Reader) -> bool:
    return bool(reader.run((reader.table("costs").kind == "service").any()).as_py())


def _months(ask: Ask) -> ir.Table:
    """The question's periods cut at calendar months: `number, begin, finish`, and `length`, the whole month's."""
    zone, pieces = ask.reader.zone, []
    last = ask.last_day()
    for period in ask.periods:
        day = period.start
        while day < period.end:
            first = day.replace(day=1)
            after = min(add_months(first, 1), period.end)
            pieces.append((day, after, first))
            day = after
    if last is not None:
        pieces = [piece for piece in pieces if piece[0] <= last]
    index = ibis.range(0, len(pieces)).unnest().name("number").as_table()
    if not pieces:
        never = instant_literal(midnight(date(9999, 1, 1), zone))
        return index.mutate(begin=never, finish=never, length=ibis.literal(1.0))

    def case(values: list[ir.Value]) -> ir.Value:
        return ibis.cases(*[(index.number == n, value) for n, value in enumerate(values)], else_=None)

    lengths = [midnight(add_months(first, 1), zone) - midnight(first, zone) for _, _, first in pieces]
    return index.mutate(
        begin=case([instant_literal(midnight(a, zone)) for a, _, _ in pieces]),
        finish=case([instant_literal(midnight(b, zone)) for _, b, _ in pieces]),
        length=case([ibis.literal(span.total_seconds() * 1e6) for span in lengths]),
    )


def unfiltered(ask: Ask, *, whole: bool = False) -> Ask:
    """The same question without its filters and groups, for facts that are looked up beside its rows.

    With `whole`, without its range, too.
    """
    viewer = replace(OWNER, workspace=ask.question.viewer.workspace)
    plain = replace(ask.question, by=(), where=None, viewer=viewer)
    plain = replace(plain, start=None, end=None) if whole else plain
    return Ask(ask.reader, ask.metric, ask.asked, plain, ask.periods)
